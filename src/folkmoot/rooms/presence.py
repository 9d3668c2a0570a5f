"""Who is in a room right now: people with a socket or stream that follows it, at any process, and the agents."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.db.tx import Tx
from folkmoot.engine.liveness import STALE_SECONDS
from folkmoot.engine.tables import Host
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import checked_id
from folkmoot.kernel.scope import Scope
from folkmoot.rooms.member_schemas import PresentAgent, PresentPerson, RoomPresenceView
from folkmoot.rooms.queries import NoSuchRoom, agents_of, get_room
from folkmoot.rooms.service import require
from folkmoot.rooms.tables import Room, RoomMember, RoomPresence

Place = tuple[str, str]
"""A room's id and a person's."""

_COLUMNS = RoomPresence.__table__.columns
_ROOM_IDS: sa.BindParameter[str] = sa.bindparam("room_ids", expanding=True)
_USER_IDS: sa.BindParameter[str] = sa.bindparam("user_ids", expanding=True)
_PERSON = sa.and_(
    RoomMember.room_id == RoomPresence.room_id,
    RoomMember.member_kind == "user",
    RoomMember.member_id == RoomPresence.user_id,
)
_PRESENT = (
    sa.select(RoomMember.room_id, RoomMember.member_id, RoomMember.name, RoomMember.role)
    .add_columns(sa.func.min(RoomPresence.created_at, type_=_COLUMNS["created_at"].type).label("since"))
    .join(RoomPresence, _PERSON)
    .where(RoomMember.room_id.in_(_ROOM_IDS))
    .group_by(RoomMember.room_id, RoomMember.member_id, RoomMember.name, RoomMember.role)
    .order_by(sa.text("since"), RoomMember.member_id)
)
# On PostgreSQL the server's clock counts. A SQLite file has one process: what another one has left is nothing.
_ALIVE = sa.select(Host.id).where(Host.seen_at > sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, STALE_SECONDS))
_OF_LIVING = {
    "sqlite": _PRESENT.where(RoomPresence.host_id == sa.bindparam("host")),
    "postgresql": _PRESENT.where(
        sa.or_(RoomPresence.host_id == sa.bindparam("host"), RoomPresence.host_id.in_(_ALIVE))
    ),
}
_OWN = sa.select(RoomPresence.room_id, RoomPresence.user_id).where(RoomPresence.host_id == sa.bindparam("host"))
_SPEAKERS = sa.select(RoomMember.room_id, RoomMember.member_id, RoomMember.name).where(
    RoomMember.member_kind == "user",
    RoomMember.role != "viewer",
    RoomMember.room_id.in_(_ROOM_IDS),
    RoomMember.member_id.in_(_USER_IDS),
)
# The room and the process are held, for one that is deleted meanwhile would fail the whole unit.
_ARRIVING = (
    sa.select(
        Room.id,
        sa.bindparam("user", type_=sa.String()),
        Host.id,
        sa.bindparam("at", type_=_COLUMNS["created_at"].type),
    )
    .join(Host, Host.id == sa.bindparam("host"))
    .where(Room.id == sa.bindparam("room"))
    .with_for_update(read=True, key_share=True)
)
_NAMES = ["room_id", "user_id", "host_id", "created_at"]
_ARRIVE = {
    "sqlite": sqlite.insert(RoomPresence).from_select(_NAMES, _ARRIVING).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(RoomPresence).from_select(_NAMES, _ARRIVING).on_conflict_do_nothing(),
}
_LEAVE = sa.delete(RoomPresence).where(
    RoomPresence.room_id == sa.bindparam("room"),
    RoomPresence.user_id == sa.bindparam("user"),
    RoomPresence.host_id == sa.bindparam("host"),
)


class Typist(NamedTuple):
    """Somebody who may speak in a room."""

    room_id: str
    member_id: str
    name: str


def get_presence(tx: Tx, scope: Scope, room_id: str, host_id: str) -> RoomPresenceView:
    """As the process `host_id` sees it. Raises NoSuchRoom."""
    room = get_room(tx, scope, room_id)
    agents = [
        PresentAgent(
            agent_id=agent.member_id,
            name=agent.name,
            slug=str(agent.slug),
            state="speaking" if agent.member_id == room.speaking_agent_id else "listening",
        )
        for agent in agents_of(tx, room.id)
    ]
    people = present_in(tx, [room.id], host_id).get(room.id, [])
    return RoomPresenceView(room_id=room.id, people=people, agents=agents)


def present_in(tx: Tx, room_ids: Sequence[str], host_id: str) -> dict[str, list[PresentPerson]]:
    """Members of these rooms that are there, by room; those that came first come first.

    Processes that were not seen for a while hold nobody any more, but for `host_id`, which asks.
    """
    found: dict[str, list[PresentPerson]] = {}
    for row in tx.all(RoomMember, _OF_LIVING[tx.dialect], room_ids=[*room_ids], host=host_id) if room_ids else []:
        shown = {"user_id": row.member_id, "name": row.name, "role": row.role, "since": row.since}  # type: ignore[attr-defined]
        found.setdefault(row.room_id, []).append(PresentPerson.model_validate(shown))
    return found


def places_of(tx: Tx, host_id: str) -> set[Place]:
    """What is stored of this process."""
    return {(row.room_id, row.user_id) for row in tx.all(RoomPresence, _OWN, host=host_id)}


def move_people(tx: Tx, host_id: str, arriving: Collection[Place], leaving: Collection[Place]) -> None:
    """People have come to rooms at this process, or have gone; a room or process that is gone takes nobody."""
    # always in the same order, so that no two units wait for each other
    for room_id, user_id in sorted(arriving):
        tx.write(_ARRIVE[tx.dialect], {"room": room_id, "user": user_id, "host": host_id, "at": now()})
    tx.write(_LEAVE, [{"room": room_id, "user": user_id, "host": host_id} for room_id, user_id in sorted(leaving)])


def typists_among(tx: Tx, places: Collection[Place]) -> list[Typist]:
    """Those who may speak where they are, with their names."""
    if not places:
        return []
    given = {"room_ids": [*{room for room, _ in places}], "user_ids": [*{user for _, user in places}]}
    return [
        Typist(row.room_id, row.member_id, row.name)
        for row in tx.all(RoomMember, _SPEAKERS, **given)
        if (row.room_id, row.member_id) in places
    ]


def check_may_speak(tx: Tx, scope: Scope, room_id: str) -> str:
    """The room's id. Raises NoSuchRoom, RoomRoleTooLow."""
    return require(tx, scope, checked_id(room_id, NoSuchRoom), "member").id
