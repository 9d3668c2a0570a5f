"""Every SELECT of documents and their passages; the search by text is in `text_search`."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.json import dumps
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.tables import Chunk, Document, DocumentPart


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """What of a workspace is looked at; None is all of it. No documents at all find nothing."""

    document_ids: Sequence[str] | None = None
    project_id: str | None = None
    tag: str | None = None


EVERYTHING = Within()

IS_VISIBLE = sa.and_(
    Document.status == "ready",
    Chunk.seq >= Document.first_seq,
    Chunk.seq < Document.first_seq + Document.passages,
)
"""Of a document's passages those of the text it has; others wait to take their place, or to be deleted."""

_DOCUMENT = sa.select(*Document.__table__.c)
_IS_HERE = sa.and_(Document.workspace_id == sa.bindparam("workspace_id"), Document.status != "deleting")
_IN_PROJECT = sa.and_(
    Document.workspace_id == sa.bindparam("workspace_id"), Document.project_id == sa.bindparam("project_id")
)
_FIND = _DOCUMENT.where(Document.id == sa.bindparam("id"), Document.workspace_id == sa.bindparam("workspace_id"))
_LOCK = _FIND.with_for_update()
_FIND_TEXT = _DOCUMENT.where(_IN_PROJECT, Document.sha256 == sa.bindparam("sha256")).with_for_update()
_FIND_SOURCE = _DOCUMENT.where(_IN_PROJECT, Document.source == sa.bindparam("source")).with_for_update()
_KNOWN = sa.select(Document.id).where(_IS_HERE, Document.id.in_(sa.bindparam("ids", expanding=True)))
_PASSAGES = (
    sa.select(*Chunk.__table__.c)
    .where(
        Chunk.document_id == sa.bindparam("document"),
        Chunk.seq >= sa.bindparam("first"),
        Chunk.seq < sa.bindparam("end"),
    )
    .order_by(Chunk.seq)
)
_FOUND = (
    sa.select(Chunk.id, Chunk.document_id, Document.title, Chunk.text, Chunk.start, Chunk.end)
    .join(Document, Document.id == Chunk.document_id)
    .where(
        Document.workspace_id == sa.bindparam("workspace_id"),
        IS_VISIBLE,
        Chunk.id.in_(sa.bindparam("ids", expanding=True)),
    )
)
_PART = sa.select(*DocumentPart.__table__.c).where(
    DocumentPart.run_id == sa.bindparam("run"),
    DocumentPart.kind == sa.bindparam("part_kind"),
    DocumentPart.seq == sa.bindparam("number"),
)
_DELETING = (
    sa.select(Document.id, Document.workspace_id, Document.project_id).where(Document.status == "deleting").limit(100)
)


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
    """The document of the scope's project that holds this very text, whatever its status; locked."""
    return tx.first(Document, _FIND_TEXT, workspace_id=scope.workspace_id, project_id=scope.project_id, sha256=sha256)


def find_document_of_source(tx: Tx, scope: Scope, source: str) -> Document | None:
    """The document of the scope's project that came from there; locked. One that is being deleted has no source."""
    return tx.first(Document, _FIND_SOURCE, workspace_id=scope.workspace_id, project_id=scope.project_id, source=source)


def list_documents(
    tx: Tx, scope: Scope, filters: dict[str, str | None], skip: int, limit: int
) -> tuple[list[Document], int]:
    """A page of the workspace's documents, newest first, and how many there are.

    Filters: status, project_id, source, tag; a null filters nothing.
    """
    found = _DOCUMENT.where(_IS_HERE)
    for name, value in filters.items():
        if value is not None:
            found = found.where(has_tag(value) if name == "tag" else Document.__table__.c[name] == value)
    here = {"workspace_id": scope.workspace_id}
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(found.subquery()), **here)
    page = found.order_by(Document.id.desc()).limit(limit).offset(skip)
    return tx.all(Document, page, **here), total


def has_tag(tag: str) -> sa.ColumnElement[bool]:
    """Tags are kept as the text of a JSON list."""
    return sa.type_coerce(Document.tags, sa.Text).contains(dumps(tag), autoescape=True)


def check_documents(tx: Tx, scope: Scope, document_ids: Sequence[str]) -> None:
    """Raises NoSuchDocument unless the workspace has all of them."""
    wanted = set(document_ids)
    if len(tx.all(Document, _KNOWN, workspace_id=scope.workspace_id, ids=list(wanted))) < len(wanted):
        raise NoSuchDocument


def list_passages(tx: Tx, scope: Scope, document_id: str, skip: int, limit: int) -> tuple[list[Chunk], int]:
    """A page of a document's visible passages in their order, and how many there are. Raises NoSuchDocument."""
    document = get_document(tx, scope, document_id)
    last = document.first_seq + document.passages
    first = min(document.first_seq + skip, last)
    return passages_between(tx, document.id, first, min(first + limit, last)), document.passages


def passages_between(tx: Tx, document_id: str, first: int, end: int) -> list[Chunk]:
    """Passages by their numbers in the document, visible or not; for who has checked the document."""
    return tx.all(Chunk, _PASSAGES, document=document_id, first=first, end=end)


def passages_of_ids(tx: Tx, scope: Scope, ids: Sequence[str]) -> dict[str, FoundPassage]:
    """The visible ones, by id; without a score."""
    rows = tx.all(FoundPassage, _FOUND, workspace_id=scope.workspace_id, ids=list(ids))
    return {row.id: row for row in rows}


def find_part(tx: Tx, run_id: str, kind: str, seq: int) -> DocumentPart | None:
    """A part of what a run is to take in."""
    return tx.first(DocumentPart, _PART, run=run_id, part_kind=kind, number=seq)


def list_deleting(tx: Tx) -> list[Document]:
    """Documents of any workspace whose deletion was interrupted: id, workspace_id, project_id."""
    return tx.all(Document, _DELETING)
