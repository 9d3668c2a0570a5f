"""Who is in a room: people with roles and agents with what makes them speak; come, change, go, read."""

from typing import cast

import sqlalchemy as sa

from folkmoot.agents.queries import get_agent
from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import LOCAL_OWNER_ID, Scope
from folkmoot.rooms.events import RoomMemberLeft
from folkmoot.rooms.keeping import hold_room, save_room, tell, tell_room
from folkmoot.rooms.member_schemas import NewRoomMember, ReadMark, RoomMemberChange
from folkmoot.rooms.queries import (
    MEMBER_COLUMNS,
    NoSuchRoom,
    RoomRow,
    find_member,
    get_member,
    get_room,
    has_other_owner,
    list_members,
    rooms_of,
)
from folkmoot.rooms.service import enter, require
from folkmoot.rooms.speech import go_on, silence
from folkmoot.rooms.tables import RoomMember
from folkmoot.rooms.views import member_view
from folkmoot.runs.engine import RunEngine
from folkmoot.workspaces import member_queries as people

MOST_MEMBERS = 500
_CHANGING = ("role", "category", "triggers", "schedule", "asleep", "updated_at")
_THIS = sa.and_(RoomMember.room_id == sa.bindparam("this_room"), RoomMember.member_id == sa.bindparam("this_member"))
_CHANGE = (
    sa.update(RoomMember)
    .where(_THIS)
    .values({MEMBER_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=MEMBER_COLUMNS[name].type) for name in _CHANGING})
)
_MARK = (
    sa.update(RoomMember)
    .where(_THIS, RoomMember.last_read_seq < sa.bindparam("upto"))
    .values(last_read_seq=sa.bindparam("upto"), updated_at=sa.bindparam("at", type_=MEMBER_COLUMNS["updated_at"].type))
)
_DELETE = sa.delete(RoomMember).where(_THIS)


class AlreadyInRoom(Conflict):
    """Already in the room"""


class LastRoomOwner(Conflict):
    """A room keeps an owner"""

    hint = "Make somebody else an owner first, or delete the room"


class RoomIsFull(Conflict):
    """A room has at most 500 members"""


class NotOfThisKind(Invalid):
    """A person has a role; an agent has a category, a trigger, a schedule and may sleep"""


class OneMember(Invalid):
    """Give either user_id or agent_id"""


def add_member(tx: Tx, engine: RunEngine, scope: Scope, room_id: str, new: NewRoomMember) -> RoomMember:
    """Raises NoSuchRoom, RoomRoleTooLow, OneMember, NoSuchMember, NoSuchAgent, AlreadyInRoom, RoomIsFull."""
    room = _hold(tx, require(tx, scope, room_id, "owner").id)
    if (new.user_id is None) == (new.agent_id is None):
        raise OneMember
    member = _person(tx, scope, new) if new.user_id is not None else _agent(tx, scope, new)
    if find_member(tx, room.id, str(member["member_id"])) is not None:
        raise AlreadyInRoom
    if len(list_members(tx, room.id)) >= MOST_MEMBERS:
        raise RoomIsFull
    joined = enter(tx, room, **member)
    about = ("room", room.id)
    record(tx, scope.actor, "add_room_member", about, scope.workspace_id, member_id=joined.member_id)
    go_on(tx, engine, room)
    return joined


def _person(tx: Tx, scope: Scope, new: NewRoomMember) -> dict[str, object]:
    person = people.get_member(tx, scope, str(new.user_id).lower())
    name = person.name or person.email
    return {"member_kind": "user", "member_id": person.user_id, "name": name, "role": new.role}


def _agent(tx: Tx, scope: Scope, new: NewRoomMember) -> dict[str, object]:
    agent = get_agent(tx, scope, str(new.agent_id))
    given = new.model_dump(mode="json")
    return {
        "member_kind": "agent",
        "member_id": agent.id,
        "name": agent.name,
        "slug": agent.slug,
        "category": given["category"],
        "triggers": given["trigger"],
        "schedule": given["schedule"],
        "asleep": given["asleep"],
        "last_read_seq": 0,
    }


def change_member(
    tx: Tx, engine: RunEngine, scope: Scope, room_id: str, member_id: str, change: RoomMemberChange
) -> RoomMember:
    """Raises NoSuchRoom, RoomRoleTooLow, NoSuchRoomMember, NotOfThisKind, LastRoomOwner."""
    room = _hold(tx, require(tx, scope, room_id, "owner").id)
    member = get_member(tx, room.id, member_id)
    given = change.model_dump(mode="json", exclude_unset=True)
    is_person = member.member_kind == "user"
    if any((name == "role") != is_person for name in given):
        raise NotOfThisKind
    if member.role == "owner" and given.get("role") not in (None, "owner"):
        _check_owner(tx, room, member)
    if "trigger" in given:
        given["triggers"] = given.pop("trigger")
    kept = {name: value for name, value in given.items() if value is not None or name in ("triggers", "schedule")}
    changed = _write(tx, room, member, **kept)
    record(tx, scope.actor, "change_room_member", ("room", room.id), scope.workspace_id, member_id=member.member_id)
    go_on(tx, engine, room)
    return changed


