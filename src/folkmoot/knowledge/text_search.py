"""The search for passages by text; what is asked of either database, `full_text` knows."""

from functools import cache

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.json import dumps
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.full_text import asked_for, match_of, scored
from folkmoot.knowledge.queries import EVERYTHING, FoundPassage, Within
from folkmoot.knowledge.rules import words_of

_VISIBLE = """documents.workspace_id = :workspace_id and documents.status = 'ready'
    and chunks.seq >= documents.first_seq and chunks.seq < documents.first_seq + documents.passages"""

_OF_NO_ROOM = "documents.room_id is null"
_OF_NO_ROOM_OR_THEIRS = """(documents.room_id is null or documents.room_id in (
    select room_id from room_members where member_kind = 'user' and member_id = :seen_by))"""
_NARROWED = {
    "document_ids": "documents.id in :document_ids",
    "project_id": "documents.project_id = :project_id",
    "tag": "documents.tags like :tag escape '\\'",
}

# `rank` is FTS5's bm25(), which is negative: the lower, the better. Ordered by it alone, and joined in this order, the
# index hands out its best rows first and the others are never looked at.
_SQLITE = """
select chunks.id, chunks.document_id, documents.title, chunks.text, -chunks_fts.rank as score,
    chunks.start, chunks."end"
from chunks_fts
cross join chunks on chunks.number = chunks_fts.rowid
cross join documents on documents.id = chunks.document_id
where chunks_fts match :question and {visible}{only}
order by chunks_fts.rank
limit :limit
"""

_JOINED = "join documents on documents.id = chunks.document_id where {visible}{only}"
_SIZE = """
    select coalesce(sum(documents.passages), 0) as number
    from documents
    where documents.workspace_id = :workspace_id and documents.status = 'ready'{only}
"""
_BEST = """,
best as (
    select number, score
    from scored
    order by score desc, number
    limit :limit
)
select chunks.id, chunks.document_id, documents.title, chunks.text, best.score, chunks.start, chunks."end"
from best
join chunks using (number)
join documents on documents.id = chunks.document_id
order by best.score desc, best.number
"""
_SQL = {"sqlite": _SQLITE, "postgresql": scored("chunks", _JOINED, _SIZE, _BEST)}


@cache
def _statement(dialect: str, narrowed: frozenset[str]) -> sa.TextClause:
    chosen = [_OF_NO_ROOM_OR_THEIRS if "seen_by" in narrowed else _OF_NO_ROOM]
    chosen += [condition for name, condition in _NARROWED.items() if name in narrowed]
    only = " and ".join(chosen)
    if "room_id" in narrowed:
        only = f"({only} or documents.room_id = :room_id)"
    statement = sa.text(_SQL[dialect].format(visible=_VISIBLE, only=f" and {only}"))
    if "document_ids" in narrowed:
        return statement.bindparams(sa.bindparam("document_ids", type_=sa.String(), expanding=True))
    return statement


def search_passages(tx: Tx, scope: Scope, question: str, limit: int, within: Within = EVERYTHING) -> list[FoundPassage]:
    """The passages that hold the question's words, best first; only ready documents are searched.

    Any of the words is enough; more of them, rarer ones and more often ranks higher. A question without
    a word to search for finds nothing. Run it with `read_long`.
    """
    words = words_of(question)
    if not words or within.is_nothing:
        return []
    narrowed = _narrowing(within)
    values = {**narrowed, "workspace_id": scope.workspace_id, "limit": limit}
    statement = _statement(tx.dialect, frozenset(narrowed))
    if tx.dialect == "sqlite":
        values["question"] = match_of(tx, "chunks", words)
    else:
        values |= asked_for(words)
    return tx.all(FoundPassage, statement, **values)


def _narrowing(within: Within) -> dict[str, object]:
    """The values by which documents are chosen, as `queries.chosen` does it; none where all of the workspace's are."""
    given = {"seen_by": within.seen_by, "room_id": within.room_id}
    found: dict[str, object] = {name: value for name, value in given.items() if value is not None}
    if within.document_ids is not None:
        found["document_ids"] = list(within.document_ids)
    if within.project_id is not None:
        found["project_id"] = within.project_id
    if within.tag is not None:
        escaped = "".join(f"\\{letter}" if letter in "%_\\" else letter for letter in dumps(within.tag))
        found["tag"] = f"%{escaped}%"
    return found
