"""What happens in conversations, as facts."""

from dataclasses import dataclass
from typing import Annotated

from folkmoot.kernel.facts import Fact, Shows
from folkmoot.kernel.json import JsonObject


@dataclass(frozen=True, kw_only=True)
class AgentMessage(Fact):
    """Something was said to an agent or by it; `conversation` is null where it went into a mailbox."""

    type = "agent_message"

    agent_id: str
    message: Annotated[JsonObject, Shows("message")]
    conversation: Annotated[JsonObject, Shows("conversation", is_part=True)] | None = None
