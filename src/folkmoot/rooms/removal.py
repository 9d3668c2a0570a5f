"""Deleting rooms: gone at once for everybody, what was said in them in small units after that."""

import sqlalchemy as sa

from folkmoot.conversations.tables import Conversation, Message
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.service import remove
from folkmoot.rooms.service import delete_room
from folkmoot.rooms.tables import Room
from folkmoot.runs.engine import RunEngine

_SOME = 200
"""Messages of one unit: each takes its words in the search and its reactions with it."""

_FIRST = (
    sa.select(Message.id)
    .where(Message.conversation_id == sa.bindparam("room"))
    .order_by(Message.seq)
    .limit(sa.bindparam("most", type_=sa.BigInteger()))
)
_DELETE_SOME = sa.delete(Message).where(Message.id.in_(_FIRST))
_HOLD = sa.select(Conversation.id).where(Conversation.id == sa.bindparam("room")).with_for_update()
_DELETE = sa.delete(Conversation).where(Conversation.id == sa.bindparam("room"))
# A room and its conversation are made in one unit: one without the other is what a deletion has left. The condition is
# in the words of the partial index.
_LEFT_BEHIND = sa.select(Conversation.id).where(
    sa.text("conversations.kind = 'room'"), ~sa.exists().where(Room.id == Conversation.id)
)


async def delete_room_with_all(db: Database, engine: RunEngine, scope: Scope, room_id: str) -> None:
    """Returns when all of it is gone; nobody sees it from the first unit on. Raises NoSuchRoom, RoomRoleTooLow."""
    attached = await db.write(delete_room, engine, scope, room_id)
    await _remove(db, room_id)
    for document_id in attached:
        await remove(db, scope, document_id)


async def finish_removals(db: Database) -> None:
    """Go on with deletions that a crash has interrupted; what was attached is knowledge's to tidy."""
    for conversation in await db.read_long(_left_behind):
        await _remove(db, conversation.id)


def _left_behind(tx: Tx) -> list[Conversation]:
    return tx.all(Conversation, _LEFT_BEHIND)


async def _remove(db: Database, room_id: str) -> None:
    while not await db.write(_remove_some, room_id):
        pass


def _remove_some(tx: Tx, room_id: str) -> bool:
    """Whether that was all. Whoever else is at it waits, so that no two delete the same."""
    if tx.first(Conversation, _HOLD, room=room_id) is None:
        return True
    if tx.write(_DELETE_SOME, {"room": room_id, "most": _SOME}):
        return False
    tx.write(_DELETE, {"room": room_id})
    return True
