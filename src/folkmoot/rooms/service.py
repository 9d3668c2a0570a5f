"""The verbs of rooms themselves: make one, change it, delete it, stop who speaks in it."""

from typing import cast

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.conversations.queries import CONVERSATION_COLUMNS
from folkmoot.conversations.tables import Conversation
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Forbidden
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.staging import begin_delete_of_room
from folkmoot.rooms.events import RoomMemberJoined
from folkmoot.rooms.keeping import hold_room, save_room, tell, tell_room
from folkmoot.rooms.member_schemas import PersonRole
from folkmoot.rooms.queries import MEMBER_COLUMNS, NoSuchRoom, RoomRow, find_room_row, get_member, get_room
from folkmoot.rooms.schemas import NewRoom, RoomChange
from folkmoot.rooms.speech import go_on, silence, stop_ingests
from folkmoot.rooms.tables import Room, RoomMember
from folkmoot.rooms.views import member_view, room_view
from folkmoot.runs.engine import RunEngine

_INSERT_CONVERSATION = sa.insert(Conversation)
_INSERT = sa.insert(Room)
_INSERT_MEMBER = sa.insert(RoomMember)
_DELETE = sa.delete(Room).where(Room.id == sa.bindparam("this_room"))
_RANKS: dict[str, int] = {"viewer": 0, "member": 1, "owner": 2}


class RoomRoleTooLow(Forbidden):
    """Your role in the room does not allow this"""


def require(tx: Tx, scope: Scope, room_id: str, role: PersonRole) -> RoomRow:
    """The room, for somebody who has this role in it or a higher one. Raises NoSuchRoom, RoomRoleTooLow."""
    room = get_room(tx, scope, room_id)
    mine = get_member(tx, room.id, scope.actor.id).role or "viewer"
    if _RANKS[mine] < _RANKS[role]:
        raise RoomRoleTooLow(needed=role, role=mine)
    return room


def create_room(tx: Tx, scope: Scope, new: NewRoom) -> RoomRow:
    """Whoever makes it owns it."""
    at, room_id = now(), new_id()
    place = {"id": room_id, "workspace_id": scope.workspace_id, "project_id": scope.project_id}
    times = {"created_at": at, "updated_at": at}
    conversation: dict[str, object] = dict.fromkeys(CONVERSATION_COLUMNS.keys())
    own = {"kind": "room", "user_id": scope.actor.id, "title": new.name, "last_seq": 0, "is_standing": False}
    tx.write(_INSERT_CONVERSATION, {**conversation, **place, **own, **times})
    stands = {"queue": [], "monologue": 0, "last_message_at": at}
    empty = dict.fromkeys(("speaking_run_id", "speaking_agent_id", "next_tick_at"))
    tx.write(_INSERT, {**place, **new.model_dump(mode="json"), **stands, **empty, **times})
    room = find_room_row(tx, room_id)
    assert room is not None, "it was just made"
    view: JsonObject = room_view(room).model_dump(mode="json")
    tell(tx, room, ResourceChanged(resource="room", id=room.id, change="created", view=view))
    enter(tx, room, member_kind="user", member_id=scope.actor.id, name=scope.actor.name, role="owner")
    record(tx, scope.actor, "create_room", ("room", room.id), scope.workspace_id)
    return room


def enter(tx: Tx, room: RoomRow, **member: object) -> RoomMember:
    """A member is in the room from now on: what was said before is read by a person, and not heard by an agent."""
    at = now()
    row: dict[str, object] = dict.fromkeys(MEMBER_COLUMNS.keys())
    row |= {"room_id": room.id, "asleep": False, "joined_seq": room.last_seq, "spoke_seq": 0}
    row |= {"last_read_seq": room.last_seq, "created_at": at, "updated_at": at, **member}
    tx.write(_INSERT_MEMBER, row)
    joined = get_member(tx, room.id, str(row["member_id"]))
    view = cast("JsonObject", member_view(joined).model_dump(mode="json"))
    tell(tx, room, RoomMemberJoined(room_id=room.id, member=view))
    return joined


def change_room(tx: Tx, engine: RunEngine, scope: Scope, room_id: str, change: RoomChange) -> RoomRow:
    """Raises NoSuchRoom, RoomRoleTooLow."""
    room = _held(tx, require(tx, scope, room_id, "owner").id)
    given = change.model_dump(mode="json", exclude_none=True)
    changed = save_room(tx, room, **{**given, "updated_at": now()})
    tell_room(tx, changed)
    record(tx, scope.actor, "change_room", ("room", room.id), scope.workspace_id, changed=[*sorted(given)])
    return go_on(tx, engine, changed)


def delete_room(tx: Tx, engine: RunEngine, scope: Scope, room_id: str) -> list[str]:
    """From here on nobody sees it. That it is gone is told to all of the workspace: nobody is in it any more.

    What was said in it is left for `removal`, and so is what was attached to it, of which it answers the ids. Raises
    NoSuchRoom, RoomRoleTooLow.
    """
    room = require(tx, scope, room_id, "owner")
    silence(tx, engine, room.id, scope.actor)
    stop_ingests(tx, engine, room, scope.actor)
    attached = begin_delete_of_room(tx, room.id)
    tx.write(_DELETE, {"this_room": room.id})
    tx.emit(scope.workspace_id, ResourceChanged(resource="room", id=room.id, change="deleted", view=None))
    record(tx, scope.actor, "delete_room", ("room", room.id), scope.workspace_id)
    return attached


def stop_room(tx: Tx, engine: RunEngine, scope: Scope, room_id: str) -> RoomRow:
    """The agent that speaks is cut off, and nobody who was in line speaks. Raises NoSuchRoom, RoomRoleTooLow."""
    room = require(tx, scope, room_id, "member")
    stopped = silence(tx, engine, room.id, scope.actor)
    if stopped is None:
        raise NoSuchRoom
    tell_room(tx, stopped)
    record(tx, scope.actor, "stop_room", ("room", room.id), scope.workspace_id, run_id=room.speaking_run_id)
    return go_on(tx, engine, stopped)


def _held(tx: Tx, room_id: str) -> RoomRow:
    room = hold_room(tx, room_id)
    if room is None:
        raise NoSuchRoom
    return room
