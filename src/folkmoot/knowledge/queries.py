"""Every SELECT of documents and their passages; the search by text is in `text_search`."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.json import dumps
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.tables import Chunk, Document, DocumentPart
from folkmoot.runs.queries import is_shown, of_rooms_of


class NoSuchDocument(NotFound):
    """Document not found"""


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """What a search finds: its rows have these columns."""

    id: str
    document_id: str
    title: str
    text: str
    score: float
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """What of a workspace is looked at; None is all of it. No documents at all find nothing.

    Of what belongs to rooms that is nothing: only, of the rooms that the person `seen_by` is in, what is looked at
    otherwise, and all that belongs to the room `room_id`.
    """

    document_ids: Sequence[str] | None = None
    project_id: str | None = None
    tag: str | None = None
    seen_by: str | None = None
    room_id: str | None = None

    @property
    def is_nothing(self) -> bool:
        return self.document_ids is not None and not self.document_ids and self.room_id is None


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
_OF_TEXT, _OF_SOURCE = Document.sha256 == sa.bindparam("sha256"), Document.source == sa.bindparam("source")
_OF_ROOM = Document.room_id == sa.bindparam("room_id")
_FIND_TEXT = _DOCUMENT.where(_IN_PROJECT, Document.room_id.is_(None), _OF_TEXT).with_for_update()
_FIND_SOURCE = _DOCUMENT.where(_IN_PROJECT, Document.room_id.is_(None), _OF_SOURCE).with_for_update()
_FIND_ROOM_TEXT = _DOCUMENT.where(_OF_ROOM, _OF_TEXT).with_for_update()
_FIND_ROOM_SOURCE = _DOCUMENT.where(_OF_ROOM, _OF_SOURCE).with_for_update()
_AMONG = Document.id.in_(sa.bindparam("ids", expanding=True))
_OF_ROOM_AMONG = _DOCUMENT.where(_OF_ROOM, Document.status != "deleting", _AMONG)
_TITLES_OF_ROOM = (
    sa.select(Document.title)
    .where(_OF_ROOM, Document.status != "deleting")
    .order_by(Document.id.desc())
    .limit(sa.bindparam("most", type_=sa.BigInteger()))
)
_PASSAGES = (
    sa.select(*Chunk.__table__.c)
    .where(
        Chunk.document_id == sa.bindparam("document"),
        Chunk.seq >= sa.bindparam("first"),
        Chunk.seq < sa.bindparam("end"),
    )
    .order_by(Chunk.seq)
)
_VISIBLE_PASSAGES = (
    sa.select(Chunk.id, Chunk.document_id, Document.title, Chunk.text, Chunk.start, Chunk.end)
    .join(Document, Document.id == Chunk.document_id)
    .where(Document.workspace_id == sa.bindparam("workspace_id"), IS_VISIBLE)
)
_FOUND = _VISIBLE_PASSAGES.where(Chunk.id.in_(sa.bindparam("ids", expanding=True)))
_BEGINNINGS = _VISIBLE_PASSAGES.where(_OF_ROOM, _AMONG, Chunk.seq == Document.first_seq)
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
    """The workspace's: one of a room is unknown to all but who is in that. Raises NoSuchDocument."""
    document = get_shown_document(tx, scope, document_id)
    if document.room_id is not None:
        raise NoSuchDocument
    return document


def get_shown_document(tx: Tx, scope: Scope, document_id: str) -> Document:
    """The workspace's, or one of a room that the caller is in. Raises NoSuchDocument."""
    document = find_document(tx, scope, document_id)
    if document is None or document.status == "deleting" or not is_shown(tx, scope, document):
        raise NoSuchDocument
    return document


def lock_document(tx: Tx, scope: Scope, document_id: str) -> Document | None:
    """As `find_document`, and nobody else changes it before this unit is committed."""
    return tx.first(Document, _LOCK, id=document_id, workspace_id=scope.workspace_id)


def lock_shown_document(tx: Tx, scope: Scope, document_id: str) -> Document:
    """As `get_shown_document`, and nobody else changes it before this unit is committed. Raises NoSuchDocument."""
    lock_document(tx, scope, document_id)
    return get_shown_document(tx, scope, document_id)


def find_document_of_text(tx: Tx, scope: Scope, room_id: str | None, sha256: str) -> Document | None:
    """The document of the room, or of the scope's project, that holds this very text, whatever its status; locked."""
    if room_id is not None:
        return tx.first(Document, _FIND_ROOM_TEXT, room_id=room_id, sha256=sha256)
    return tx.first(Document, _FIND_TEXT, workspace_id=scope.workspace_id, project_id=scope.project_id, sha256=sha256)


