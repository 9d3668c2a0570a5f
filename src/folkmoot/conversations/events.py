"""What happens in conversations, as facts."""

from dataclasses import dataclass

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class AgentMessage(Fact):
    """Something was said to an agent or by it."""

    type = "agent_message"

    agent_id: str
    message: JsonObject
