"""The search in rooms: what people and agents have said is indexed as it is stored, and found by who is in the room."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa

from folkmoot.conversations.queries import MESSAGE_COLUMNS
from folkmoot.conversations.tables import Message
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.full_text import asked_for, match_of, scored
from folkmoot.knowledge.rules import words_of
from folkmoot.rooms.excerpts import excerpt_of, marked_texts, spans_in
from folkmoot.rooms.queries import get_room, reactions_to
from folkmoot.rooms.search_schemas import RoomHit, RoomHits, RoomMatch
from folkmoot.rooms.tables import Room, RoomText
from folkmoot.rooms.views import message_view

SEARCHED = ("user", "agent")
"""Whose messages are found; what the system says of work it only repeats."""

INDEXED = 100_000
"""Characters of a message that can be found: as many as a person may write, and a tsvector always takes them."""

_INSERT = sa.insert(RoomText)
_THIS = RoomText.message_id == sa.bindparam("this_message")
_CHANGE = sa.update(RoomText).where(_THIS).values(text=sa.bindparam("new_text"))
_DELETE = sa.delete(RoomText).where(_THIS)

# Who is removed from a room finds nothing of it: membership is read in the statement that searches.
_MINE = """
    select room_members.room_id
    from room_members
    join rooms on rooms.id = room_members.room_id
    where room_members.member_kind = 'user' and room_members.member_id = :user_id
        and rooms.workspace_id = :workspace_id{only}
"""
_ONLY = " and rooms.id = :room_id"
_SQLITE = """
select room_texts.number, room_texts.message_id, -room_texts_fts.rank as score
from room_texts_fts
cross join room_texts on room_texts.number = room_texts_fts.rowid
where room_texts_fts match :question and room_texts.room_id in ({mine})
order by room_texts_fts.rank, room_texts.number desc
limit :limit offset :skip
"""
_SQLITE_COUNT = """
select count(*)
from room_texts_fts
cross join room_texts on room_texts.number = room_texts_fts.rowid
where room_texts_fts match :question and room_texts.room_id in ({mine})
"""
_SIZE = """
    select coalesce(sum(conversations.last_seq), 0) as number
    from conversations
    where conversations.id in ({mine})
"""
# Where the page lies behind all that was found, one row that is no hit tells the total.
_BEST = """,
best as (
    select number, score
    from scored
    order by score desc, number desc
    limit :limit offset :skip
)
select best.number, room_texts.message_id, best.score, best.number is not null as is_hit, whole.total
from (select count(*) as total from scored) as whole
left join best on true
left join room_texts on room_texts.number = best.number
order by best.score desc, best.number desc
"""
_POSTGRESQL = scored("room_texts", "where room_texts.room_id in ({mine})", _SIZE, _BEST)
_FOUND = (
    sa.select(*MESSAGE_COLUMNS, Room.name.label("room_name"))
    .join(Room, Room.id == Message.conversation_id)
    .where(Message.id.in_(sa.bindparam("message_ids", expanding=True)))
)


class _Hit:
    """The columns of a search's rows, on PostgreSQL beside the total."""

    number: int
    message_id: str
    score: float
    is_hit: bool
    total: int


class _Said(Message):
    """A message with the name of its room."""

    __abstract__ = True

    room_name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for, in one room or in all of the caller's, and which part of what is found is answered."""

    question: str
    room_id: str | None
    skip: int
    limit: int


def index_message(tx: Tx, room_id: str, message_id: str, text: str) -> None:
    tx.write(_INSERT, {"message_id": message_id, "room_id": room_id, "text": text[:INDEXED]})


def index_anew(tx: Tx, message_id: str, text: str) -> None:
    tx.write(_CHANGE, {"this_message": message_id, "new_text": text[:INDEXED]})


def forget_message(tx: Tx, message_id: str) -> None:
    """What a deleted message said; with messages that are gone their texts go by themselves."""
    tx.write(_DELETE, {"this_message": message_id})


def search_rooms(tx: Tx, scope: Scope, asked: Asked) -> RoomHits:
    """Messages with any of the question's words, as the search in knowledge ranks them. Raises NoSuchRoom.

    Run it with `read_long`.
    """
    values: dict[str, object] = {"workspace_id": scope.workspace_id, "user_id": scope.actor.id}
    if asked.room_id is not None:
        values["room_id"] = get_room(tx, scope, asked.room_id).id
    words = words_of(asked.question)
    hits, total = _hits(tx, words, values, asked) if words else ([], 0)
    return RoomHits(hits=_shown(tx, words, hits), total=total, skip=asked.skip, limit=asked.limit)


def _hits(tx: Tx, words: list[str], known: dict[str, object], asked: Asked) -> tuple[list[_Hit], int]:
    """A page of what was found, and how much there is."""
    is_in_one, values = "room_id" in known, {**known, "limit": asked.limit, "skip": asked.skip}
    if tx.dialect == "sqlite":
        question = match_of(tx, "room_texts", words)
        hits = tx.all(_Hit, _statement(_SQLITE, is_in_one), **values, question=question)
        return hits, tx.scalar(_statement(_SQLITE_COUNT, is_in_one), **known, question=question)
    rows = tx.all(_Hit, _statement(_POSTGRESQL, is_in_one), **values, **asked_for(words))
    return [row for row in rows if row.is_hit], rows[0].total


@cache
def _statement(sql: str, is_in_one: bool) -> sa.TextClause:
    return sa.text(sql.format(mine=_MINE.format(only=_ONLY if is_in_one else "")))


def _shown(tx: Tx, words: list[str], hits: Sequence[_Hit]) -> list[RoomHit]:
    ids = [hit.message_id for hit in hits]
    if not ids:
        return []
    said = {row.id: row for row in tx.all(_Said, _FOUND, message_ids=ids)}
    reactions, marked = reactions_to(tx, ids), marked_texts(tx, words, [hit.number for hit in hits])
    found = []
    for hit in hits:
        message = said[hit.message_id]
        spans = spans_in(tx.dialect, marked[hit.number], len(message.text[:INDEXED]))
        start, end = excerpt_of(message.text, spans)
        found.append(
            RoomHit(
                room_id=message.conversation_id,
                room_name=message.room_name,
                message=message_view(message, reactions.get(message.id, {})),
                score=hit.score,
                text=message.text[start:end],
                start=start,
                end=end,
                matches=[RoomMatch(start=one, end=other) for one, other in spans if start <= one and other <= end],
            )
        )
    return found
