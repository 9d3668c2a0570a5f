"""What the units and the driver of runs need of the process they run in, and what observers of runs implement."""

from collections.abc import Callable, Sequence
from typing import Protocol

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.kernel.tracing import Tracer
from folkmoot.runs.folded import Folded
from folkmoot.runs.journal import Executor
from folkmoot.runs.live import LiveHub
from folkmoot.runs.tables import Run
from folkmoot.usage.covered import Covered

Cites = Callable[[Tx, Run, str], JsonObject]
"""Looks up what an answer of a run cites: members for its result, none where it cites nothing."""


class Engine(Protocol):
    """The engine as its parts see it. What is not data here is called after a commit and never inside a unit."""

    database: Database
    supervisor: Supervisor
    live: LiveHub
    host_id: str
    budgets: Covered
    tracer: Tracer

    @property
    def observers(self) -> Sequence["Observer"]: ...

    @property
    def cites(self) -> Cites: ...

    def executor(self, kind: str) -> Executor[object]: ...

    def tell(self, run: Run) -> None:
        """An admitted run is ready to be claimed."""
        ...

    def check_room(self) -> None:
        """Raises TooManyLiveReplies where this process has no room for one more."""
        ...

    def begin_here(self, known: Folded) -> None:
        """Work on a run that this process holds, without the dispatcher."""
        ...

    def poke(self, run_id: str) -> None:
        """A verb wrote to the run: its driver, wherever it is, looks."""
        ...

    def end_children(self, run: Run) -> None:
        """A run is over that had children at work: they are over too."""
        ...

    def has_ended(self, run: Run) -> None:
        """A run's end is committed: wake who waits for it, stop what works on it still."""
        ...


class Observer(Protocol):
    """A room that must know when a run's status changes, in the same unit."""

    def status_changed(self, tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
        """`run` is the row after; `previous` the status before, None for a run that was just made."""
        ...
