"""The embedded dispatcher: runs are worked on in this process, as tasks, at most so many at once."""

from collections import deque

from folkmoot.engine.dispatch import Work
from folkmoot.kernel.supervisor import Supervisor

CONCURRENCY = 512


class LocalDispatcher:
    """Tells are remembered only while they wait or are worked on."""

    def __init__(self, supervisor: Supervisor, concurrency: int = CONCURRENCY) -> None:
        self._supervisor = supervisor
        self._concurrency = concurrency
        self._waiting: deque[tuple[str, int]] = deque()
        self._known: set[tuple[str, int]] = set()
        self._at_work = 0
        self._work: Work | None = None

    def tell(self, run_id: str, epoch: int) -> None:
        told = (run_id, epoch)
        if self._work is None or told in self._known:
            return
        self._known.add(told)
        self._waiting.append(told)
        self._fill()

    async def start(self, work: Work) -> None:
        self._work = work

    async def stop(self) -> None:
        self._work = None
        self._known.difference_update(self._waiting)
        self._waiting.clear()

    @property
    def depth(self) -> int:
        """How many told runs wait for a place in this process."""
        return len(self._waiting)

    def _fill(self) -> None:
        while self._work is not None and self._waiting and self._at_work < self._concurrency:
            told = self._waiting.popleft()
            self._at_work += 1
            self._supervisor.start(self._run(self._work, told), f"dispatch {told[0]}")

    async def _run(self, work: Work, told: tuple[str, int]) -> None:
        try:
            await work(*told)
        finally:
            self._at_work -= 1
            self._known.discard(told)
            self._fill()