def remove_member(tx: Tx, engine: RunEngine, scope: Scope, room_id: str, member_id: str) -> None:
    """From now on it is told nothing. Anybody may go; others are removed by an owner.

    Raises NoSuchRoom, RoomRoleTooLow, NoSuchRoomMember, LastRoomOwner.
    """
    is_own = member_id == scope.actor.id
    seen = require(tx, scope, room_id, "viewer" if is_own else "owner")
    is_speaking = seen.speaking_agent_id == member_id
    room = (silence(tx, engine, seen.id, scope.actor) if is_speaking else None) or _hold(tx, seen.id)
    if room.speaking_agent_id == member_id:  # since then; this once its run is held after the room
        is_speaking = True
        room = silence(tx, engine, room.id, scope.actor) or room
    member = get_member(tx, room.id, member_id)
    if member.role == "owner":
        _check_owner(tx, room, member)
    _take_out(tx, room, member)
    record(tx, scope.actor, "remove_room_member", ("room", room.id), scope.workspace_id, member_id=member.member_id)
    queue = [one for one in room.queue if one["agent_id"] != member.member_id]
    after = save_room(tx, room, queue=queue)
    if is_speaking:
        tell_room(tx, after)
    go_on(tx, engine, after)


def leave_rooms(tx: Tx, workspace_id: str, user_id: str) -> None:
    """Who leaves the workspace leaves its rooms. Where no other owner stays, whoever has been there longest is one."""
    for room_id in rooms_of(tx, workspace_id, user_id):
        room = hold_room(tx, room_id)
        member = find_member(tx, room_id, user_id)
        if room is None or member is None:
            continue
        _take_out(tx, room, member)
        people_there = [one for one in list_members(tx, room.id) if one.member_kind == "user"]
        if people_there and all(one.role != "owner" for one in people_there):
            _write(tx, room, people_there[0], role="owner")


def own_local_rooms(tx: Tx, user_id: str, name: str) -> None:
    """The rooms that were opened before there were users are the first one's too."""
    for room_id in rooms_of(tx, None, LOCAL_OWNER_ID):
        if (room := hold_room(tx, room_id)) is not None:
            enter(tx, room, member_kind="user", member_id=user_id, name=name, role="owner")


def _take_out(tx: Tx, room: RoomRow, member: RoomMember) -> None:
    tx.write(_DELETE, {"this_room": room.id, "this_member": member.member_id})
    view_id = f"{room.id}:{member.member_id}"
    tell(tx, room, ResourceChanged(resource="room_member", id=view_id, change="deleted", view=None))
    tell(tx, room, RoomMemberLeft(room_id=room.id, member_kind=member.member_kind, member_id=member.member_id))


def mark_read(tx: Tx, scope: Scope, room_id: str, mark: ReadMark) -> RoomMember:
    """The caller has read up to a message; a marker does not move back. Raises NoSuchRoom."""
    room = get_room(tx, scope, room_id)
    upto = room.last_seq if mark.seq is None else min(mark.seq, room.last_seq)
    tx.write(_MARK, {"this_room": room.id, "this_member": scope.actor.id, "upto": upto, "at": now()})
    return _told(tx, room, scope.actor.id)


def _write(tx: Tx, room: RoomRow, member: RoomMember, **values: object) -> RoomMember:
    row = {name: getattr(member, name) for name in _CHANGING} | {"updated_at": now()} | values
    named = {f"new_{name}": value for name, value in row.items()}
    tx.write(_CHANGE, {"this_room": room.id, "this_member": member.member_id, **named})
    return _told(tx, room, member.member_id)


def _told(tx: Tx, room: RoomRow, member_id: str) -> RoomMember:
    changed = get_member(tx, room.id, member_id)
    shown = member_view(changed)
    view = cast("JsonObject", shown.model_dump(mode="json"))
    tell(tx, room, ResourceChanged(resource="room_member", id=shown.id, change="updated", view=view))
    return changed


def _check_owner(tx: Tx, room: RoomRow, member: RoomMember) -> None:
    if not has_other_owner(tx, room.id, member.member_id):
        raise LastRoomOwner


def _hold(tx: Tx, room_id: str) -> RoomRow:
    room = hold_room(tx, room_id)
    if room is None:
        raise NoSuchRoom
    return room
