"""Rooms on the wire: how they are set, when agents speak in them, the work that they start."""

from datetime import datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Text
from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject
from folkmoot.rooms.rules import MOST_SPEAKERS
from folkmoot.usage.schemas import LimitUsd

Mode = Literal["open", "mentions", "quiet"]

ROOM = "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23"
AGENT = "01a1fdeb-528c-795c-a298-63e88eb6eb82"
MESSAGE = "01a1fdeb-52a3-745f-9179-801539551fa2"
RUN = "01a1fdeb-529e-778b-bc5c-33e5dd398c8b"
AT = "2026-11-21T11:43:40.194202Z"


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError):
        raise ValueError("is no time zone") from None
    return value


def shown(example: JsonObject) -> ConfigDict:
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
    seed: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] = 0
    approval: bool = Field(False, description="Whether participants only propose what they say")
    settings: RoomSettings = Field(default_factory=RoomSettings)


class RoomChange(Body):
    """What is not given stays; `settings` is replaced whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "mentions"}]})

    name: Line | None = None
    description: Annotated[str, Field(max_length=20_000)] | None = None
    mode: Mode | None = None
    ai_frequency: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = None
    approval: bool | None = None
    settings: RoomSettings | None = None


class RoomView(BaseModel):
    """`speaking` says which agent is at work on what it will say; `last_seq` is that of the newest message."""

    model_config = shown(
        {
            "id": ROOM,
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
            "created_at": AT,
            "updated_at": AT,
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
        description="Messages of others past the caller's read marker, by room", examples=[{ROOM: 1}]
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


class RoomWork(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Summarise what was decided"}]})

    text: Annotated[Text, Field(max_length=2000)]


class RoomWorkView(BaseModel):
    """The run that was started, and the message that says so."""

    model_config = shown({"run_id": RUN, "task_id": None, "message_id": MESSAGE})

    run_id: str
    task_id: str | None
    message_id: str


class PromptMessage(BaseModel):
    role: str
    text: str


class RoomPrompt(BaseModel):
    """What an agent would be sent if it spoke now."""

    model_config = shown(
        {
            "agent_id": AGENT,
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
