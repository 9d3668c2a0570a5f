"""The verbs of knowledge: store a text, search it, delete it; a long text in many short units of work."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, TooLarge
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.queries import (
    NUMBERS_OF,
    FoundPassage,
    NoSuchDocument,
    check_documents,
    find_document,
    find_document_of_text,
    get_document,
    search_passages,
)
from folkmoot.knowledge.rules import MediaType, Span, Status, chunks_of
from folkmoot.knowledge.schemas import DocumentView
from folkmoot.knowledge.tables import Chunk, Document

TEXT_BYTES = 1_500_000
# Chunks a unit writes: with their full-text rows they take a few milliseconds.
BATCH = 24

_INSERT_DOCUMENT = {
    "sqlite": sqlite.insert(Document).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(Document).on_conflict_do_nothing(),
}
_INSERT_CHUNKS = {
    "sqlite": sqlite.insert(Chunk).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(Chunk).on_conflict_do_nothing(),
}
_SET_STATUS = (
    sa.update(Document)
    .where(Document.id == sa.bindparam("document"), Document.status != sa.bindparam("to"))
    .values(status=sa.bindparam("to"), updated_at=sa.bindparam("at"))
    .returning(*Document.__table__.c)
)
_LOCK = (
    sa.select(*Document.__table__.c).where(Document.id == sa.bindparam("document")).with_for_update(read=True)
)
_DELETE_CHUNKS = sa.delete(Chunk).where(Chunk.number.in_(sa.bindparam("numbers", expanding=True)))
_DELETE_DOCUMENT = sa.delete(Document).where(Document.id == sa.bindparam("document"))


class DocumentTooLarge(TooLarge):
    """The document's text is longer than 1,500,000 bytes of UTF-8"""


class DocumentDeleted(Conflict):
    """The document was deleted while it was being stored"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewText:
    """A text to be kept; the same text in the same project is the same document."""

    title: str
    text: str
    media_type: MediaType = "text/plain"
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Cut:
    """A text with its hash and chunks."""

    text: str
    sha256: str
    spans: list[Span]


async def add_document(db: Database, scope: Scope, new: NewText) -> tuple[Document, bool]:
    """Store a text and make it searchable: the ready document, and whether it is new.

    A crash leaves it `ingesting` and out of every search; storing the same text again goes on where it
    stopped. Raises DocumentTooLarge, DocumentDeleted.
    """
    cut = await asyncio.to_thread(_cut, new)
    document, is_new = await db.write(begin_document, scope, new, cut.sha256)
    while document.status == "deleting":
        await _remove(db, scope, document.id)
        document, is_new = await db.write(begin_document, scope, new, cut.sha256)
    for first in range(0, len(cut.spans), BATCH):
        if document.status == "ready":
            break
        document = await db.write(add_chunks, scope, document.id, cut, first)
    return document, is_new


def _cut(new: NewText) -> _Cut:
    raw = new.text.encode()
    if len(raw) > TEXT_BYTES:
        raise DocumentTooLarge
    return _Cut(new.text, hashlib.sha256(raw).hexdigest(), chunks_of(new.text, new.media_type))


def begin_document(tx: Tx, scope: Scope, new: NewText, sha256: str) -> tuple[Document, bool]:
    """The project's document of this text as it is, else a new one without chunks."""
    if (found := find_document_of_text(tx, scope, sha256)) is not None:
        return found, False
    document_id, at = new_id(), now()
    tx.write(
        _INSERT_DOCUMENT[tx.dialect],
        {
            "id": document_id,
            "workspace_id": scope.workspace_id,
            "project_id": scope.project_id,
            "title": new.title,
            "sha256": sha256,
            "media_type": new.media_type,
            "status": "ingesting",
            "tags": list(new.tags),
            "size": len(new.text),
            "created_at": at,
            "updated_at": at,
        },
    )
    document = find_document_of_text(tx, scope, sha256)
    assert document is not None, "the row is there, whoever wrote it"
    if is_new := document.id == document_id:
        _tell(tx, document, "created")
    return document, is_new


def add_chunks(tx: Tx, scope: Scope, document_id: str, cut: _Cut, first: int) -> Document:
    """Write the chunks from number `first` on that one unit has time for; after the last, it is ready.

    Two that store the same text at once write the same chunks, each of them once.
    """
    document = tx.first(Document, _LOCK, document=document_id)
    if document is None or document.status == "deleting":
        raise DocumentDeleted
    if document.status == "ready":
        return document
    spans = cut.spans[first : first + BATCH]
    tx.write(
        _INSERT_CHUNKS[tx.dialect],
        [
            {
                "id": new_id(),
                "document_id": document_id,
                "seq": seq,
                "text": cut.text[span.start : span.end],
                "start": span.start,
                "end": span.end,
            }
            for seq, span in enumerate(spans, first)
        ],
    )
    is_last = first + BATCH >= len(cut.spans)
    return _set_status(tx, document, "ready") if is_last else document


def _set_status(tx: Tx, document: Document, status: Status) -> Document:
    changed = tx.write_returning(Document, _SET_STATUS, document=document.id, to=status, at=now())
    if changed is None:
        return document
    _tell(tx, changed, "deleted" if status == "deleting" else "updated")
    return changed


def _tell(tx: Tx, document: Document, change: str) -> None: ...


async def delete_document(db: Database, scope: Scope, document_id: str) -> None:
    """From the first unit on nobody sees it; its chunks go in many. Raises NoSuchDocument.

    Deleting again what a crash left half deleted finishes it.
    """
    await db.write(begin_delete, scope, document_id)
    await _remove(db, scope, document_id)


def begin_delete(tx: Tx, scope: Scope, document_id: str) -> None:
    document = find_document(tx, scope, document_id)
    if document is None:
        raise NoSuchDocument
    _set_status(tx, document, "deleting")


async def _remove(db: Database, scope: Scope, document_id: str) -> None:
    while not await db.write(remove_chunks, scope, document_id):
        pass


def remove_chunks(tx: Tx, scope: Scope, document_id: str) -> bool:
    """Delete the chunks one unit has time for, and with the last of them the document: then the answer is True."""
    rows = tx.all(Chunk, NUMBERS_OF, document_id=document_id, limit=BATCH)
    if rows:
        tx.write(_DELETE_CHUNKS, {"numbers": [row.number for row in rows]})
    if len(rows) == BATCH:
        return False
    tx.write(_DELETE_DOCUMENT, {"document": document_id})
    return True
