"""What agents may do with mailboxes: leave another agent a message."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.conversations.mailbox import MailboxRules, post
from folkmoot.conversations.schemas import NewPost
from folkmoot.kernel.errors import BadRequest
from folkmoot.kernel.json import Json
from folkmoot.tools.registry import Tool, ToolContext, typed_tool


class NobodySends(BadRequest):
    """Only an agent sends messages to agents"""


class SendToAgent(BaseModel):
    """Leave a message in another agent's mailbox. It is stored and told to who follows; nobody replies by itself."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    to_agent_id: Annotated[str, Field(min_length=1, max_length=255, description="The other agent's id, number or slug")]
    message: Annotated[str, Field(min_length=1, max_length=8000)]


def mailbox_tools(rules: MailboxRules) -> tuple[Tool, ...]:
    async def send(context: ToolContext, arguments: SendToAgent) -> Json:
        if context.agent_id is None:
            raise NobodySends
        new = NewPost(
            direction="outbound",
            payload={"text": arguments.message},
            to_agent_id=arguments.to_agent_id,
            run_id=context.run_id,
        )
        sent = await context.db.write(post, context.scope, rules, context.agent_id, new)
        return {"message_id": str(sent.id)}

    return (typed_tool("send_to_agent", SendToAgent, send, effect="unsafe", risk="write"),)
