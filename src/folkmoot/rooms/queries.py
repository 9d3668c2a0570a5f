"""Every SELECT of rooms, and who is in them: who is not finds nothing."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from folkmoot.agents.tables import AgentInstance
from folkmoot.conversations.queries import MESSAGE_COLUMNS
from folkmoot.conversations.tables import Conversation, Message
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.ingest import INGEST
from folkmoot.rooms.tables import Room, RoomMember, RoomReaction, RoomSummary
from folkmoot.runs.rules import FINAL
from folkmoot.runs.tables import Run

ROOM_COLUMNS = Room.__table__.columns
MEMBER_COLUMNS = RoomMember.__table__.columns

_AFTER = sa.bindparam("after", type_=sa.BigInteger())
_MOST = sa.bindparam("most", type_=sa.BigInteger())
_ROOMS = sa.select(*ROOM_COLUMNS, Conversation.last_seq).join(Conversation, Conversation.id == Room.id)
_ROW = _ROOMS.where(Room.id == sa.bindparam("room_id"))
_PERSONS = sa.and_(
    RoomMember.room_id == Room.id,
    RoomMember.member_kind == "user",
    RoomMember.member_id == sa.bindparam("user_id"),
)
_MINE = _ROOMS.join(RoomMember, _PERSONS).where(Room.workspace_id == sa.bindparam("workspace_id"))
_ROOM = _MINE.where(Room.id == sa.bindparam("room_id"))
_MEMBERS = sa.select(*MEMBER_COLUMNS).where(RoomMember.room_id == sa.bindparam("room_id"))
_MEMBER = _MEMBERS.where(RoomMember.member_id == sa.bindparam("member_id"))
_OTHER_OWNER = (
    sa.select(RoomMember.member_id)
    .where(
        RoomMember.room_id == sa.bindparam("room_id"),
        RoomMember.role == "owner",
        RoomMember.member_id != sa.bindparam("member_id"),
    )
    .limit(1)
)
_AGENTS = (
    sa.select(*MEMBER_COLUMNS)
    .join(AgentInstance, AgentInstance.id == RoomMember.member_id)
    .where(
        RoomMember.room_id == sa.bindparam("room_id"),
        RoomMember.member_kind == "agent",
        AgentInstance.status.not_in(("offline", "error")),
    )
    .order_by(RoomMember.member_id)
)
_MESSAGES = sa.select(*MESSAGE_COLUMNS).where(Message.conversation_id == sa.bindparam("room_id"))
_LOG = _MESSAGES.where(Message.seq > _AFTER).order_by(Message.seq).limit(_MOST)
_MESSAGE = _MESSAGES.where(Message.id == sa.bindparam("message_id"))
_SPOKEN = (
    sa.select(*MESSAGE_COLUMNS)
    .where(
        Message.conversation_id == sa.bindparam("room_id"),
        Message.deleted_at.is_(None),
        Message.seq > _AFTER,
        Message.seq <= sa.bindparam("upto", type_=sa.BigInteger()),
    )
    .order_by(Message.seq.desc())
    .limit(_MOST)
)
_REACTIONS = (
    sa.select(RoomReaction.message_id, RoomReaction.author_id, RoomReaction.emoji)
    .where(RoomReaction.message_id.in_(sa.bindparam("message_ids", expanding=True)))
    .order_by(RoomReaction.created_at, RoomReaction.author_id)
)
_UNREAD = (
    sa.select(RoomMember.room_id, sa.func.count().label("number"))
    .join(Message, sa.and_(Message.conversation_id == RoomMember.room_id, Message.seq > RoomMember.last_read_seq))
    .where(
        RoomMember.member_kind == "user",
        RoomMember.member_id == sa.bindparam("user_id"),
        RoomMember.room_id.in_(sa.bindparam("room_ids", expanding=True)),
        Message.author_id != sa.bindparam("user_id"),
        Message.deleted_at.is_(None),
    )
    .group_by(RoomMember.room_id)
)
_DUE = (
    sa.select(*ROOM_COLUMNS)
    .where(Room.next_tick_at <= sa.bindparam("at", type_=ROOM_COLUMNS["next_tick_at"].type))
    .order_by(Room.next_tick_at)
    .limit(200)
)
_SUMMARY = (
    sa.select(*RoomSummary.__table__.columns)
    .where(RoomSummary.room_id == sa.bindparam("room_id"))
    .order_by(RoomSummary.version.desc())
    .limit(1)
)
_SPENT = sa.select(
    sa.func.coalesce(sa.func.sum(Run.input_tokens + Run.output_tokens), 0).label("tokens"),
    sa.func.sum(Run.cost).label("usd"),
).where(Run.room_id == sa.bindparam("room_id"), Run.kind != INGEST)
_INGESTS = sa.select(Run.id).where(
    Run.room_id == sa.bindparam("room_id"), Run.kind == INGEST, Run.status.not_in(sorted(FINAL))
)
_SETTINGS = sa.type_coerce(Room.settings, sa.Text)  # as it is stored: what it is compared with is no JSON
_RETAINING = sa.select(Room.id, Room.settings).where(
    _SETTINGS.like('%"retention_days":%'), _SETTINGS.not_like('%"retention_days":null%')
)


class NoSuchRoom(NotFound):
    """Room not found"""


class NoSuchRoomMember(NotFound):
    """Member not found"""


class NoSuchRoomMessage(NotFound):
    """Message not found"""


class RoomRow(Room):
    """A room with how far its messages go."""

    __abstract__ = True

    last_seq: Mapped[int]


def find_room_row(tx: Tx, room_id: str) -> RoomRow | None:
    """For what acts in rooms of itself, whoever is in them."""
    return tx.first(RoomRow, _ROW, room_id=room_id)


def get_room(tx: Tx, scope: Scope, room_id: str) -> RoomRow:
    """Raises NoSuchRoom, also for who is not in it."""
    known = {"workspace_id": scope.workspace_id, "user_id": scope.actor.id}
    return existing(tx.first(RoomRow, _ROOM, room_id=room_id.lower(), **known), NoSuchRoom)


def list_rooms(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[RoomRow], int]:
    """The caller's, those last changed first, with the total."""
    known = {"workspace_id": scope.workspace_id, "user_id": scope.actor.id}
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(_MINE.subquery()), **known)
    ordered = _MINE.order_by(Room.updated_at.desc(), Room.id.desc()).offset(skip).limit(limit)
    return tx.all(RoomRow, ordered, **known), total


