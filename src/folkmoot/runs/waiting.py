"""Who waits for the end of a run in this process."""

import asyncio

from folkmoot.kernel.signals import news_within
from folkmoot.runs.tables import Run


class Waiter:
    """Hears of one run while it is entered."""

    def __init__(self, waiters: "dict[str, list[Waiter]]", run_id: str) -> None:
        self.run: Run | None = None
        self._news = asyncio.Event()
        self._waiters = waiters
        self._run_id = run_id

    def __enter__(self) -> "Waiter":
        self._waiters.setdefault(self._run_id, []).append(self)
        return self

    def __exit__(self, *_: object) -> None:
        beside = self._waiters[self._run_id]
        beside.remove(self)
        if not beside:
            del self._waiters[self._run_id]

    def tell(self, run: Run | None) -> None:
        """The run as it has ended, or None: look."""
        self.run = run or self.run
        self._news.set()

    async def hears(self, seconds: float) -> None:
        """Until there is something to look at, at most so long."""
        await news_within(self._news, seconds)


class Waiting:
    """Everybody who waits, by run."""

    def __init__(self) -> None:
        self._waiters: dict[str, list[Waiter]] = {}

    def of(self, run_id: str) -> Waiter:
        return Waiter(self._waiters, run_id)

    def tell(self, run_id: str, run: Run | None) -> None:
        for waiter in self._waiters.get(run_id, ()):
            waiter.tell(run)

    def runs(self) -> tuple[str, ...]:
        return tuple(self._waiters)
