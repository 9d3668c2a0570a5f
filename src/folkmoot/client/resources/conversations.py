"""What operations of conversations answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.resources.knowledge import Citation
from folkmoot.client.resources.providers import CallUsage
from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class Acknowledgement(Resource):
    """Both as asked for; an expired message was not acknowledged in time, and is not listed as unacknowledged
    again.
    """

    acknowledged: list[str]
    expired: list[str]


class Conversation(Resource):
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


class ConversationPage(Resource):
    total: int
    skip: int
    limit: int
    conversations: list[Conversation]


class Message(Resource):
    """What a reply cites stands beside its text, as in the answer that it was."""

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
    to_agent_id: str | None
    models: list[str]
    citations: list[Citation] | None = None
    unknown_citations: list[str] | None = None
    ack_until: datetime | None
    acked_at: datetime | None
    created_at: datetime


class MessageLog(Resource):
    """Messages in order; `next` is the `after` of what follows, null at the end."""

    messages: list[Message]
    next: int | None


class MessagePage(Resource):
    total: int
    skip: int
    limit: int
    messages: list[Message]


class OllamaChat(Resource):
    """`conversation_id` is that of the standing conversation with the agent, null without one."""

    model: str
    message: str
    response: str
    citations: list[Citation] | None = None
    unknown_citations: list[str] | None = None
    agent_id: str | None
    conversation_id: str | None
    usage: CallUsage
    created_at: datetime


class ReplyUsage(Resource):
    input_tokens: int
    output_tokens: int
    cost_usd: str | None
    model_calls: int


class Reply(Resource):
    """What the response cites as [id] is listed: passages in `citations`, ids of none in `unknown_citations`."""

    message: str
    response: str
    citations: list[Citation] | None = None
    unknown_citations: list[str] | None = None
    agent_id: str
    agent_name: str
    status: str
    conversation_id: str
    message_id: str
    reply_id: str
    run_id: str
    models: list[str]
    usage: ReplyUsage


class ReplyPending(Resource):
    """The reply is not there yet: it waits for its turn, for a person or for a provider."""

    run_id: str
    status: str
    waiting_for: str | None
    agent_id: str
    conversation_id: str
    message_id: str
