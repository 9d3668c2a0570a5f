"""Library: the verbs of knowledge that may need a run: long texts, files, vectors."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import BinaryIO

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import TooLarge
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, clean_text
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import parts
from folkmoot.knowledge.chunking import SEGMENT
from folkmoot.knowledge.formats import decoded, file_type_of
from folkmoot.knowledge.ingest import INGEST, IngestInput
from folkmoot.knowledge.queries import get_shown_document, lock_shown_document
from folkmoot.knowledge.rules import MARKDOWN, PLAIN, text_type
from folkmoot.knowledge.schemas import UPLOAD_BYTES, NewAttachedFile, NewAttachment, NewDocument, NewUpload
from folkmoot.knowledge.search import Search
from folkmoot.knowledge.service import EmptyDocument, begun_in, checked_text, remove, scope_of, store, whole
from folkmoot.knowledge.staging import Begun, Incoming, Shelf, begin, change
from folkmoot.knowledge.tables import Document
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import find_run
from folkmoot.runs.rules import FINAL
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run

_UNTITLED = "Untitled"
_LONGEST_TITLE = 255


class FileTooLarge(TooLarge):
    """The file is larger than 50,000,000 bytes"""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent, and what was said of it. Its name is only a word."""

    file: BinaryIO
    name: str
    about: NewAttachedFile

    @property
    def title(self) -> str:
        last = clean_text(PurePosixPath(self.name.replace("\\", "/")).name).strip()
        return self.about.title or last[-_LONGEST_TITLE:] or _UNTITLED


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that was given; `is_new` where there was none of it before."""

    document: Document
    is_new: bool

    @property
    def is_ready(self) -> bool:
        return self.document.status == "ready" and self.document.staged_sha256 is None


class Library:
    """A text of ordinary length is stored at once; files and longer texts by a run, which also makes the vectors."""

    def __init__(self, engine: RunEngine, search: Search) -> None:
        self._engine = engine
        self._db = engine.database
        self.search = search

    async def add(
        self, scope: Scope, given: NewAttachment | Upload, wait_seconds: float = 0, shelf: Shelf | None = None
    ) -> Kept:
        """The document as it is when it is stored, when its run has ended, or after that time.

        With a shelf it is the room's, whose project is the scope's. Raises NoSuchProject, EmptyDocument,
        DocumentTooLarge, FileTooLarge, UnsupportedFile, ReaderMissing, DocumentDeleted, TextSuperseded, what the room
        refuses, and NoSuchDocument where it is gone at the end.
        """
        about = given.about if isinstance(given, Upload) else given
        if isinstance(about, NewDocument | NewUpload) and about.project_id is not None:
            scope = await self._db.read(scope_of, scope, about.project_id)
        keep = self._upload(scope, given, shelf) if isinstance(given, Upload) else self._text(scope, given, shelf)
        kept = await keep
        if kept.document.run_id is not None and wait_seconds > 0:
            await self._engine.wait(scope, kept.document.run_id, wait_seconds)
            return replace(kept, document=await self._db.read(get_shown_document, scope, kept.document.id))
        return kept

    async def reindex(self, scope: Scope) -> Run:
        """A run that makes the vectors that are missing in the workspace, and then deletes those of other models."""
        return await self._db.write(self._reindex, scope)

    def _reindex(self, tx: Tx, scope: Scope) -> Run:
        given = IngestInput(prunes=True).model_dump(mode="json")
        run = start_run(tx, self._engine, scope, NewRun(kind=INGEST, title="Vectors of all documents", input=given))
        record(tx, scope.actor, "reindex_knowledge", ("run", run.id), scope.workspace_id)
        return run

    async def _text(self, scope: Scope, new: NewAttachment, shelf: Shelf | None) -> Kept:
        text, incoming = await asyncio.to_thread(checked_text, new, shelf)
        return await self._keep(scope, incoming, text)

    async def _upload(self, scope: Scope, upload: Upload, shelf: Shelf | None) -> Kept:
        file = upload.file
        sha256, size = await asyncio.to_thread(_digest, file)
        if size > UPLOAD_BYTES:
            raise FileTooLarge
        if size == 0:
            raise EmptyDocument("The file is empty")
        file_type = await asyncio.to_thread(file_type_of, file, upload.name)
        about = upload.about
        incoming = Incoming(
            title=upload.title,
            media_type=text_type(file_type),
            sha256=sha256,
            tags=tuple(about.tags),
            source=about.source,
            shelf=shelf,
        )
        if file_type in (PLAIN, MARKDOWN) and size <= SEGMENT:
            return await self._keep(scope, incoming, decoded(file.read()))
        run_id = new_id()
        await parts.keep_file(self._db, scope, run_id, file)
        return await self._by_run(scope, incoming, {"file_type": file_type}, run_id)

    async def _keep(self, scope: Scope, incoming: Incoming, text: str) -> Kept:
        if len(text) > SEGMENT:
            run_id = new_id()
            count = await parts.keep_text(self._db, scope, run_id, text)
            return await self._by_run(scope, incoming, {"parts": count, "size": len(text)}, run_id)
        cut = await asyncio.to_thread(whole, incoming, text)
        begun = await begun_in(self._db, scope, incoming)
        if begun.is_stored:
            return Kept(begun.document, is_new=False)
        document = await store(self._db, scope, begun.document.id, cut)
        if await self._db.read(self.search.embedding_model) is not None:
            document = await self._db.write(self._make_vectors, scope, document)
        return Kept(document, begun.is_new)

    def _make_vectors(self, tx: Tx, scope: Scope, document: Document) -> Document:
        given = IngestInput(document_id=document.id).model_dump(mode="json")
        new = NewRun(kind=INGEST, title=_title("Vectors of", document.title), input=given, room_id=document.room_id)
        there = lock_shown_document(tx, scope, document.id)
        return change(tx, there, run_id=start_run(tx, self._engine, scope, new).id)

    async def _by_run(self, scope: Scope, incoming: Incoming, known: JsonObject, run_id: str) -> Kept:
        """The run finds what it is to take in under its id."""
        begun = await self._db.write(self._start, scope, incoming, known, run_id)
        while begun.document.status == "deleting":
            await remove(self._db, scope, begun.document.id)
            begun = await self._db.write(self._start, scope, incoming, known, run_id)
        if begun.outdated_id is not None:
            await remove(self._db, scope, begun.outdated_id)
        if begun.document.run_id != run_id:
            await parts.forget(self._db, scope, run_id)
        return Kept(begun.document, begun.is_new)

    def _start(self, tx: Tx, scope: Scope, incoming: Incoming, known: JsonObject, run_id: str) -> Begun:
        """A unit: the document and its run, unless it has the text already or a run is at it."""
        begun = begin(tx, scope, incoming)
        document = begun.document
        if (
            document.status == "deleting"
            or begun.is_stored
            or (begun.is_resumed and self._is_at_it(tx, scope, document))
        ):
            return begun
        given: JsonObject = {
            "document_id": document.id,
            "title": incoming.title,
            "source": incoming.source,
            "tags": [*incoming.tags],
            "media_type": incoming.media_type,
            "sha256": incoming.sha256,
            "takes_text": True,
            **known,
        }
        title = _title("Ingest", incoming.title)
        new = NewRun(id=run_id, kind=INGEST, title=title, input=given, room_id=document.room_id)
        start_run(tx, self._engine, scope, new)
        return replace(begun, document=change(tx, document, run_id=run_id))

    def _is_at_it(self, tx: Tx, scope: Scope, document: Document) -> bool:
        run = find_run(tx, scope, document.run_id) if document.run_id is not None else None
        return run is not None and run.status not in FINAL


def _digest(file: BinaryIO) -> tuple[str, int]:
    """The hash and the size of a file, which is at its beginning then."""
    found, size = hashlib.sha256(), 0
    file.seek(0)
    while data := file.read(1 << 20):
        found.update(data)
        size += len(data)
    file.seek(0)
    return found.hexdigest(), size


def _title(verb: str, title: str) -> str:
    return f"{verb} {title}"[:_LONGEST_TITLE]
