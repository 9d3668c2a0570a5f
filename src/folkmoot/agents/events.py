"""What happens to agents, as facts."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from folkmoot.kernel.facts import Fact, Shows
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class AgentStatusChanged(Fact):
    """The status an agent shows has changed; `error` says why where it is `error`.

    `agent` and `totals` have what changes along with it, of the agent and of what `/status` says of it.
    """

    type = "agent_status_changed"
    example: ClassVar[JsonObject] = {"previous_status": "busy", "status": "active", "error": None}

    agent_id: str
    previous_status: str
    status: str
    error: str | None
    agent: Annotated[JsonObject, Shows("agent", is_part=True)]
    totals: Annotated[JsonObject, Shows("agent_status", is_part=True)]


@dataclass(frozen=True, kw_only=True)
class AgentActivity(Fact):
    """A verb of an agent's life was called, or something was put into its mailbox."""

    type = "agent_activity"
    example: ClassVar[JsonObject] = {"action": "message", "direction": "inbound", "correlation_id": "b-7"}

    agent_id: str
    action: str
    direction: str | None = None
    correlation_id: str | None = None
