"""Following a run: its event stream, through lost connections, to the moment it stops moving."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from folkmoot.cli.client import Client, Frame
from folkmoot.cli.problems import ConnectionLost, Refused, is_passing
from folkmoot.cli.progress import Progress
from folkmoot.cli.text import number, status_of
from folkmoot.kernel.json import JsonObject

FINAL = frozenset({"completed", "failed", "cancelled", "timeout"})
STANDING = frozenset({"paused", "awaiting_approval"})
"""A run in one of these goes on only when somebody says so."""

_TERMINAL_EVENTS = frozenset({"completion", "failure", "cancelled"})
_TRIES = 6
_FIRST_DELAY_SECONDS = 0.2


class RunLost(ConnectionLost):
    """The connection was lost while the run was being followed"""


@dataclass
class Follower:
    """Follows one run and tells `progress` what happens."""

    client: Client
    run_id: str
    progress: Progress
    cursor: str | None = None
    log_cursor: int = 0

    async def to_rest(self) -> JsonObject:
        """The run when it has ended, or stands still until somebody acts. Raises RunLost after a few tries."""
        tries = 0
        while True:
            before = self.cursor
            try:
                run = await self._listen()
            except (ConnectionLost, Refused) as problem:
                if not is_passing(problem):
                    raise
                tries = 1 if self.cursor != before else tries + 1
                if tries > _TRIES:
                    raise RunLost(
                        f"The connection was lost and {self.run_id} may still be running; "
                        f"go on with: folkmoot resume {self.run_id}"
                    ) from problem
                self.progress.screen.passing("the connection was lost, trying again")
                await asyncio.sleep(_FIRST_DELAY_SECONDS * 2**tries)
                continue
            if run is not None:
                return run
            # A stream that ends early and says nothing must not become a busy loop.
            if self.cursor == before:
                await asyncio.sleep(_FIRST_DELAY_SECONDS)

    async def _listen(self) -> JsonObject | None:
        """One connection's worth of frames; the run if it is at rest when they end."""
        async with aclosing(self.client.stream(f"/api/runs/{self.run_id}/stream", self.cursor)) as frames:
            async for frame in frames:
                if await self._take(frame):
                    break
        await self._read_logs()
        run = await self._look()
        return run if status_of(run) in FINAL | STANDING else None

    async def _take(self, frame: Frame) -> bool:
        """Show a frame; answers whether nothing more is to be expected."""
        if frame.id is None:
            self.progress.live(frame.data)
            return False
        self.cursor = frame.id
        await self._read_logs()
        run = await self._look()
        self.progress.event(frame.data)
        return frame.data.get("event_type") in _TERMINAL_EVENTS or status_of(run) in STANDING

    async def _look(self) -> JsonObject:
        run = await self.client.get(f"/api/runs/{self.run_id}")
        self.progress.used(run.get("usage"))
        return run

    async def _read_logs(self) -> None:
        async for line in self.client.log(self.run_id, self.log_cursor):
            self.log_cursor = max(self.log_cursor, number(line.get("seq")))
            self.progress.log(line)