def find_document_of_source(tx: Tx, scope: Scope, room_id: str | None, source: str) -> Document | None:
    """The document of the room, or of the scope's project, that came from there; locked.

    One that is being deleted has no source.
    """
    if room_id is not None:
        return tx.first(Document, _FIND_ROOM_SOURCE, room_id=room_id, source=source)
    return tx.first(Document, _FIND_SOURCE, workspace_id=scope.workspace_id, project_id=scope.project_id, source=source)


def documents_of_room(tx: Tx, room_id: str, document_ids: Sequence[str]) -> dict[str, Document]:
    """Those of these that belong to the room, by id; for who has checked the room."""
    rows = tx.all(Document, _OF_ROOM_AMONG, room_id=room_id, ids=list(document_ids))
    return {row.id: row for row in rows}


def titles_of_room(tx: Tx, room_id: str, limit: int) -> list[str]:
    """Of the newest documents of a room, newest first."""
    return [row.title for row in tx.all(Document, _TITLES_OF_ROOM, room_id=room_id, most=limit)]


def list_documents(
    tx: Tx, scope: Scope, filters: dict[str, str | None], skip: int, limit: int
) -> tuple[list[Document], int]:
    """A page of the documents that the caller sees in the workspace, newest first, and how many there are.

    Filters: status, project_id, room_id, source, tag; a null filters nothing.
    """
    found = _DOCUMENT.where(_IS_HERE, _is_shown(scope))
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


def chosen(within: Within) -> sa.ColumnElement[bool]:
    """Which documents are looked at, whatever their workspace and status; the search by text says it in SQL."""
    narrowed = [Document.room_id.is_(None) if within.seen_by is None else of_rooms_of(within.seen_by, Document.room_id)]
    if within.document_ids is not None:
        narrowed.append(Document.id.in_(list(within.document_ids)))
    if within.project_id is not None:
        narrowed.append(Document.project_id == within.project_id)
    if within.tag is not None:
        narrowed.append(has_tag(within.tag))
    found = sa.and_(*narrowed)
    return found if within.room_id is None else sa.or_(found, Document.room_id == within.room_id)


def _is_shown(scope: Scope) -> sa.ColumnElement[bool]:
    return of_rooms_of(scope.actor.id, Document.room_id) if scope.actor.kind == "user" else Document.room_id.is_(None)


def check_documents(tx: Tx, scope: Scope, document_ids: Sequence[str]) -> None:
    """Raises NoSuchDocument unless the caller sees all of them in the workspace."""
    wanted = set(document_ids)
    known = sa.select(Document.id).where(_IS_HERE, _is_shown(scope), _AMONG)
    if len(tx.all(Document, known, workspace_id=scope.workspace_id, ids=list(wanted))) < len(wanted):
        raise NoSuchDocument


def list_passages(tx: Tx, scope: Scope, document_id: str, skip: int, limit: int) -> tuple[list[Chunk], int]:
    """A page of a document's visible passages in their order, and how many there are. Raises NoSuchDocument."""
    document = get_shown_document(tx, scope, document_id)
    last = document.first_seq + document.passages
    first = min(document.first_seq + skip, last)
    return passages_between(tx, document.id, first, min(first + limit, last)), document.passages


def passages_between(tx: Tx, document_id: str, first: int, end: int) -> list[Chunk]:
    """Passages by their numbers in the document, visible or not; for who has checked the document."""
    return tx.all(Chunk, _PASSAGES, document=document_id, first=first, end=end)


def passages_of_ids(tx: Tx, scope: Scope, ids: Sequence[str], within: Within = EVERYTHING) -> dict[str, FoundPassage]:
    """The visible ones, by id; without a score."""
    rows = tx.all(FoundPassage, _FOUND.where(chosen(within)), workspace_id=scope.workspace_id, ids=list(ids))
    return {row.id: row for row in rows}


def beginnings(tx: Tx, scope: Scope, room_id: str, document_ids: Sequence[str]) -> list[FoundPassage]:
    """The first passage of each of these documents that belong to the room and can be read, in no order; unscored."""
    known = {"workspace_id": scope.workspace_id, "room_id": room_id}
    return tx.all(FoundPassage, _BEGINNINGS, ids=list(document_ids), **known)


def find_part(tx: Tx, run_id: str, kind: str, seq: int) -> DocumentPart | None:
    """A part of what a run is to take in."""
    return tx.first(DocumentPart, _PART, run=run_id, part_kind=kind, number=seq)


def list_deleting(tx: Tx) -> list[Document]:
    """Documents of any workspace whose deletion was interrupted: id, workspace_id, project_id."""
    return tx.all(Document, _DELETING)
