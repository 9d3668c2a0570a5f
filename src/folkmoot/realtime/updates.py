"""What `/ws/agent-updates` says: how the workspace's agents and the server are, again and again, and finished tasks."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from folkmoot.events.rules import Selection
from folkmoot.http.figures import Figures
from folkmoot.kernel.clock import iso, now
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.ops.status import system_status
from folkmoot.realtime.deps import Visit
from folkmoot.realtime.streams import Batch
from folkmoot.realtime.websocket import Connection
from folkmoot.tasks.events import TaskCompleted

_FINISHED = Selection(types=frozenset({TaskCompleted.type}))


class Updates:
    """For one socket."""

    def __init__(self, visit: Visit, seen: Figures, seconds: float) -> None:
        self._visit = visit
        self._seen = seen
        self._seconds = seconds
        self._has_begun = asyncio.Event()

    async def batches(self, after: int | None) -> AsyncGenerator[Batch, None]:
        """The status first, of a time at which everything later is followed already."""
        async with aclosing(self._visit.follow("agent-updates", _FINISHED, after)) as batches:
            subscribed = await anext(batches)
            yield Batch([await self._status("system_status")])
            self._has_begun.set()
            if after is not None:
                yield subscribed
            async for batch in batches:
                yield batch

    async def repeat(self, socket: Connection) -> None:
        await self._has_begun.wait()
        while True:
            await asyncio.sleep(self._seconds)
            await socket.send([dumps(await self._status("status_update"))])

    async def _status(self, event_type: str) -> JsonObject:
        status = await system_status(self._visit.process.db, self._seen, self._visit.here)
        return {
            "event_type": event_type,
            "timestamp": iso(now()),
            "workspace_id": self._visit.here.workspace_id,
            "data": status.model_dump(mode="json"),
        }
