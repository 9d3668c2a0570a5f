"""What happens in rooms, as facts: only those who are in a room are told of it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from folkmoot.kernel.facts import Fact, Shows
from folkmoot.kernel.json import JsonObject

Shown = Annotated[JsonObject, Shows("room", is_part=True)]
"""Of a room what may be another now."""


@dataclass(frozen=True, kw_only=True)
class RoomMessage(Fact):
    """Something was said in a room; `room` is what that changes of it."""

    type = "room_message"

    room_id: str
    message: Annotated[JsonObject, Shows("room_message")]
    room: Shown


@dataclass(frozen=True, kw_only=True)
class RoomMemberJoined(Fact):
    """Somebody, a person or an agent, is in the room from now on."""

    type = "room_member_joined"

    room_id: str
    member: Annotated[JsonObject, Shows("room_member")]


@dataclass(frozen=True, kw_only=True)
class RoomMemberLeft(Fact):
    """Somebody is in the room no longer, and of what follows is told nothing."""

    type = "room_member_left"
    example: ClassVar[JsonObject] = {"member_kind": "user", "member_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82"}

    room_id: str
    member_kind: str
    member_id: str


@dataclass(frozen=True, kw_only=True)
class RoomStep(Fact):
    """An agent that is about to speak has used a tool; `is_error` where that went wrong."""

    type = "room_step"
    example: ClassVar[JsonObject] = {"tool": "search_knowledge", "key": "reply1.m1.t1", "is_error": False}

    agent_id: str
    tool: str
    key: str
    is_error: bool
