"""What happens to tasks, as facts; what happens to their runs is told by the runs."""

from dataclasses import dataclass

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class TaskCreated(Fact):
    """Somebody has given a task."""

    type = "task_created"

    task_id: str
    name: str
    task: JsonObject


@dataclass(frozen=True, kw_only=True)
class TaskCompleted(Fact):
    """A run of the task ended completed; the run's own last event follows."""

    type = "task_completed"

    task_id: str
    name: str
    run_number: int | None
    summary: str | None
