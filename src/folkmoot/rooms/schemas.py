"""Rooms on the wire."""

from datetime import datetime, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Safe, Text
from folkmoot.kernel.json import JsonObject
from folkmoot.knowledge.citing import Citation
from folkmoot.rooms.attachment_schemas import MessageAttachment
from folkmoot.rooms.rules import MOST_SPEAKERS, Category
from folkmoot.usage.schemas import LimitUsd

Mode = Literal["open", "mentions", "quiet"]
PersonRole = Literal["owner", "member", "viewer"]
SenderType = Literal["user", "agent", "system"]

_ROOM = "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23"
_AGENT = "01a1fdeb-528c-795c-a298-63e88eb6eb82"
_MESSAGE = "01a1fdeb-52a3-745f-9179-801539551fa2"
_RUN = "01a1fdeb-529e-778b-bc5c-33e5dd398c8b"
_AT = "2026-11-21T11:43:40.194202Z"


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError):
        raise ValueError("is no time zone") from None
    return value


def _shown(example: JsonObject) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class Body(BaseModel):
    """An unknown member is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid")


class RoomBudget(Body):
    """What the agents of a room may take in all, tokens of both directions; then they are silent."""

    usd: LimitUsd | None = None
    tokens: Annotated[int, Field(gt=0, le=10**12)] | None = None


class RoomSettings(Body):
    """The caps of speech, how much of the conversation is shown to agents, and how long messages are kept."""

    max_speakers: Annotated[int, Field(ge=1, le=MOST_SPEAKERS)] = 1
    monologue_limit: Annotated[int, Field(ge=1, le=100, description="Messages of agents without one of a person")] = 3
    mention_depth: Annotated[int, Field(ge=0, le=10, description="How far agents may call upon each other")] = 2
    cooldown_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    history_tokens: Annotated[int, Field(ge=200, le=200_000, description="Of the latest messages, in a prompt")] = 8000
    passages: Annotated[int, Field(ge=0, le=20, description="Passages of knowledge in a prompt")] = 4
    retention_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    budget: RoomBudget | None = None


class NewRoom(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Harbour", "description": "Plan the move"}]})

    name: Line
    description: Annotated[str, Field(max_length=20_000, description="Its purpose; agents are told")] = ""
    mode: Mode = Field("open", description="Whether agents speak unasked, only when called upon, or never")
    ai_frequency: Annotated[float, Field(ge=0, le=1, description="Of agents without a trigger")] = 0.0
    seed: Annotated[int, Field(ge=0, le=2**53)] = 0
    approval: bool = Field(False, description="Whether participants only propose what they say")
    settings: RoomSettings = Field(default_factory=RoomSettings)


class RoomChange(Body):
    """What is not given stays; `settings` is replaced whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "mentions"}]})

    name: Line | None = None
    description: Annotated[str, Field(max_length=20_000)] | None = None
    mode: Mode | None = None
    ai_frequency: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**53)] | None = None
    approval: bool | None = None
    settings: RoomSettings | None = None


class RoomView(BaseModel):
    """`speaking` says which agent is at work on what it will say; `last_seq` is that of the newest message."""

    model_config = _shown(
        {
            "id": _ROOM,
            "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
            "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
            "name": "Harbour",
            "description": "Plan the move",
            "mode": "open",
            "ai_frequency": 0.0,
            "seed": 0,
            "approval": False,
            "settings": RoomSettings().model_dump(mode="json"),
            "last_seq": 2,
            "speaking_agent_id": None,
            "speaking_run_id": None,
            "created_at": _AT,
            "updated_at": _AT,
        }
    )

    id: str
    workspace_id: str
    project_id: str
    name: str
    description: str
    mode: Mode
    ai_frequency: float
    seed: int
    approval: bool
    settings: RoomSettings
    last_seq: int
    speaking_agent_id: str | None
    speaking_run_id: str | None
    created_at: datetime
    updated_at: datetime


class RoomPage(Page):
    rooms: list[RoomView]
    unread: dict[str, int] = Field(
        description="Messages of others past the caller's read marker, by room", examples=[{_ROOM: 1}]
    )


class TriggerSpec(Body):
    """Conditions under which an agent speaks unasked, joined by `join`."""

    message_count: Annotated[int, Field(ge=1, le=10_000)] | None = None
    interval_seconds: Annotated[int, Field(ge=10, le=2_592_000)] | None = None
    silence_seconds: Annotated[int, Field(ge=10, le=2_592_000)] | None = None
    join: Literal["or", "and"] = "or"


class WindowSpec(Body):
    """Days of the week (Monday is 0) and local times; one that ends earlier than it begins spans midnight."""

    days: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)] = [0, 1, 2, 3, 4, 5, 6]
    since: time = time.min
    until: time = time.min


class ScheduleSpec(Body):
    """When an agent may speak unasked."""

    zone: Annotated[Line, Field(max_length=64), AfterValidator(_zone)] = "UTC"
    windows: Annotated[list[WindowSpec], Field(min_length=1, max_length=20)]


class NewRoomMember(Body):
    """A person of the workspace by `user_id`, or an agent by `agent_id` (its id, number or slug)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"agent_id": "ada", "category": "participant", "trigger": {"message_count": 3}}]
        }
    )

    user_id: Line | None = None
    agent_id: Line | Annotated[int, Field(ge=0, le=2**53)] | None = None
    role: PersonRole = Field("member", description="Of a person: an owner manages the room, a viewer only reads")
    category: Category = Field(Category.PARTICIPANT, description="Of an agent; instructors speak first")
    trigger: TriggerSpec | None = None
    schedule: ScheduleSpec | None = None
    asleep: bool = Field(False, description="An agent that sleeps speaks only when it is called upon")


class RoomMemberChange(Body):
    """What is not given stays; an agent's trigger and schedule are replaced whole, `{}` takes a trigger off."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"asleep": True}]})

    role: PersonRole | None = None
    category: Category | None = None
    trigger: TriggerSpec | None = None
    schedule: ScheduleSpec | None = None
    asleep: bool | None = None


