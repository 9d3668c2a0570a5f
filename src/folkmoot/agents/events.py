"""What happens to agents, as facts."""

from dataclasses import dataclass

from folkmoot.kernel.facts import Fact


@dataclass(frozen=True, kw_only=True)
class AgentStatusChanged(Fact):
    """The status an agent shows has changed; `error` says why where it is `error`."""

    type = "agent_status_changed"

    agent_id: str
    previous_status: str
    status: str
    error: str | None


@dataclass(frozen=True, kw_only=True)
class AgentActivity(Fact):
    """A verb of an agent's life was called, or something was put into its mailbox."""

    type = "agent_activity"

    agent_id: str
    action: str
    direction: str | None = None
    correlation_id: str | None = None
