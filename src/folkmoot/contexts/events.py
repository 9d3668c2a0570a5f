"""What happens to contexts, as facts."""

from dataclasses import dataclass

from folkmoot.kernel.facts import Fact


@dataclass(frozen=True, kw_only=True)
class AgentContextUpdated(Fact):
    """A context reads differently: a version was written, or with `rollback` an older one is current again."""

    type = "agent_context_updated"

    context_id: str
    context_name: str
    version: int
    change_description: str | None
    created_by: str
    rollback: bool = False