def unread(tx: Tx, scope: Scope, room_ids: Collection[str]) -> dict[str, int]:
    """Messages of others past the caller's read markers."""
    rows = tx.all(RoomMember, _UNREAD, user_id=scope.actor.id, room_ids=[*room_ids])
    counts = {row.room_id: int(row.number) for row in rows}  # type: ignore[attr-defined]
    return {room_id: counts.get(room_id, 0) for room_id in room_ids}


def list_members(tx: Tx, room_id: str) -> list[RoomMember]:
    """In the order in which they came."""
    return tx.all(RoomMember, _MEMBERS.order_by(RoomMember.created_at, RoomMember.member_id), room_id=room_id)


def page_of_members(tx: Tx, scope: Scope, room_id: str, skip: int, limit: int) -> tuple[list[RoomMember], int]:
    """With the total. Raises NoSuchRoom."""
    members = list_members(tx, get_room(tx, scope, room_id).id)
    return members[skip : skip + limit], len(members)


def get_member(tx: Tx, room_id: str, member_id: str) -> RoomMember:
    """Raises NoSuchRoomMember."""
    return existing(find_member(tx, room_id, member_id), NoSuchRoomMember)


def find_member(tx: Tx, room_id: str, member_id: str) -> RoomMember | None:
    return tx.first(RoomMember, _MEMBER, room_id=room_id, member_id=member_id)


def rooms_of(tx: Tx, workspace_id: str | None, user_id: str) -> list[str]:
    """Ids of the rooms that a person is in, of one workspace or of all, in the order in which they are held."""
    here = [] if workspace_id is None else [Room.workspace_id == workspace_id]
    wanted = sa.select(Room.id).join(RoomMember, _PERSONS).where(*here).order_by(Room.id)
    return [row.id for row in tx.all(Room, wanted, user_id=user_id)]


def has_other_owner(tx: Tx, room_id: str, member_id: str) -> bool:
    return tx.first(RoomMember, _OTHER_OWNER, room_id=room_id, member_id=member_id) is not None


def agents_of(tx: Tx, room_id: str) -> list[RoomMember]:
    """The agents of the room that can speak, by their ids."""
    return tx.all(RoomMember, _AGENTS, room_id=room_id)


def list_messages(tx: Tx, room_id: str, after: int, limit: int) -> list[Message]:
    """Those with a seq above `after`, in order, also what was deleted."""
    return tx.all(Message, _LOG, room_id=room_id, after=after, most=limit)


def get_message(tx: Tx, room_id: str, message_id: str) -> Message:
    """Raises NoSuchRoomMessage."""
    return existing(tx.first(Message, _MESSAGE, room_id=room_id, message_id=message_id.lower()), NoSuchRoomMessage)


def spoken(tx: Tx, room_id: str, after: int, upto: int, limit: int) -> list[Message]:
    """The newest messages in after < seq <= upto that were not deleted, oldest first."""
    return tx.all(Message, _SPOKEN, room_id=room_id, after=after, upto=upto, most=limit)[::-1]


def reactions_to(tx: Tx, message_ids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Who reacted with what, by message and emoji."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in tx.all(RoomReaction, _REACTIONS, message_ids=[*message_ids]) if message_ids else []:
        found.setdefault(row.message_id, {}).setdefault(row.emoji, []).append(row.author_id)
    return found


def due_rooms(tx: Tx, at: datetime) -> list[Room]:
    """Those in which time alone may make somebody speak, at most 200, the longest due first."""
    return tx.all(Room, _DUE, at=at)


def find_summary(tx: Tx, room_id: str) -> RoomSummary | None:
    """The newest one."""
    return tx.first(RoomSummary, _SUMMARY, room_id=room_id)


def spent_in(tx: Tx, room_id: str) -> tuple[int, Decimal]:
    """Tokens of both directions and US dollars that the agents of the room have taken."""
    row = tx.first(Run, _SPENT, room_id=room_id)
    assert row is not None, "a sum always has a row"
    return int(row.tokens), row.usd or Decimal(0)  # type: ignore[attr-defined]


def ingests_of(tx: Tx, room_id: str) -> list[str]:
    """The runs that take in what is attached to the room, as far as they have not ended."""
    return [row.id for row in tx.all(Run, _INGESTS, room_id=room_id)]


def retaining_rooms(tx: Tx) -> list[Room]:
    """Id and settings of the rooms that say how long messages are kept."""
    return tx.all(Room, _RETAINING)
