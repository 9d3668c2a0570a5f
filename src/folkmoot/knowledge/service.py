"""The verbs of knowledge: store a text, search it, delete it; a long text in many short units of work."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.audit.service import record
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid, TooLarge
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import clean_text
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.queries import (
    FoundPassage,
    NoSuchDocument,
    check_documents,
    find_document,
    find_document_of_text,
    lock_document,
    search_passages,
)
from folkmoot.knowledge.rules import Span, Status, chunks_of
from folkmoot.knowledge.schemas import DocumentView, NewDocument
from folkmoot.knowledge.tables import Chunk, Document

TEXT_BYTES = 1_500_000
# Chunks a unit writes: with their full-text rows they take a few milliseconds.
BATCH = 16

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
_DELETE_CHUNKS = sa.delete(Chunk).where(
    Chunk.number.in_(sa.select(Chunk.number).where(Chunk.document_id == sa.bindparam("document")).limit(BATCH))
)
_DELETE_DOCUMENT = sa.delete(Document).where(Document.id == sa.bindparam("document"))


class DocumentTooLarge(TooLarge):
    """The document's text is longer than 1,500,000 bytes of UTF-8"""


class EmptyDocument(Invalid):
    """The document has no text"""


class DocumentDeleted(Conflict):
    """The document was deleted while it was being stored"""


@dataclass(frozen=True, slots=True)
class CutText:
    """A text with its hash and chunks."""

    text: str
    sha256: str
    spans: list[Span]


async def add_document(db: Database, scope: Scope, new: NewDocument) -> tuple[Document, bool]:
    """Store a text and make it searchable: the ready document, and whether it is new.

    A crash leaves it `ingesting` and out of every search; storing the same text again goes on where it
    stopped. Raises EmptyDocument, DocumentTooLarge, DocumentDeleted.
    """
    cut = await asyncio.to_thread(cut_text, new)
    document, is_new = await db.write(begin_document, scope, new, cut)
    while document.status == "deleting":
        await _remove(db, scope, document.id)
        document, is_new = await db.write(begin_document, scope, new, cut)
    if document.media_type != new.media_type:
        cut = await asyncio.to_thread(cut_text, new.model_copy(update={"media_type": document.media_type}))
    for first in range(0, len(cut.spans), BATCH):
        if document.status == "ready":
            break
        document = await db.write(add_chunks, scope, document.id, cut, first)
    return document, is_new


def cut_text(new: NewDocument) -> CutText:
    text = clean_text(new.text)
    raw = text.encode()
    if len(raw) > TEXT_BYTES:
        raise DocumentTooLarge
    if not (spans := chunks_of(text, new.media_type)):
        raise EmptyDocument
    return CutText(text, hashlib.sha256(raw).hexdigest(), spans)


def begin_document(tx: Tx, scope: Scope, new: NewDocument, cut: CutText) -> tuple[Document, bool]:
    """The project's document of this text as it is, else a new one without chunks."""
    if (found := find_document_of_text(tx, scope, cut.sha256)) is not None:
        return found, False
    document_id, at = new_id(), now()
    tx.write(
        _INSERT_DOCUMENT[tx.dialect],
        {
            "id": document_id,
            "workspace_id": scope.workspace_id,
            "project_id": scope.project_id,
            "title": new.title,
            "sha256": cut.sha256,
            "media_type": new.media_type,
            "status": "ingesting",
            "tags": new.tags,
            "size": len(cut.text),
            "created_at": at,
            "updated_at": at,
        },
    )
    document = find_document_of_text(tx, scope, cut.sha256)
    assert document is not None, "the row is there, whoever wrote it"
    if is_new := document.id == document_id:
        _tell(tx, document, "created")
        record(tx, scope.actor, "add_document", ("document", document.id), scope.workspace_id, sha256=cut.sha256)
    return document, is_new


def add_chunks(tx: Tx, scope: Scope, document_id: str, cut: CutText, first: int) -> Document:
    """Write the chunks from number `first` on that one unit has time for; after the last, it is ready.

    Two that store the same text at once write the same chunks, each of them once.
    """
    document = lock_document(tx, scope, document_id)
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


def _tell(tx: Tx, document: Document, change: Literal["created", "updated", "deleted"]) -> None:
    view = None if change == "deleted" else DocumentView.model_validate(document).model_dump(mode="json")
    fact = ResourceChanged(resource="document", id=document.id, change=change, view=view)
    tx.emit(document.workspace_id, fact)


async def search_documents(
    db: Database, scope: Scope, question: str, limit: int, document_ids: Sequence[str] = ()
) -> list[FoundPassage]:
    """The best passages, of the given documents if any are given. Raises NoSuchDocument for a foreign one."""

    def unit(tx: Tx) -> list[FoundPassage]:
        check_documents(tx, scope, document_ids)
        return search_passages(tx, scope, question, limit, document_ids or None)

    return await db.read_long(unit)


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
    record(tx, scope.actor, "delete_document", ("document", document.id), scope.workspace_id, sha256=document.sha256)


async def _remove(db: Database, scope: Scope, document_id: str) -> None:
    while not await db.write(remove_chunks, scope, document_id):
        pass


def remove_chunks(tx: Tx, scope: Scope, document_id: str) -> bool:
    """Delete the chunks a unit has time for and, after the last, the document; answers whether it is gone."""
    if tx.write(_DELETE_CHUNKS, {"document": document_id}) == BATCH:
        return False
    tx.write(_DELETE_DOCUMENT, {"document": document_id})
    return True
