"""The search by text: FTS5 with its BM25 on SQLite, tsvector with ranks weighted as BM25 weights them on PostgreSQL."""

from functools import cache

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.json import dumps
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.queries import EVERYTHING, FoundPassage, Within
from folkmoot.knowledge.rules import words_of

CANDIDATES = 20_000
"""Passages that SQLite ranks for one question, about: ranking costs a microsecond each, and counting nearly nothing."""

_VISIBLE = """documents.workspace_id = :workspace_id and documents.status = 'ready'
    and chunks.seq >= documents.first_seq and chunks.seq < documents.first_seq + documents.passages"""

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

_COUNT_SQLITE = sa.text("select count(*) from chunks_fts where chunks_fts match :question")

# ts_rank knows nothing of rare words, and a question in natural language is mostly common ones: so each word
# is ranked alone (ts_rank grows with its occurrences towards a bound) and weighted as BM25 weights it.
_POSTGRESQL = """
with words as (
    select distinct to_tsquery('pg_catalog.english', quote_literal(word)) as query
    from unnest(cast(:words as text[])) as word
),
matches as materialized (
    select chunks.number, words.query, ts_rank(chunks.text_words, words.query) as rank
    from words
    join chunks on chunks.text_words @@ words.query
    join documents on documents.id = chunks.document_id
    where {visible}{only}
),
size as (
    select coalesce(sum(documents.passages), 0) as chunks
    from documents
    where documents.workspace_id = :workspace_id and documents.status = 'ready'{only}
),
weights as (
    select query, ln(1 + (size.chunks - count(*) + 0.5) / (count(*) + 0.5)) as weight
    from matches cross join size
    group by query, size.chunks
),
best as (
    select number, cast(sum(rank * weight) * 10 as double precision) as score
    from matches join weights using (query)
    group by number
    order by score desc, number
    limit :limit
)
select chunks.id, chunks.document_id, documents.title, chunks.text, best.score, chunks.start, chunks."end"
from best
join chunks using (number)
join documents on documents.id = chunks.document_id
order by best.score desc, best.number
"""
_SQL = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


@cache
def _statement(dialect: str, narrowed: frozenset[str]) -> sa.TextClause:
    only = "".join(f" and {condition}" for name, condition in _NARROWED.items() if name in narrowed)
    statement = sa.text(_SQL[dialect].format(visible=_VISIBLE, only=only))
    if "document_ids" in narrowed:
        return statement.bindparams(sa.bindparam("document_ids", expanding=True))
    return statement


def search_passages(tx: Tx, scope: Scope, question: str, limit: int, within: Within = EVERYTHING) -> list[FoundPassage]:
    """The passages that hold the question's words, best first; only ready documents are searched.

    Any of the words is enough; more of them, rarer ones and more often ranks higher. A question without
    a word to search for finds nothing. Run it with `read_long`.
    """
    words = words_of(question)
    if not words or (within.document_ids is not None and not within.document_ids):
        return []
    values = {**narrowing(within), "workspace_id": scope.workspace_id, "limit": limit}
    statement = _statement(tx.dialect, frozenset(narrowing(within)))
    if tx.dialect == "sqlite":
        values["question"] = _match(tx, words)
    else:
        values["words"] = words
    return tx.all(FoundPassage, statement, **values)


def _match(tx: Tx, words: list[str]) -> str:
    """What FTS5 is asked: passages with any of the words; where those are too many, with any of the rarest of them.

    Commoner words still count in the rank of a passage that has a rare one.
    """
    if len(words) == 1:
        return _any(words)
    counted = sorted((int(tx.scalar(_COUNT_SQLITE, question=_any([word]))), word) for word in words)
    chosen, rare = 0, list[str]()
    for count, word in counted:
        if chosen and chosen + count > CANDIDATES:
            break
        chosen += count
        rare.append(word)
    return _any(words) if len(rare) == len(words) else f"({_any(rare)}) AND ({_any(words)})"


def _any(words: list[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)


def narrowing(within: Within) -> dict[str, object]:
    """The values by which documents are chosen; none where all are looked at."""
    found: dict[str, object] = {}
    if within.document_ids is not None:
        found["document_ids"] = list(within.document_ids)
    if within.project_id is not None:
        found["project_id"] = within.project_id
    if within.tag is not None:
        escaped = "".join(f"\\{letter}" if letter in "%_\\" else letter for letter in dumps(within.tag))
        found["tag"] = f"%{escaped}%"
    return found
