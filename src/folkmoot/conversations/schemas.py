"""The wire of conversations, messages and replies."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, LongText
from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject, dumps
from folkmoot.knowledge.citing import Citation

OnBusy = Literal["wait", "reject"]
Direction = Literal["inbound", "outbound", "system"]
PAYLOAD_BYTES = 262_144
MOST_ACKNOWLEDGED = 200


def _bounded(payload: JsonObject) -> JsonObject:
    if len(dumps(payload)) > PAYLOAD_BYTES:
        raise ValueError(f"is larger than {PAYLOAD_BYTES} bytes of JSON")
    return payload


class NewMessage(BaseModel):
    """`conversation_id`: none = the standing conversation with the agent, `new` opens one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"message": "What is promised about crashes?", "conversation_id": "new"}]},
    )

    message: LongText
    conversation_id: Line | None = None
    stream: bool = False
    on_busy: OnBusy = "wait"


class ReplyUsage(BaseModel):
    input_tokens: int
    output_tokens: int
    cost_usd: str | None
    model_calls: int


_CITATIONS: JsonObject = {
    "citations": [
        {
            "passage_id": "01a1fdeb-4f10-77a8-bc8f-fe2c68ec8fe4",
            "document_id": "01a1fdeb-4f0a-75cd-995a-150d2dd2255b",
            "title": "README.md",
            "start": 0,
            "end": 57,
        }
    ],
    "unknown_citations": [],
}


class Reply(BaseModel):
    """What the response cites as [id] is listed: passages in `citations`, ids of none in `unknown_citations`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message": "What is promised about crashes?",
                    "response": "After a crash every run goes on where it was [01a1fdeb-4f10-77a8-bc8f-fe2c68ec8fe4].",
                    **_CITATIONS,
                    "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                    "agent_name": "Ada",
                    "status": "active",
                    "conversation_id": "01a1fdeb-52a2-7358-8a66-ed233ff30cf8",
                    "message_id": "01a1fdeb-52a3-745f-9179-801539551fa2",
                    "reply_id": "01a1fdeb-52a3-74b3-913c-a9d9460d13e0",
                    "run_id": "01a1fdeb-529e-778b-bc5c-33e5dd398c8b",
                    "models": ["openai:gpt-5-mini"],
                    "usage": {"input_tokens": 120, "output_tokens": 14, "cost_usd": "0.0001", "model_calls": 1},
                }
            ]
        }
    )

    message: str
    response: str
    citations: tuple[Citation, ...] = ()
    unknown_citations: tuple[str, ...] = ()
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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": "01a1fdeb-529e-778b-bc5c-33e5dd398c8b",
                    "status": "pending",
                    "waiting_for": "time",
                    "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                    "conversation_id": "01a1fdeb-52a2-7358-8a66-ed233ff30cf8",
                    "message_id": "01a1fdeb-52a3-745f-9179-801539551fa2",
                }
            ]
        }
    )

    run_id: str
    status: str
    waiting_for: str | None
    agent_id: str
    conversation_id: str
    message_id: str


class MessageView(BaseModel):
    """What a reply cites stands beside its text, as in the answer that it was."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01a1fdeb-52a3-745f-9179-801539551fa2",
                    "conversation_id": "01a1fdeb-52a2-7358-8a66-ed233ff30cf8",
                    "seq": 1,
                    "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                    "author_kind": "user",
                    "author_id": "local",
                    "direction": "inbound",
                    "text": "What is promised about crashes?",
                    "payload": None,
                    "correlation_id": None,
                    "task_id": None,
                    "run_id": "01a1fdeb-529e-778b-bc5c-33e5dd398c8b",
                    "reply_to": None,
                    "to_agent_id": None,
                    "models": [],
                    "citations": [],
                    "unknown_citations": [],
                    "ack_until": None,
                    "acked_at": None,
                    "created_at": "2026-11-21T11:43:40.212584Z",
                }
            ]
        }
    )

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
    citations: tuple[Citation, ...] = ()
    unknown_citations: tuple[str, ...] = ()
    ack_until: datetime | None
    acked_at: datetime | None
    created_at: datetime


class NewPost(BaseModel):
    """What is put into an agent's mailbox; with `to_agent_id` (id, number or slug) it goes into that agent's too."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"direction": "inbound", "payload": {"text": "The build is green"}, "correlation_id": "b-7"}]
        },
    )

    direction: Direction | None = Field(None, description="Seen from the agent; outbound where it is to another agent")
    payload: Annotated[JsonObject, AfterValidator(_bounded)]
    correlation_id: Line | None = None
    task_id: Line | None = None
    run_id: Line | None = None
    to_agent_id: Line | Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = None

    @model_validator(mode="after")
    def _direction_fits(self) -> Self:
        if self.to_agent_id is None and self.direction is None:
            raise ValueError("a message has a direction or to_agent_id")
        if self.to_agent_id is not None and self.direction not in (None, "outbound"):
            raise ValueError("what goes to another agent is outbound")
        return self


class NewAcknowledgement(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"message_ids": ["01a1fdeb-52a3-745f-9179-801539551fa2"]}]}
    )

    message_ids: Annotated[list[Line], Field(min_length=1, max_length=MOST_ACKNOWLEDGED)]


class Acknowledgement(BaseModel):
    """Both as asked for; an expired message was not acknowledged in time, and is not listed as unacknowledged again."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"acknowledged": ["01a1fdeb-52a3-745f-9179-801539551fa2"], "expired": []}]}
    )

    acknowledged: list[str]
    expired: list[str]


class MessagePage(Page):
    messages: list[MessageView]


class MessageLog(BaseModel):
    """Messages in order; `next` is the `after` of what follows, null at the end."""

    messages: list[MessageView]
    next: int | None = Field(examples=[None])


class ConversationView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01a1fdeb-52a2-7358-8a66-ed233ff30cf8",
                    "kind": "direct",
                    "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                    "user_id": "local",
                    "title": "Ada",
                    "is_standing": True,
                    "last_seq": 2,
                    "live_run_id": None,
                    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
                    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
                    "created_at": "2026-11-21T11:43:40.194202Z",
                    "updated_at": "2026-11-21T11:43:40.217688Z",
                }
            ]
        }
    )

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
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"title": "On crashes"}]})

    title: Annotated[Line, Field(max_length=200)]
