"""The dispatch port: carries the ids of admitted runs to a worker, at least once. The runs table alone is the truth."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

CONCURRENCY = 512
"""Runs one process works on at the same time, unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Told:
    """A run that may be claimed at this epoch, and who can and should: its kind, and how urgent it is."""

    run_id: str
    epoch: int
    kind: str
    workspace_id: str
    priority: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.run_id, self.epoch


Work = Callable[[Told], Awaitable[None]]


class Dispatcher(Protocol):
    """At least once: a tell may be lost with its process and is told again by the sweep; the claim decides."""

    def tell(self, told: Told) -> None:
        """Never waits. What is told already, or in work here, at the same epoch is ignored."""
        ...

    async def start(self, work: Work, kinds: Collection[str]) -> None:
        """Begin to call `work` with what is told of these kinds; others are left alone."""
        ...

    async def stop(self) -> None:
        """Call `work` no more; what was begun goes on. May be started again."""
        ...

    async def close(self) -> None:
        """Let go of what is held open, once what was told is on its way to others."""
        ...
