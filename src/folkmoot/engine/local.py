"""The embedded dispatcher: runs are worked on in this process, as tasks, at most so many at once."""

from collections import deque
from collections.abc import Collection

from folkmoot.engine.dispatch import CONCURRENCY, Told, Work
from folkmoot.kernel.supervisor import Supervisor


class LocalDispatcher:
    """Tells are remembered only while they wait or are worked on; before `start` and after `stop` none are."""

    def __init__(self, supervisor: Supervisor, concurrency: int = CONCURRENCY) -> None:
        self._supervisor = supervisor
        self._concurrency = concurrency
        self._waiting: deque[Told] = deque()
        self._known: set[tuple[str, int]] = set()
        self._at_work = 0
        self._work: Work | None = None
        self._kinds: frozenset[str] = frozenset()

    def tell(self, told: Told) -> None:
        if self._work is None or told.key in self._known or told.kind not in self._kinds:
            return
        self._known.add(told.key)
        self._waiting.append(told)
        self._fill()

    async def start(self, work: Work, kinds: Collection[str]) -> None:
        self._work, self._kinds = work, frozenset(kinds)

    async def stop(self) -> None:
        self._work = None
        self._known.difference_update(told.key for told in self._waiting)
        self._waiting.clear()

    async def close(self) -> None:
        return

    @property
    def depth(self) -> int:
        """How many told runs wait for a place in this process."""
        return len(self._waiting)

    def _fill(self) -> None:
        while self._work is not None and self._waiting and self._at_work < self._concurrency:
            told = self._waiting.popleft()
            self._at_work += 1
            self._supervisor.start(self._run(self._work, told), f"dispatch {told.run_id}")

    async def _run(self, work: Work, told: Told) -> None:
        try:
            await work(told)
        finally:
            self._at_work -= 1
            self._known.discard(told.key)
            self._fill()
