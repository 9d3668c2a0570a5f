"""The verbs of knowledge that need no run: store a text of ordinary length, change and delete documents."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from folkmoot.audit.service import record
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Conflict, Invalid, TooLarge
from folkmoot.kernel.json import clean_text
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.chunking import chunks_of, segments_of
from folkmoot.knowledge.queries import (
    NoSuchDocument,
    check_documents,
    find_document,
    lock_shown_document,
)
from folkmoot.knowledge.rules import MARKDOWN
from folkmoot.knowledge.schemas import DocumentChange, NewAttachment, NewDocument
from folkmoot.knowledge.staging import (
    BATCH,
    Begun,
    Incoming,
    PassageText,
    Shelf,
    add_chunks,
    begin,
    begin_delete,
    change,
    clear_outdated,
    passage_texts,
    publish,
    remove_chunks,
)
from folkmoot.knowledge.tables import Document
from folkmoot.runs.queries import is_shown
from folkmoot.workspaces.queries import get_project

TEXT_BYTES = 1_500_000


class DocumentTooLarge(TooLarge):
    """The document's text is longer than 1,500,000 bytes of UTF-8"""


class EmptyDocument(Invalid):
    """The document has no text"""


class AttachedToRoom(Conflict):
    """The document is attached to a room"""

    hint = "Attach it anew, or delete it, at /api/rooms/{room_id}/attachments"


@dataclass(frozen=True, slots=True)
class CutText:
    """A whole text with what it is called, and its passages."""

    incoming: Incoming
    size: int
    passages: list[PassageText]


def scope_of(tx: Tx, scope: Scope, project_id: str) -> Scope:
    """The scope with another project of the workspace. Raises NoSuchProject."""
    return replace(scope, project_id=get_project(tx, scope, project_id).id)


async def add_document(db: Database, scope: Scope, new: NewDocument) -> tuple[Document, bool]:
    """Store a text and make it searchable by its words: the ready document, and whether it is new.

    A crash leaves it out of every search, or with the text it had before; storing the same text again goes on where
    it stopped. Raises NoSuchProject, EmptyDocument, DocumentTooLarge, DocumentDeleted, TextSuperseded.
    """
    if new.project_id is not None:
        scope = await db.read(scope_of, scope, new.project_id)
    cut = await asyncio.to_thread(cut_text, new)
    begun = await begun_in(db, scope, cut.incoming)
    if begun.is_stored:
        return begun.document, False
    return await store(db, scope, begun.document.id, cut), begun.is_new


def cut_text(new: NewDocument) -> CutText:
    """Raises EmptyDocument, DocumentTooLarge."""
    text, incoming = checked_text(new)
    return whole(incoming, text)


def checked_text(new: NewAttachment, shelf: Shelf | None = None) -> tuple[str, Incoming]:
    """Raises EmptyDocument, DocumentTooLarge."""
    text = clean_text(new.text)
    raw = text.encode()
    if len(raw) > TEXT_BYTES:
        raise DocumentTooLarge
    if not text.strip():
        raise EmptyDocument
    sha256 = hashlib.sha256(raw).hexdigest()
    return text, Incoming(
        title=new.title,
        media_type=new.media_type,
        sha256=sha256,
        tags=tuple(new.tags),
        source=new.source,
        shelf=shelf,
    )


def whole(incoming: Incoming, text: str) -> CutText:
    """All of a text's passages. Raises EmptyDocument."""
    found: list[PassageText] = []
    for start, end in segments_of(text):
        part = text[start:end]
        found += passage_texts(part, chunks_of(part, has_markup=incoming.media_type == MARKDOWN), start)
    if not found:
        raise EmptyDocument
    return CutText(incoming, len(text), found)


async def begun_in(db: Database, scope: Scope, incoming: Incoming) -> Begun:
    """What has begun for this text, once what stood in its way is gone."""
    begun = await db.write(begin, scope, incoming)
    while begun.document.status == "deleting":
        await remove(db, scope, begun.document.id)
        begun = await db.write(begin, scope, incoming)
    if begun.outdated_id is not None:
        await remove(db, scope, begun.outdated_id)
    return begun


async def store(db: Database, scope: Scope, document_id: str, cut: CutText) -> Document:
    """Stage the passages and publish them. Raises DocumentDeleted, TextSuperseded."""
    await stage(db, scope, document_id, cut.incoming.mark, cut.passages)
    document = await db.write(publish, scope, document_id, cut.incoming, len(cut.passages), cut.size)
    await clear(db, scope, document_id, document)
    return document


async def stage(
    db: Database, scope: Scope, document_id: str, mark: str, passages: Sequence[PassageText], first: int = 0
) -> None:
    """The passages from number `first` of the text on, in short units. Raises DocumentDeleted, TextSuperseded."""
    for done in range(0, len(passages), BATCH):
        await db.write(add_chunks, scope, document_id, mark, [*passages[done : done + BATCH]], first + done)


async def clear(db: Database, scope: Scope, document_id: str, published: Document) -> None:
    """Delete what the text before has left; all of the document where its text was published as another one."""
    if published.id != document_id:
        await remove(db, scope, document_id)
    elif published.first_seq > 0:
        while not await db.write(clear_outdated, scope, document_id):
            pass


async def check_all(db: Database, scope: Scope, document_ids: Sequence[str]) -> None:
    """Raises NoSuchDocument unless the caller sees all of them in the workspace."""
    await db.read_long(check_documents, scope, document_ids)


def change_document(tx: Tx, scope: Scope, document_id: str, given: DocumentChange) -> Document:
    """A unit. Raises NoSuchDocument, AttachedToRoom."""
    document = lock_shown_document(tx, scope, document_id)
    _check_free(document)
    values = given.model_dump(exclude_none=True)
    changed = change(tx, document, **values)
    record(tx, scope.actor, "change_document", ("document", document.id), scope.workspace_id, changed=[*values])
    return changed


async def delete_document(db: Database, scope: Scope, document_id: str) -> None:
    """From the first unit on nobody sees it; its passages go in many. Raises NoSuchDocument, AttachedToRoom.

    Deleting again what a crash left half deleted finishes it.
    """
    await db.write(_begin_delete, scope, document_id)
    await remove(db, scope, document_id)


def _begin_delete(tx: Tx, scope: Scope, document_id: str) -> None:
    document = find_document(tx, scope, document_id)
    if document is None or not is_shown(tx, scope, document):
        raise NoSuchDocument
    _check_free(document)
    begin_delete(tx, scope, document_id)


def _check_free(document: Document) -> None:
    if document.room_id is not None:
        raise AttachedToRoom


async def remove(db: Database, scope: Scope, document_id: str) -> None:
    """The rest of a document that nobody sees any more."""
    while not await db.write(remove_chunks, scope, document_id):
        pass
