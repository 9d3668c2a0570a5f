"""What happens to contexts, as facts."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from folkmoot.kernel.facts import Fact, Shows
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class AgentContextUpdated(Fact):
    """A context reads differently: a version was written, or with `rollback` an older one is current again."""

    type = "agent_context_updated"
    example: ClassVar[JsonObject] = {
        "context_id": "01a1fdeb-53f0-7c5a-9f0e-5a8f5d3c2b11",
        "context_name": "default",
        "version": 2,
        "change_description": "Decided the database",
        "created_by": "user:local",
        "rollback": False,
    }

    context_id: str
    context_name: str
    version: int
    change_description: str | None
    created_by: str
    context: Annotated[JsonObject, Shows("context")]
    rollback: bool = False
