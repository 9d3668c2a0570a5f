"""The units by which a text becomes a document, takes another's place, or goes: each short, none shows half a text.

A new text's passages lie behind the visible ones, where no search looks; one update makes them the visible ones.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.chunking import Span
from folkmoot.knowledge.queries import (
    NoSuchDocument,
    find_document,
    find_document_of_source,
    find_document_of_text,
    lock_document,
)
from folkmoot.knowledge.rules import MediaType
from folkmoot.knowledge.schemas import DocumentView
from folkmoot.knowledge.tables import Chunk, Document

BATCH = 16
"""Passages a unit writes: with their full-text rows they take a few milliseconds."""

_COLUMNS = Document.__table__.c
_INSERT_DOCUMENT = {
    "sqlite": sqlite.insert(Document).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(Document).on_conflict_do_nothing(),
}
_INSERT_CHUNKS = {
    "sqlite": sqlite.insert(Chunk).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(Chunk).on_conflict_do_nothing(),
}
_THIS = sa.update(Document).where(Document.id == sa.bindparam("document"))
_IN_ORDER = sa.select(Chunk.number).where(Chunk.document_id == sa.bindparam("document"))
_BEHIND_ALL = sa.select(sa.func.coalesce(sa.func.max(Chunk.seq) + 1, 0)).where(
    Chunk.document_id == sa.bindparam("document")
)
_DELETE_CHUNKS = sa.delete(Chunk).where(Chunk.number.in_(_IN_ORDER.limit(BATCH)))
_DELETE_HIDDEN = sa.delete(Chunk).where(
    Chunk.number.in_(
        _IN_ORDER.where(sa.or_(Chunk.seq < sa.bindparam("first"), Chunk.seq >= sa.bindparam("end"))).limit(BATCH)
    )
)
_DELETE_OF_ROOM = (
    sa.update(Document)
    .where(Document.room_id == sa.bindparam("room"))
    .values(
        status="deleting",
        source=None,
        staged_sha256=None,
        updated_at=sa.bindparam("at", type_=_COLUMNS.updated_at.type),
    )
    .returning(Document.id)
)
_DELETE_DOCUMENT = sa.delete(Document).where(Document.id == sa.bindparam("document"))


class DocumentDeleted(Conflict):
    """The document was deleted while it was being stored"""


class TextSuperseded(Conflict):
    """Another text came from the same source while this one was being stored"""


class Shelf(Protocol):
    """The room that a text is for. What it asks is refused with what the room says to whoever may not."""

    @property
    def room_id(self) -> str: ...

    def hold(self, tx: Tx, scope: Scope) -> None:
        """The room stays, with who is in it, until the unit ends; may the actor put something there?"""

    def check_change(self, tx: Tx, scope: Scope, document: Document) -> None:
        """May the actor replace or delete this one?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A text that is to become a document, of a room where there is a shelf. `sha256` is that of the bytes given."""

    title: str
    media_type: MediaType
    sha256: str
    tags: tuple[str, ...] = ()
    source: str | None = None
    shelf: Shelf | None = None

    @property
    def room_id(self) -> str | None:
        return None if self.shelf is None else self.shelf.room_id

    @property
    def mark(self) -> str:
        """What is being staged: the same bytes cut the same way."""
        return _mark(self.media_type, self.sha256)


def _mark(media_type: str, sha256: str) -> str:
    return hashlib.sha256(f"{media_type} {sha256}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Begun:
    """`is_stored`: it has this text already; `is_resumed`: somebody began with it before.

    `outdated_id` is another document, which was deleted because its source holds this text now.
    """

    document: Document
    is_new: bool = False
    is_stored: bool = False
    is_resumed: bool = False
    outdated_id: str | None = None


@dataclass(frozen=True, slots=True)
class PassageText:
    """A passage before it is stored: its place in the whole text, and its words."""

    start: int
    end: int
    text: str


def passage_texts(text: str, spans: list[Span], offset: int = 0) -> list[PassageText]:
    """The spans of a part of a text that begins at `offset`."""
    return [PassageText(offset + start, offset + end, text[start:end]) for start, end in spans]


def begin(tx: Tx, scope: Scope, incoming: Incoming, run_id: str | None = None) -> Begun:
    """The document that this text is, takes the place in, or is to become; nothing of it can be seen yet.

    One that is being deleted is answered as it is: its caller removes the rest of it and begins again. Raises what
    the room says to whoever may not put it there.
    """
    shelf, room_id, source = incoming.shelf, incoming.room_id, incoming.source
    if shelf is not None:
        shelf.hold(tx, scope)
    same = find_document_of_text(tx, scope, room_id, incoming.sha256)
    there = find_document_of_source(tx, scope, room_id, source) if source is not None else None
    if shelf is not None and there is not None and (same is None or same.id != there.id):
        shelf.check_change(tx, scope, there)
    if same is not None:
        return same_text(tx, scope, incoming, (same, there), run_id)
    if there is not None:
        return Begun(_staged(tx, there, incoming, run_id), is_resumed=there.staged_sha256 == incoming.mark)
    row = _row(scope, incoming, run_id)
    tx.write(_INSERT_DOCUMENT[tx.dialect], row)
    document = find_document(tx, scope, str(row["id"]))
    if document is None:  # somebody was faster with this text, or with this source
        return begin(tx, scope, incoming, run_id)
    tell(tx, document, "created")
    verb = "add_document" if room_id is None else "add_room_attachment"
    record(tx, scope.actor, verb, ("document", document.id), scope.workspace_id, sha256=document.sha256)
    return Begun(document, is_new=True)


def _row(scope: Scope, incoming: Incoming, run_id: str | None) -> dict[str, object]:
    at = now()
    return {
        "id": new_id(),
        "workspace_id": scope.workspace_id,
        "project_id": scope.project_id,
        "room_id": incoming.room_id,
        "added_by": scope.actor.id,
        "title": incoming.title,
        "source": incoming.source,
        "sha256": incoming.sha256,
        "media_type": incoming.media_type,
        "status": "ingesting",
        "tags": list(incoming.tags),
        **dict.fromkeys(("size", "first_seq", "passages", "staged_first"), 0),
        "staged_sha256": incoming.mark,
        "run_id": run_id,
        "error": None,
        "created_at": at,
        "updated_at": at,
    }


def same_text(
    tx: Tx, scope: Scope, incoming: Incoming, found: tuple[Document, Document | None], run_id: str | None
) -> Begun:
    """The project or the room has the text already, ready or not; what the source held before is out of date."""
    same, there = found
    if same.status == "deleting":
        return Begun(same)
    outdated_id = None
    if there is not None and there.id != same.id:
        begin_delete(tx, scope, there.id)
        outdated_id = there.id
    if incoming.source is not None and same.source is None:
        same = change(tx, same, source=incoming.source)
    if same.status == "ready":
        return Begun(same, is_stored=True, outdated_id=outdated_id)
    is_resumed = same.staged_sha256 == incoming.mark
    return Begun(_staged(tx, same, incoming, run_id), is_resumed=is_resumed, outdated_id=outdated_id)


def _staged(tx: Tx, document: Document, incoming: Incoming, run_id: str | None) -> Document:
    """From here on this text is the one that comes; whoever stages another is told so at his next batch."""
    values: dict[str, object] = {}
    if document.staged_sha256 != incoming.mark:
        behind_all = tx.scalar(_BEHIND_ALL, document=document.id)
        values = {"staged_sha256": incoming.mark, "staged_first": behind_all}
    if run_id is not None:
        values["run_id"] = run_id
    if document.passages == 0:
        values |= {"sha256": incoming.sha256, "media_type": incoming.media_type, "status": "ingesting", "error": None}
    return change(tx, document, **values)


def add_chunks(tx: Tx, scope: Scope, document_id: str, mark: str, texts: list[PassageText], first: int) -> Document:
    """Stage the passages, the first of which is number `first` of the whole text; as many as a unit has time for.

    Two that store the same text at once write the same passages, each of them once. Raises DocumentDeleted,
    TextSuperseded.
    """
    document = hold_staged(tx, scope, document_id, mark)
    if document.staged_sha256 is None:
        return document
    rows = [
        {
            "id": new_id(),
            "document_id": document_id,
            "seq": document.staged_first + seq,
            "text": passage.text,
            "start": passage.start,
            "end": passage.end,
        }
        for seq, passage in enumerate(texts, first)
    ]
    tx.write(_INSERT_CHUNKS[tx.dialect], rows)
    return document


def hold_staged(tx: Tx, scope: Scope, document_id: str, mark: str) -> Document:
    """The document, locked, while this text is the one that is staged, or once somebody has published it.

    Raises DocumentDeleted, TextSuperseded.
    """
    document = lock_document(tx, scope, document_id)
    if document is None or document.status == "deleting":
        raise DocumentDeleted
    published = _mark(document.media_type, document.sha256) if document.status == "ready" else None
    if (document.staged_sha256 or published) != mark:
        raise TextSuperseded
    return document


def publish(tx: Tx, scope: Scope, document_id: str, incoming: Incoming, passages: int, size: int) -> Document:
    """The staged passages are the document's from now on, all at once; it is ready.

    Where the text has become another document meanwhile, that one is answered and this one goes. Doing it again
    changes nothing. Raises DocumentDeleted, TextSuperseded.
    """
    document = hold_staged(tx, scope, document_id, incoming.mark)
    if document.staged_sha256 is None:
        return document
    same = find_document_of_text(tx, scope, document.room_id, incoming.sha256)
    if same is not None and same.id != document.id and same.status != "deleting":
        begin_delete(tx, scope, document.id)
        return same
    return change(
        tx,
        document,
        title=incoming.title,
        tags=list(incoming.tags),
        sha256=incoming.sha256,
        media_type=incoming.media_type,
        size=size,
        first_seq=document.staged_first,
        passages=passages,
        staged_sha256=None,
        status="ready",
        error=None,
    )


def change(tx: Tx, document: Document, **values: object) -> Document:
    """Set columns and tell of it; nothing happens where they are so already."""
    if all(getattr(document, name) == value for name, value in values.items()):
        return document
    statement = _THIS.values({**values, "updated_at": now()}).returning(*_COLUMNS)
    changed = tx.write_returning(Document, statement, document=document.id)
    assert changed is not None, "its row is locked"
    tell(tx, changed, "deleted" if changed.status == "deleting" else "updated")
    return changed


def tell(tx: Tx, document: Document, what: Literal["created", "updated", "deleted"]) -> None:
    view = None if what == "deleted" else DocumentView.model_validate(document).model_dump(mode="json")
    changed = ResourceChanged(resource="document", id=document.id, change=what, view=view)
    tx.emit(document.workspace_id, changed, room_id=document.room_id)


def begin_delete(tx: Tx, scope: Scope, document_id: str) -> None:
    """From here on nobody sees it, and its source is free. Raises NoSuchDocument."""
    document = lock_document(tx, scope, document_id)
    if document is None:
        raise NoSuchDocument
    if document.status != "deleting":
        change(tx, document, status="deleting", source=None, staged_sha256=None)
        verb = "delete_document" if document.room_id is None else "delete_room_attachment"
        record(tx, scope.actor, verb, ("document", document.id), scope.workspace_id, sha256=document.sha256)


def begin_delete_of_room(tx: Tx, room_id: str) -> list[str]:
    """As `begin_delete`, of all that belongs to a room which is deleted in this unit; answers the documents' ids.

    Nobody is told: it goes with the room, of which nobody is told anything more.
    """
    rows = tx.write_returning_all(Document, _DELETE_OF_ROOM, room=room_id, at=now())
    return [row.id for row in rows]


def remove_chunks(tx: Tx, scope: Scope, document_id: str) -> bool:
    """Delete the passages a unit has time for and, after the last, the document; answers whether it is gone."""
    if tx.write(_DELETE_CHUNKS, {"document": document_id}) == BATCH:
        return False
    tx.write(_DELETE_DOCUMENT, {"document": document_id})
    return True


def clear_outdated(tx: Tx, scope: Scope, document_id: str) -> bool:
    """Delete what earlier texts have left, as much as a unit has time for; answers whether that was all.

    While another text is on its way in nothing is deleted: its own end does that.
    """
    document = lock_document(tx, scope, document_id)
    if document is None or document.status not in ("ready", "failed") or document.staged_sha256:
        return True
    end = document.first_seq + document.passages
    values = {"document": document_id, "first": document.first_seq, "end": end}
    return tx.write(_DELETE_HIDDEN, values) < BATCH
