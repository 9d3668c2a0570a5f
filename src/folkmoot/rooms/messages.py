"""What people do with messages of a room: post, edit, delete, react. What agents say is published by their turns."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.audit.service import record
from folkmoot.conversations.tables import Message
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Forbidden
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.rooms.attachments import named
from folkmoot.rooms.keeping import store_message, tell_message
from folkmoot.rooms.message_schemas import NewRoomMessage, RoomMessageView
from folkmoot.rooms.queries import (
    NoSuchRoom,
    get_member,
    get_message,
    get_room,
    list_messages,
    reactions_to,
    retaining_rooms,
)
from folkmoot.rooms.rules import command_in
from folkmoot.rooms.schemas import RoomWorkView
from folkmoot.rooms.searching import forget_message, index_anew
from folkmoot.rooms.service import require
from folkmoot.rooms.speech import decide, heard, silence
from folkmoot.rooms.tables import RoomReaction
from folkmoot.rooms.views import message_view, settings_of
from folkmoot.rooms.work import begin_work
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.idempotency import RequestKey, recall, remember
from folkmoot.tasks.rules import TaskDefaults

MOST_EMOJI = 20
"""Different reactions that one message can have."""

_AT = sa.bindparam("at", type_=Message.__table__.c.edited_at.type)
_THIS = Message.id == sa.bindparam("this_message")
_EDIT = (
    sa.update(Message)
    .where(_THIS, Message.deleted_at.is_(None))
    .values(text=sa.bindparam("new_text"), edited_at=_AT, updated_at=_AT)
)
_DELETE = sa.update(Message).where(_THIS).values(text="", deleted_at=_AT, updated_at=_AT)
_REACT = {
    "sqlite": sqlite.insert(RoomReaction).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(RoomReaction).on_conflict_do_nothing(),
}
_UNREACT = sa.delete(RoomReaction).where(
    RoomReaction.message_id == sa.bindparam("this_message"),
    RoomReaction.author_id == sa.bindparam("this_author"),
    RoomReaction.emoji == sa.bindparam("this_emoji"),
)
_PRUNED = 500
"""Messages that one unit prunes."""

_OLD = (
    sa.select(Message.id)
    .where(
        Message.conversation_id == sa.bindparam("this_room"),
        Message.created_at < sa.bindparam("before", type_=Message.__table__.c.created_at.type),
    )
    .order_by(Message.seq)
    .limit(sa.bindparam("most", type_=sa.BigInteger()))
)
_PRUNE = sa.delete(Message).where(Message.id.in_(_OLD))


class NotYourMessage(Forbidden):
    """The message is somebody else's"""


class MessageIsDeleted(Conflict):
    """The message was deleted"""


class TooManyReactions(Conflict):
    """A message has at most 20 different reactions"""


@dataclass(frozen=True, slots=True)
class Saying:
    """What a person says; with a key it is said once, however often it is sent."""

    new: NewRoomMessage
    key: RequestKey | None = None


def post_message(
    tx: Tx, engine: RunEngine, scope: Scope, room_id: str, saying: Saying, defaults: TaskDefaults
) -> RoomMessageView:
    """Store what a person says, cancel what an agent was about to say before it, and let agents answer.

    What was said with this key before is answered as it is now. Raises NoSuchRoom, RoomRoleTooLow, NoSuchRoomMessage,
    NoSuchAttachment, KeyReused, KeyInUse, and where it is a command what the work is refused for.
    """
    seen, new = require(tx, scope, room_id, "member"), saying.new
    earlier = recall(tx, scope, saying.key) if saying.key else None
    if earlier is not None:
        said = get_message(tx, seen.id, earlier)
        return message_view(said, reactions_to(tx, [said.id]).get(said.id, {}))
    reply_to = get_message(tx, seen.id, new.reply_to).id if new.reply_to is not None else None
    attached = named(tx, seen.id, new.attachments)
    room = silence(tx, engine, seen.id, scope.actor)
    if room is None:
        raise NoSuchRoom
    payload: JsonObject = {"attachments": attached} if attached else {}
    after, message = store_message(tx, room, scope.actor, new.content, reply_to=reply_to, payload=payload)
    if saying.key:
        remember(tx, scope, saying.key, message.id)
    command = command_in(new.content)
    if command is None:
        decide(tx, engine, after, heard(message))
    else:
        begin_work(tx, engine, scope, after, command, defaults)
    return message_view(message, {})


