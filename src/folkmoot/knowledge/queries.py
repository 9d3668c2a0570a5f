"""Every SELECT of knowledge: documents by id, by content and as a list, and the search for passages."""

from collections.abc import Sequence

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.rules import words_of
from folkmoot.knowledge.tables import Document


class NoSuchDocument(NotFound):
    """Document not found"""


class FoundPassage:
    """The columns of a search's rows."""

    id: str
    document_id: str
    title: str
    text: str
    score: float
    start: int
    end: int


_DOCUMENT = sa.select(*Document.__table__.c)
_IS_HERE = sa.and_(Document.workspace_id == sa.bindparam("workspace_id"), Document.status != "deleting")

_FIND = _DOCUMENT.where(Document.id == sa.bindparam("id"), Document.workspace_id == sa.bindparam("workspace_id"))
_LOCK = _FIND.with_for_update()
_FIND_TEXT = _DOCUMENT.where(
    Document.workspace_id == sa.bindparam("workspace_id"),
    Document.project_id == sa.bindparam("project_id"),
    Document.sha256 == sa.bindparam("sha256"),
)
_COUNT = sa.select(sa.func.count()).select_from(Document).where(_IS_HERE)
_PAGE = _DOCUMENT.where(_IS_HERE).order_by(Document.id.desc()).limit(sa.bindparam("limit")).offset(sa.bindparam("skip"))
_KNOWN = sa.select(Document.id).where(_IS_HERE, Document.id.in_(sa.bindparam("ids", expanding=True)))

_ONLY = " and documents.id in :document_ids"

# bm25() is a column of the full-text table and negative: the lower, the better.
_SEARCH_SQLITE = """
select chunks.id, chunks.document_id, documents.title, chunks.text, -chunks_fts.rank as score,
    chunks.start, chunks."end"
from chunks_fts
join chunks on chunks.number = chunks_fts.rowid
join documents on documents.id = chunks.document_id
where chunks_fts match :question
    and documents.workspace_id = :workspace_id and documents.status = 'ready'{only}
order by chunks_fts.rank, chunks.number
limit :limit
"""

# ts_rank knows nothing of rare words, and a question in natural language is mostly common ones: so each word
# is ranked alone (ts_rank grows with its occurrences towards a bound) and weighted as BM25 weights it.
_SEARCH_POSTGRESQL = """
with words as (
    select distinct to_tsquery('pg_catalog.english', quote_literal(word)) as query
    from unnest(cast(:words as text[])) as word
),
matches as materialized (
    select chunks.number, words.query, ts_rank(chunks.text_words, words.query) as rank
    from words
    join chunks on chunks.text_words @@ words.query
    join documents on documents.id = chunks.document_id
    where documents.workspace_id = :workspace_id and documents.status = 'ready'{only}
),
size as (
    select count(*) as chunks
    from chunks
    join documents on documents.id = chunks.document_id
    where documents.workspace_id = :workspace_id and documents.status = 'ready'{only}
),
weights as (
    select query, ln(1 + (size.chunks - count(*) + 0.5) / (count(*) + 0.5)) as weight
    from matches cross join size
    group by query, size.chunks
),
best as (
    select number, sum(rank * weight) * 10 as score
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


def _statement(sql: str, *, is_narrowed: bool) -> sa.TextClause:
    statement = sa.text(sql.format(only=_ONLY if is_narrowed else ""))
    return statement.bindparams(sa.bindparam("document_ids", expanding=True)) if is_narrowed else statement


_SEARCH = {
    ("sqlite", False): _statement(_SEARCH_SQLITE, is_narrowed=False),
    ("sqlite", True): _statement(_SEARCH_SQLITE, is_narrowed=True),
    ("postgresql", False): _statement(_SEARCH_POSTGRESQL, is_narrowed=False),
    ("postgresql", True): _statement(_SEARCH_POSTGRESQL, is_narrowed=True),
}


def find_document(tx: Tx, scope: Scope, document_id: str) -> Document | None:
    """Also one that is being deleted; `get_document` leaves that out."""
    return tx.first(Document, _FIND, id=document_id, workspace_id=scope.workspace_id)


def get_document(tx: Tx, scope: Scope, document_id: str) -> Document:
    """Raises NoSuchDocument."""
    document = find_document(tx, scope, document_id)
    if document is None or document.status == "deleting":
        raise NoSuchDocument
    return document


def lock_document(tx: Tx, scope: Scope, document_id: str) -> Document | None:
    """As `find_document`, and nobody else changes it before this unit is committed."""
    return tx.first(Document, _LOCK, id=document_id, workspace_id=scope.workspace_id)


def find_document_of_text(tx: Tx, scope: Scope, sha256: str) -> Document | None:
    """The document of the scope's project that holds this very text, whatever its status."""
    return tx.first(Document, _FIND_TEXT, workspace_id=scope.workspace_id, project_id=scope.project_id, sha256=sha256)


def list_documents(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[Document], int]:
    """A page of the workspace's documents, newest first, and how many there are."""
    total: int = tx.scalar(_COUNT, workspace_id=scope.workspace_id)
    return tx.all(Document, _PAGE, workspace_id=scope.workspace_id, skip=skip, limit=limit), total


def check_documents(tx: Tx, scope: Scope, document_ids: Sequence[str]) -> None:
    """Raises NoSuchDocument unless the workspace has all of them."""
    wanted = set(document_ids)
    known = tx.all(Document, _KNOWN, workspace_id=scope.workspace_id, ids=list(wanted))
    if len(known) < len(wanted):
        raise NoSuchDocument


def search_passages(
    tx: Tx, scope: Scope, question: str, limit: int, document_ids: Sequence[str] | None = None
) -> list[FoundPassage]:
    """The passages that hold the question's words, best first; only ready documents are searched.

    Any of the words is enough; more of them, rarer ones and more often ranks higher. A question without
    a word to search for finds nothing. Run it with `read_long`.
    """
    words = words_of(question)
    if not words or (document_ids is not None and not document_ids):
        return []
    values: dict[str, object] = {"workspace_id": scope.workspace_id, "limit": limit}
    if document_ids is not None:
        values["document_ids"] = list(document_ids)
    if tx.dialect == "sqlite":
        values["question"] = " OR ".join(f'"{word}"' for word in words)
    else:
        values["words"] = words
    return tx.all(FoundPassage, _SEARCH[tx.dialect, document_ids is not None], **values)
