"""What a run that takes a document in does beyond its pure procedure: reads, cuts, publishes, asks for vectors."""

import asyncio
import tempfile
from datetime import timedelta

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Problem, Unavailable
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.knowledge import parts, vectors
from folkmoot.knowledge.chunking import chunks_of
from folkmoot.knowledge.ingest import INGEST, IngestInput, IngestProcedure, IngestState
from folkmoot.knowledge.queries import lock_document
from folkmoot.knowledge.reading import text_of
from folkmoot.knowledge.rules import MARKDOWN
from folkmoot.knowledge.search import Search
from folkmoot.knowledge.service import EmptyDocument, clear, stage
from folkmoot.knowledge.staging import Incoming, change, passage_texts, publish
from folkmoot.llm.embeddings import Embedder, EmbedRequest
from folkmoot.llm.faults import ModelFault, RateLimited
from folkmoot.runs.journal import Call, Entry, Fault, Live, Outcome, Use
from folkmoot.runs.tables import Run

EMBEDDED_AT_ONCE = 128
"""Passages of one step, so that a provider's fault costs little and progress shows."""

READERS = 2
"""Files a process reads at the same time: each may take over a gigabyte of memory."""

LONGEST_PAUSE_SECONDS = 3600.0
"""A provider that asks for more has failed."""


class IngestExecutor:
    """Runs of kind `ingest`."""

    kind = INGEST
    version = 1
    takes_slot = True
    procedure = IngestProcedure()

    def __init__(self, db: Database, search: Search, embedder: Embedder) -> None:
        self._db = db
        self._search = search
        self._embedder = embedder
        self._readers = asyncio.Semaphore(READERS)

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        """Whose vectors are made is decided here, once for the whole run."""
        opened = IngestInput.model_validate({**given, "model": self._search.embedding_model(tx)})
        return opened.model_dump(mode="json")

    def project(self, tx: Tx, run: Run, before: IngestState, after: IngestState, entry: Entry) -> None:
        """A document whose text could not be taken in says why; the text it had before stays."""
        given = after.given
        if entry.kind != "ended" or not given.takes_text or given.document_id is None or after.published_id:
            return
        scope = _scope(run)
        document = lock_document(tx, scope, given.document_id)
        if document is None or document.status == "deleting" or document.staged_sha256 != _incoming(given).mark:
            return
        fault = entry.data.get("fault")
        sentence = str(fault.get("sentence")) if isinstance(fault, dict) else "Taking the document in was stopped"
        status = document.status if document.passages else "failed"
        change(tx, document, staged_sha256=None, status=status, error=sentence)

    async def perform(self, run: Run, state: IngestState, action: Call | Use, live: Live) -> Outcome:
        """A Problem ends the run; a database that is down is waited for."""
        assert isinstance(action, Use), "no language model is asked"
        try:
            return await self._do(run, state, action)
        except Unavailable:
            raise
        except Problem as problem:
            return _ended_by(problem)

    async def _do(self, run: Run, state: IngestState, use: Use) -> Outcome:
        match use.tool, use.arguments:
            case "read", _:
                value = await self._read(run, state.given)
            case "cut", {"part": int(part), "first": int(first)}:
                value = await self._cut(run, state.given, part, first)
            case "publish", _:
                value = await self._publish(run, state)
            case "embed", _:
                return await self._embed(run, state)
            case "prune", _:
                value = await self._prune(run, state)
            case _:
                raise RuntimeError(f"there is no step {use.tool}")
        return Outcome(value=value)

    async def _read(self, run: Run, given: IngestInput) -> JsonObject:
        """Raises FileUnreadable, FileTooComplex, TextTooLong, EmptyDocument."""
        assert given.file_type is not None, "only files are read"
        with tempfile.TemporaryFile() as file:
            async for data in parts.file_parts(self._db, run.id):
                file.write(data)
            file.flush()
            file.seek(0)
            async with self._readers:
                text = await text_of(file, given.file_type)
        if not text.strip():
            raise EmptyDocument("The file has no text; pictures of text are not read")
        return {"parts": await parts.keep_text(self._db, _scope(run), run.id, text), "size": len(text)}

    async def _cut(self, run: Run, given: IngestInput, part: int, first: int) -> JsonObject:
        """Raises DocumentDeleted, TextSuperseded."""
        start, text = await parts.text_part(self._db, run.id, part)
        spans = await asyncio.to_thread(chunks_of, text, has_markup=given.media_type == MARKDOWN)
        passages = passage_texts(text, spans, start)
        await stage(self._db, _scope(run), str(given.document_id), _incoming(given).mark, passages, first)
        return {"passages": len(passages)}

    async def _publish(self, run: Run, state: IngestState) -> JsonObject:
        """Raises DocumentDeleted, TextSuperseded."""
        scope, document_id = _scope(run), str(state.given.document_id)
        incoming = _incoming(state.given)
        document = await self._db.write(publish, scope, document_id, incoming, state.passages, state.size)
        await clear(self._db, scope, document_id, document)
        await parts.forget(self._db, scope, run.id)
        return {"document_id": document.id}

    async def _embed(self, run: Run, state: IngestState) -> Outcome:
        """Vectors for the next passages that have none. Raises NoEmbeddings, UnknownModel, ModelFault."""
        scope, model = _scope(run), str(state.given.model)
        document_id = state.published_id or state.given.document_id
        missing = state.missing
        if missing is None:
            missing = await self._db.read_long(vectors.count_missing, scope, model, document_id)
        chunks = await self._db.read_long(vectors.missing, scope, model, state.after, EMBEDDED_AT_ONCE, document_id)
        if not chunks:
            return Outcome(value={"embedded": 0, "missing": missing, "after": [*state.after]})
        texts = tuple(chunk.text for chunk in chunks)
        request = EmbedRequest(texts=texts, purpose="document", model=model, workspace_id=run.workspace_id)
        embedded = await self._embedder.embed(request)
        await vectors.keep(self._db, scope, chunks, embedded.vectors, model)
        last = chunks[-1]
        value: JsonObject = {"embedded": len(chunks), "missing": missing, "after": [last.document_id, last.seq]}
        return Outcome(value=value, usage=embedded.usage)

    async def _prune(self, run: Run, state: IngestState) -> JsonObject:
        """Vectors of models that are not asked any more."""
        while not await self._db.write(vectors.prune, _scope(run), str(state.given.model)):
            pass
        return {}


def _ended_by(problem: Problem) -> Outcome:
    usage = problem.usage if isinstance(problem, ModelFault) else None
    if isinstance(problem, RateLimited) and problem.retry_after <= LONGEST_PAUSE_SECONDS:
        return Outcome(retry_at=now() + timedelta(seconds=max(1.0, problem.retry_after)), usage=usage)
    return Outcome(fault=Fault(code=problem.code, sentence=problem.detail), usage=usage)


def _scope(run: Run) -> Scope:
    return Scope(run.workspace_id, run.project_id, SYSTEM)


def _incoming(given: IngestInput) -> Incoming:
    return Incoming(
        title=given.title,
        media_type=given.media_type,
        sha256=given.sha256,
        tags=tuple(given.tags),
        source=given.source,
    )
