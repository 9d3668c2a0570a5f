"""Server-sent events: a stream that notices when its reader has gone, and keeps a quiet line open."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from time import monotonic

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from folkmoot.http.problems import document
from folkmoot.http.race import gone, race
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import dumps
from folkmoot.kernel.supervisor import Supervisor

HEARTBEAT_SECONDS = 15.0

Until = Callable[[], Coroutine[object, object, None]]


def part(event: str, data: str, after: int | str | None = None) -> bytes:
    """One event; `data` is JSON on one line, `after` the cursor a reader resumes after."""
    cursor = "" if after is None else f"id: {after}\n"
    return f"{cursor}event: {event}\ndata: {data}\n\n".encode()


class EventStream(Response):
    """Sends the parts as they come, until whoever reads may no longer: `until` returns then.

    A Problem raised by the parts is the last event: `problem`.
    """

    media_type = "text/event-stream"
    charset = "utf-8"

    def __init__(self, parts: AsyncGenerator[bytes, None], supervisor: Supervisor, until: Until | None = None) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._parts = parts
        self._supervisor = supervisor
        self._until = until
        self._sent_at = monotonic()
        self._problem: Problem | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            others = () if self._until is None else (self._until(),)
            await race(self._supervisor, self._pump(send), self._beat(send), gone(receive), *others)
        finally:
            await self._parts.aclose()
        last = b""
        if self._problem is not None:
            state = Request(scope).state
            last = part("problem", dumps(document(self._problem, state.path, state.request_id)))
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _pump(self, send: Send) -> None:
        try:
            async for body in self._parts:
                await send({"type": "http.response.body", "body": body, "more_body": True})
                self._sent_at = monotonic()
        except Problem as problem:  # kept, not raised on: a task that raises is logged as a bug
            self._problem = problem

    async def _beat(self, send: Send) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if monotonic() - self._sent_at >= HEARTBEAT_SECONDS:
                await send({"type": "http.response.body", "body": b": heartbeat\n\n", "more_body": True})