class RoomMemberView(BaseModel):
    """`id` is `{room_id}:{member_id}`: a member is known by both."""

    model_config = _shown(
        {
            "id": f"{_ROOM}:{_AGENT}",
            "room_id": _ROOM,
            "member_kind": "agent",
            "member_id": _AGENT,
            "name": "Ada",
            "slug": "ada",
            "role": None,
            "category": "participant",
            "trigger": {"message_count": 3, "interval_seconds": None, "silence_seconds": None, "join": "or"},
            "schedule": None,
            "asleep": False,
            "last_read_seq": 0,
            "created_at": _AT,
        }
    )

    id: str
    room_id: str
    member_kind: Literal["user", "agent"]
    member_id: str
    name: str
    slug: str | None
    role: PersonRole | None
    category: Category | None
    trigger: TriggerSpec | None
    schedule: ScheduleSpec | None
    asleep: bool
    last_read_seq: int
    created_at: datetime


class RoomMemberPage(Page):
    members: list[RoomMemberView]


class PresentPerson(BaseModel):
    """Somebody with an open socket that follows the room, however many there are; `since` is that of the oldest."""

    user_id: str
    name: str
    role: PersonRole
    since: datetime


class PresentAgent(BaseModel):
    """`speaking` is the one that is at work on what it will say."""

    agent_id: str
    name: str
    slug: str
    state: Literal["speaking", "listening"]


class RoomPresenceView(BaseModel):
    """Who is in the room right now."""

    model_config = _shown(
        {
            "room_id": _ROOM,
            "people": [{"user_id": "local", "name": "local owner", "role": "owner", "since": _AT}],
            "agents": [{"agent_id": _AGENT, "name": "Ada", "slug": "ada", "state": "listening"}],
        }
    )

    room_id: str
    people: list[PresentPerson]
    agents: list[PresentAgent]


class NewRoomMessage(Body):
    """`/task ...` and `/debate ...` start work that reports to the room; `@slug` calls upon an agent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "@ada what is promised about crashes?"}]})

    content: Annotated[Safe, Field(max_length=100_000, description="Blank only where something is attached")]
    reply_to: Line | None = Field(None, description="The id of a message of the room")
    attachments: list[Line] = Field([], max_length=10, description="Ids of documents that are attached to the room")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.content.strip() and not self.attachments:
            raise ValueError("has neither content nor attachments")
        return self


class RoomMessageChange(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "@ada what is promised?"}]})

    content: Text


class ReactionView(BaseModel):
    emoji: str
    author_ids: list[str]


class RoomMessageView(BaseModel):
    """A deleted message keeps its place and has no content. What an agent cites as [id] is listed beside it."""

    model_config = _shown(
        {
            "id": _MESSAGE,
            "room_id": _ROOM,
            "seq": 2,
            "content": "Nothing is lost.",
            "sender_type": "agent",
            "sender_id": _AGENT,
            "sender_name": "Ada",
            "reply_to": None,
            "run_id": _RUN,
            "models": ["openai:gpt-5-mini"],
            "citations": [],
            "unknown_citations": [],
            "attachments": [],
            "reactions": [{"emoji": "👍", "author_ids": ["local"]}],
            "edited_at": None,
            "deleted_at": None,
            "created_at": _AT,
        }
    )

    id: str
    room_id: str
    seq: int
    content: str
    sender_type: SenderType
    sender_id: str
    sender_name: str
    reply_to: str | None
    run_id: str | None
    models: list[str]
    citations: list[Citation] = []
    unknown_citations: list[str] = []
    attachments: list[MessageAttachment] = []
    reactions: list[ReactionView]
    edited_at: datetime | None
    deleted_at: datetime | None
    created_at: datetime


class RoomMessageLog(BaseModel):
    """Messages in order; `next` is the `after_seq` of what follows, null at the end."""

    messages: list[RoomMessageView]
    next: int | None = Field(examples=[None])


class ReadMark(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"seq": 2}]})

    seq: Annotated[int, Field(ge=0, le=2**53)] | None = Field(None, description="Default: the newest message's")


class RoomWork(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Summarise what was decided"}]})

    text: Annotated[Text, Field(max_length=2000)]


class RoomWorkView(BaseModel):
    """The run that was started, and the message that says so."""

    model_config = _shown({"run_id": _RUN, "task_id": None, "message_id": _MESSAGE})

    run_id: str
    task_id: str | None
    message_id: str


class PromptMessage(BaseModel):
    role: str
    text: str


class RoomPrompt(BaseModel):
    """What an agent would be sent if it spoke now."""

    model_config = _shown(
        {
            "agent_id": _AGENT,
            "messages": [{"role": "system", "text": "You are Ada."}, {"role": "user", "text": "Mo: Hello"}],
            "tools": ["search_knowledge"],
            "passage_ids": [],
            "summary_version": None,
            "summarises_upto": None,
        }
    )

    agent_id: str
    messages: list[PromptMessage]
    tools: list[str]
    passage_ids: list[str]
    summary_version: int | None
    summarises_upto: int | None = Field(description="Messages up to this seq would be summarised first")
