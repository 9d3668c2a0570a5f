"""Who waits for the end of a run in this process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from folkmoot.runs.tables import Run


class Waiter:
    """Hears of one run."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self._news = asyncio.Event()

    def tell(self, run: Run | None) -> None:
        """The run as it has ended, or None: look."""
        self.run = run or self.run
        self._news.set()

    async def hears(self, seconds: float) -> None:
        """Until there is something to look at, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()


class Waiting:
    """Everybody who waits, by run."""

    def __init__(self) -> None:
        self._waiters: dict[str, list[Waiter]] = {}

    @contextmanager
    def of(self, run_id: str) -> Iterator[Waiter]:
        waiter = Waiter()
        self._waiters.setdefault(run_id, []).append(waiter)
        try:
            yield waiter
        finally:
            waiters = self._waiters[run_id]
            waiters.remove(waiter)
            if not waiters:
                del self._waiters[run_id]

    def tell(self, run_id: str, run: Run | None) -> None:
        for waiter in self._waiters.get(run_id, ()):
            waiter.tell(run)

    def runs(self) -> tuple[str, ...]:
        return tuple(self._waiters)
