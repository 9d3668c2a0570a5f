"""What happens to tasks, as facts; what happens to their runs is told by the runs."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from folkmoot.kernel.facts import Fact, Shows
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class TaskCreated(Fact):
    """Somebody has given a task."""

    type = "task_created"
    example: ClassVar[JsonObject] = {"name": "Crash promises"}

    task_id: str
    name: str
    task: Annotated[JsonObject, Shows("task")]


@dataclass(frozen=True, kw_only=True)
class TaskCompleted(Fact):
    """A run of the task ended completed; the run's own last event follows."""

    type = "task_completed"
    example: ClassVar[JsonObject] = {
        "name": "Crash promises",
        "run_number": 1,
        "summary": "After a crash every run goes on where it was.",
    }

    task_id: str
    name: str
    run_number: int | None
    summary: str | None