def start_work(
    tx: Tx, engine: RunEngine, scope: Scope, room_id: str, command: tuple[str, str], defaults: TaskDefaults
) -> RoomWorkView:
    """As `/task` or `/debate` in a message, which is stored too. Raises what `post_message` does."""
    seen = require(tx, scope, room_id, "member")
    room = silence(tx, engine, seen.id, scope.actor)
    if room is None:
        raise NoSuchRoom
    after, message = store_message(tx, room, scope.actor, f"/{command[0]} {command[1]}")
    begun = begin_work(tx, engine, scope, after, command, defaults)
    return RoomWorkView(run_id=begun.id, task_id=begun.task_id, message_id=message.id)


def log_of(tx: Tx, scope: Scope, room_id: str, after: int, limit: int) -> list[RoomMessageView]:
    """Messages above `after`, in order. Raises NoSuchRoom."""
    rows = list_messages(tx, get_room(tx, scope, room_id).id, after, limit)
    reactions = reactions_to(tx, [row.id for row in rows])
    return [message_view(row, reactions.get(row.id, {})) for row in rows]


def edit_message(tx: Tx, scope: Scope, room_id: str, message_id: str, text: str) -> JsonObject:
    """One's own; nobody is called upon by it.

    Raises NoSuchRoom, RoomRoleTooLow, NoSuchRoomMessage, NotYourMessage, MessageIsDeleted.
    """
    room = require(tx, scope, room_id, "member")
    message = _standing(tx, room.id, message_id)
    if message.author_id != scope.actor.id:
        raise NotYourMessage
    if tx.write(_EDIT, {"this_message": message.id, "new_text": text, "at": now()}) == 0:
        raise MessageIsDeleted
    index_anew(tx, message.id, text)
    return tell_message(tx, room, message.id)


def delete_message(tx: Tx, scope: Scope, room_id: str, message_id: str) -> None:
    """One's own, or as an owner anybody's: its place stays, its text is gone for good.

    Raises NoSuchRoom, NoSuchRoomMessage, NotYourMessage, MessageIsDeleted.
    """
    room = require(tx, scope, room_id, "member")
    message = _standing(tx, room.id, message_id)
    if message.author_id != scope.actor.id and get_member(tx, room.id, scope.actor.id).role != "owner":
        raise NotYourMessage
    tx.write(_DELETE, {"this_message": message.id, "at": now()})
    forget_message(tx, message.id)
    tell_message(tx, room, message.id)
    record(tx, scope.actor, "delete_room_message", ("room_message", message.id), scope.workspace_id, room_id=room.id)


def react(tx: Tx, scope: Scope, room_id: str, message_id: str, emoji: str) -> JsonObject:
    """Again changes nothing. Raises NoSuchRoom, NoSuchRoomMessage, MessageIsDeleted, TooManyReactions."""
    room = require(tx, scope, room_id, "member")
    message = _standing(tx, room.id, message_id)
    known = reactions_to(tx, [message.id]).get(message.id, {})
    if emoji not in known and len(known) >= MOST_EMOJI:
        raise TooManyReactions
    row = {"message_id": message.id, "author_id": scope.actor.id, "emoji": emoji, "created_at": now()}
    tx.write(_REACT[tx.dialect], row)
    return tell_message(tx, room, message.id)


def take_back_reaction(tx: Tx, scope: Scope, room_id: str, message_id: str, emoji: str) -> JsonObject:
    """Raises NoSuchRoom, NoSuchRoomMessage, MessageIsDeleted."""
    room = require(tx, scope, room_id, "member")
    message = _standing(tx, room.id, message_id)
    tx.write(_UNREACT, {"this_message": message.id, "this_author": scope.actor.id, "this_emoji": emoji})
    return tell_message(tx, room, message.id)


def _standing(tx: Tx, room_id: str, message_id: str) -> Message:
    message = get_message(tx, room_id, message_id)
    if message.deleted_at is not None:
        raise MessageIsDeleted
    return message


async def prune(db: Database) -> None:
    """In rooms that say how long messages are kept, those that are older go; seqs stay as they are."""
    for room in await db.read(retaining_rooms):
        days = settings_of(room).retention_days
        if days is not None:
            while await db.write(_prune, room.id, days) == _PRUNED:
                pass


def _prune(tx: Tx, room_id: str, days: int) -> int:
    return tx.write(_PRUNE, {"this_room": room_id, "before": now() - timedelta(days=days), "most": _PRUNED})
