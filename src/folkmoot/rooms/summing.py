"""What of a room's conversation goes into a prompt letter by letter, and what is summarised: by length, in tokens."""

import sqlalchemy as sa

from folkmoot.conversations.tables import Message
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.rooms.queries import RoomRow, find_summary
from folkmoot.rooms.tables import RoomSummary
from folkmoot.rooms.views import settings_of

CHARACTERS_PER_TOKEN = 4
"""What is taken for a token's length: none of the wires says how long one is."""

MOST_MESSAGES = 2000
"""The newest messages that are looked at for a prompt."""

_LENGTHS = (
    sa.select(Message.seq, sa.func.length(Message.text).label("length"))
    .where(
        Message.conversation_id == sa.bindparam("room_id"),
        Message.deleted_at.is_(None),
        Message.seq > sa.bindparam("after", type_=sa.BigInteger()),
    )
    .order_by(Message.seq.desc())
    .limit(MOST_MESSAGES)
)
_INSERT = sa.insert(RoomSummary)


def summing_upto(tx: Tx, room: RoomRow) -> int | None:
    """The seq up to which messages have to be summarised before an agent can be shown the room; None: nothing.

    Once what came after the last summary is longer than the budget, all but the newest half of a budget is.
    """
    known = find_summary(tx, room.id)
    budget = settings_of(room).history_tokens * CHARACTERS_PER_TOKEN
    rows = tx.all(Message, _LENGTHS, room_id=room.id, after=known.upto_seq if known else 0)
    if sum(row.length for row in rows) <= budget:  # type: ignore[attr-defined]
        return None
    left = budget // 2
    for index, row in enumerate(rows):
        left -= row.length  # type: ignore[attr-defined]
        if left < 0 and index > 0:
            return row.seq
    return None


def keep_summary(tx: Tx, room_id: str, upto: int, text: str, run_id: str) -> None:
    """As the next version."""
    known = find_summary(tx, room_id)
    version = known.version + 1 if known else 1
    row = {"room_id": room_id, "version": version, "upto_seq": upto, "text": text, "run_id": run_id}
    tx.write(_INSERT, {**row, "created_at": now()})
