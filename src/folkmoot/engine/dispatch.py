"""The dispatch port: carries the ids of admitted runs to a worker, at least once. The runs table alone is the truth."""

from collections.abc import Awaitable, Callable
from typing import Protocol

Work = Callable[[str, int], Awaitable[None]]


class Dispatcher(Protocol):
    """At least once: a tell may be lost with its process and is told again by the sweep; the claim decides."""

    def tell(self, run_id: str, epoch: int) -> None:
        """A run may be claimed at this epoch. Known pairs are ignored; before `start` and after `stop` all are."""
        ...

    async def start(self, work: Work) -> None:
        """Begin to call `work(run_id, epoch)` for what is told."""
        ...

    async def stop(self) -> None:
        """Call `work` no more; what was begun goes on."""
        ...
