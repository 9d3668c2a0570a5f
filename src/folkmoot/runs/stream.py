"""A run as it happens: its durable events in order, and between them what it shows before it is done."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from folkmoot.db.database import Database
from folkmoot.events.follow import EventHub, Follower, Sees
from folkmoot.events.frames import Frame
from folkmoot.events.rules import about
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.runs.live import LiveHub, Watcher
from folkmoot.runs.queries import shown_rooms
from folkmoot.runs.tables import Run

TERMINAL = frozenset({"completion", "failure", "cancelled"})


@dataclass(frozen=True, slots=True)
class RunWatch:
    """Where a run is watched from."""

    hub: EventHub
    live: LiveHub
    supervisor: Supervisor

    async def follow(self, scope: Scope, run: Run, after: int | None) -> AsyncGenerator[Frame | JsonObject, None]:
        """First the `subscribed` frame; then frames with seq > after (None: only new ones), up to the terminal one.

        What is no Frame is a control frame. What was shown live comes before the event that makes it durable. Who is
        not in the room of a room's run any more is shown nothing of it: the stay that he follows it in ends soon.
        """
        watcher, sees = self.live.watch(run.id), seen_by(self.hub.db, scope)
        try:
            async with self.hub.follow(run.workspace_id, after, about("run_id", run.id), sees) as follower:
                yield subscribed(f"run:{run.id}", follower)
                async for item in self._both(follower, watcher):
                    if run.room_id is not None and not await sees(frozenset([run.room_id])):
                        continue
                    yield item
                    if isinstance(item, Frame) and item.type in TERMINAL:
                        return
        finally:
            self.live.leave(run.id, watcher)

    async def _both(self, follower: Follower, watcher: Watcher) -> AsyncGenerator[Frame | JsonObject, None]:
        durable: asyncio.Task[Frame | None] | None = None
        live: asyncio.Task[None] | None = None
        try:
            while True:
                durable = durable or self.supervisor.start(_next(follower), "next event")
                if live is None and not watcher.is_over:
                    live = self.supervisor.start(watcher.ready(), "next deltas")
                waited = {durable} if live is None else {durable, live}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                for shown in watcher.take():
                    yield shown
                if live is not None and live.done():
                    live = None
                if durable.done():
                    frame, durable = durable.result(), None
                    if frame is None:
                        return
                    yield frame
        finally:
            left = [task for task in (durable, live) if task is not None]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


def seen_by(db: Database, scope: Scope) -> Sees:
    """Of which rooms somebody is told, looked up whenever there is something to tell of one."""

    async def sees(rooms: frozenset[str]) -> frozenset[str]:
        return await db.read(shown_rooms, scope, rooms)

    return sees


def subscribed(channel: str, follower: Follower) -> JsonObject:
    return {
        "type": "subscribed",
        "channel": channel,
        "after": follower.after,
        "oldest": follower.oldest,
        "latest": follower.latest,
        "reset": follower.reset,
    }


async def _next(follower: Follower) -> Frame | None:
    return await anext(follower, None)
