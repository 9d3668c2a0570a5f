"""Who is in a room, on the wire: members, how far they have read, and who is there right now."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line
from folkmoot.kernel.json import LARGEST_INTEGER
from folkmoot.rooms.rules import Category
from folkmoot.rooms.schemas import AGENT, AT, ROOM, Body, ScheduleSpec, TriggerSpec, shown

PersonRole = Literal["owner", "member", "viewer"]


class NewRoomMember(Body):
    """A person of the workspace by `user_id`, or an agent by `agent_id` (its id, number or slug)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"agent_id": "ada", "category": "participant", "trigger": {"message_count": 3}}]
        }
    )

    user_id: Line | None = None
    agent_id: Line | Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = None
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

    model_config = shown(
        {
            "id": f"{ROOM}:{AGENT}",
            "room_id": ROOM,
            "member_kind": "agent",
            "member_id": AGENT,
            "name": "Ada",
            "slug": "ada",
            "role": None,
            "category": "participant",
            "trigger": {"message_count": 3, "interval_seconds": None, "silence_seconds": None, "join": "or"},
            "schedule": None,
            "asleep": False,
            "last_read_seq": 0,
            "created_at": AT,
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
    """Somebody with an open socket or stream that follows the room, or many; `since` is that of the oldest."""

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

    model_config = shown(
        {
            "room_id": ROOM,
            "people": [{"user_id": "local", "name": "local owner", "role": "owner", "since": AT}],
            "agents": [{"agent_id": AGENT, "name": "Ada", "slug": "ada", "state": "listening"}],
        }
    )

    room_id: str
    people: list[PresentPerson]
    agents: list[PresentAgent]


class ReadMark(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"seq": 2}]})

    seq: Annotated[int, Field(ge=0, le=LARGEST_INTEGER)] | None = Field(
        None, description="Default: the newest message's"
    )
