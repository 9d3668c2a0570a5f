"""The wire of conversations, messages and replies."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, LongText
from folkmoot.kernel.json import JsonObject

OnBusy = Literal["wait", "reject"]
Direction = Literal["inbound", "outbound", "system"]


class NewMessage(BaseModel):
    """`conversation_id`: none = the standing conversation with the agent, `new` opens one."""

    model_config = ConfigDict(extra="forbid")

    message: LongText
    conversation_id: Line | None = None
    stream: bool = False
    on_busy: OnBusy = "wait"


class ReplyUsage(BaseModel):
    input_tokens: int
    output_tokens: int
    cost_usd: str | None
    model_calls: int


class Reply(BaseModel):
    message: str
    response: str
    agent_id: str
    agent_name: str
    status: str
    conversation_id: str
    message_id: str
    reply_id: str
    run_id: str
    models: list[str]
    usage: ReplyUsage


class ReplyPending(BaseModel):
    """The reply is not there yet: it waits for its turn, for a person or for a provider."""

    run_id: str
    status: str
    waiting_for: str | None
    agent_id: str
    conversation_id: str
    message_id: str


class MessageView(BaseModel):
    id: str
    conversation_id: str
    seq: int
    agent_id: str | None
    author_kind: str
    author_id: str
    direction: str
    text: str
    payload: JsonObject | None
    correlation_id: str | None
    task_id: str | None
    run_id: str | None
    reply_to: str | None
    models: list[str]
    created_at: datetime


class MessagePage(Page):
    messages: list[MessageView]


class MessageLog(BaseModel):
    """Messages in order; `next` is the `after` of what follows, null at the end."""

    messages: list[MessageView]
    next: int | None


class ConversationView(BaseModel):
    id: str
    kind: str
    agent_id: str | None
    user_id: str | None
    title: str
    is_standing: bool
    last_seq: int
    live_run_id: str | None
    workspace_id: str
    project_id: str
    created_at: datetime
    updated_at: datetime


class ConversationPage(Page):
    conversations: list[ConversationView]


class ConversationChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Annotated[Line, Field(max_length=200)]
