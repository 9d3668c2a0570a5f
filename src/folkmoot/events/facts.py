"""The fact of every verb that has none of its own."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from folkmoot.kernel.facts import Fact, Shows
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class ResourceChanged(Fact):
    """A resource was created, changed or deleted; `view` is how it looks now, null once deleted."""

    type = "resource_changed"
    example: ClassVar[JsonObject] = {
        "resource": "task",
        "id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
        "change": "deleted",
        "view": None,
    }

    resource: str
    id: str
    change: Literal["created", "updated", "deleted"]
    view: Annotated[JsonObject, Shows()] | None


@dataclass(frozen=True, kw_only=True)
class WorkflowUpdate(Fact):
    """Somebody said how a workflow of theirs goes: a note, which changes no state."""

    type = "workflow_update"
    example: ClassVar[JsonObject] = {"workflow_id": "w-7", "status": "running", "message": "Half way"}

    workflow_id: str
    status: str
    message: str
