"""Writing a room's rows: holding it, taking its next seq, storing what is said. What everything here builds on."""

from datetime import datetime
from typing import cast

import sqlalchemy as sa

from folkmoot.conversations.service import message_row
from folkmoot.conversations.tables import Conversation, Message
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Actor
from folkmoot.rooms.events import RoomMessage
from folkmoot.rooms.queries import ROOM_COLUMNS, RoomRow, find_room_row, get_message, reactions_to
from folkmoot.rooms.searching import SEARCHED, index_message
from folkmoot.rooms.tables import Room, RoomMember
from folkmoot.rooms.views import changes_of, message_view, room_view

_HOLD = sa.update(Room).where(Room.id == sa.bindparam("this_room")).values(seed=Room.seed)
_HOLD_DUE = _HOLD.where(Room.next_tick_at == sa.bindparam("seen", type_=ROOM_COLUMNS["next_tick_at"].type))
_CHANGING = (
    *("name", "description", "mode", "ai_frequency", "seed", "approval", "settings", "speaking_run_id"),
    *("speaking_agent_id", "queue", "monologue", "last_message_at", "next_tick_at", "updated_at"),
)
_SAVE = (
    sa.update(Room)
    .where(Room.id == sa.bindparam("this_room"))
    .values({ROOM_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=ROOM_COLUMNS[name].type) for name in _CHANGING})
)
_NEXT_SEQ = (
    sa.update(Conversation)
    .where(Conversation.id == sa.bindparam("this_room"))
    .values(
        last_seq=Conversation.last_seq + 1,
        updated_at=sa.bindparam("at", type_=Conversation.__table__.c.updated_at.type),
    )
    .returning(Conversation.last_seq)
)
_INSERT_MESSAGE = sa.insert(Message)
_SPOKE = (
    sa.update(RoomMember)
    .where(
        RoomMember.room_id == sa.bindparam("this_room"),
        RoomMember.member_id == sa.bindparam("agent"),
        RoomMember.member_kind == "agent",
    )
    .values(
        spoke_seq=sa.bindparam("seq"),
        spoke_at=sa.bindparam("at", type_=RoomMember.__table__.c.spoke_at.type),
    )
)


def hold_room(tx: Tx, room_id: str) -> RoomRow | None:
    """The room's row, held until the unit ends. A run's row, where one is needed too, is held before it."""
    if tx.write(_HOLD, {"this_room": room_id}) == 0:
        return None
    return find_room_row(tx, room_id)


def hold_due_room(tx: Tx, room_id: str, seen: datetime) -> RoomRow | None:
    """As `hold_room`, where it is still due at the time that was seen; None where another process was faster."""
    if tx.write(_HOLD_DUE, {"this_room": room_id, "seen": seen}) == 0:
        return None
    return find_room_row(tx, room_id)


def save_room(tx: Tx, room: RoomRow, **values: object) -> RoomRow:
    """The room with other values; its row is held."""
    row = {name: getattr(room, name) for name in _CHANGING} | values
    tx.write(_SAVE, {"this_room": room.id, **{f"new_{name}": value for name, value in row.items()}})
    saved = find_room_row(tx, room.id)
    assert saved is not None, "it is held"
    return saved


def tell(tx: Tx, room: Room, fact: Fact, run_id: str | None = None) -> None:
    """Tell who is in the room."""
    tx.emit(room.workspace_id, fact, room_id=room.id, run_id=run_id)


def tell_room(tx: Tx, room: RoomRow) -> None:
    view: JsonObject = room_view(room).model_dump(mode="json")
    tell(tx, room, ResourceChanged(resource="room", id=room.id, change="updated", view=view))


def tell_message(tx: Tx, room: Room, message_id: str) -> JsonObject:
    """That a message is another now; answers how it looks."""
    message = get_message(tx, room.id, message_id)
    reactions = reactions_to(tx, [message_id]).get(message_id, {})
    view = cast("JsonObject", message_view(message, reactions).model_dump(mode="json"))
    tell(tx, room, ResourceChanged(resource="room_message", id=message_id, change="updated", view=view))
    return view


def store_message(tx: Tx, room: RoomRow, author: Actor, text: str, **more: object) -> tuple[RoomRow, Message]:
    """Take the room's next seq, store and tell; the room as it is after, and the message.

    `more` are columns of the message; its payload has the author's name as it is now. The room's row is held.
    """
    taken = tx.write_returning(Conversation, _NEXT_SEQ, this_room=room.id, at=tx.at)
    assert taken is not None, "a room is a conversation"
    payload = cast("JsonObject", more.pop("payload", None) or {})
    row = message_row(
        tx,
        **{
            "id": new_id(),
            "conversation_id": room.id,
            "seq": taken.last_seq,
            "author_kind": author.kind,
            "author_id": author.id,
            "direction": "outbound" if author.kind == "agent" else "inbound",
            "text": text,
            **more,
            "payload": {"sender_name": author.name, **payload},
        },
    )
    tx.write(_INSERT_MESSAGE, row)
    if author.kind in SEARCHED:
        index_message(tx, room.id, str(row["id"]), text)
    if author.kind == "agent":
        tx.write(_SPOKE, {"this_room": room.id, "agent": author.id, "seq": taken.last_seq, "at": tx.at})
    monologue = {"user": 0, "agent": room.monologue + 1}.get(author.kind, room.monologue)
    after = save_room(tx, room, monologue=monologue, last_message_at=tx.at, updated_at=tx.at)
    message = get_message(tx, room.id, str(row["id"]))
    view: JsonObject = message_view(message, {}).model_dump(mode="json")
    said = RoomMessage(room_id=room.id, message=view, room=changes_of(after))
    tell(tx, room, said, message.run_id if author.kind == "agent" else None)
    return after, message
