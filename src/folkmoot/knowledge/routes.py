"""Knowledge over HTTP: documents in, passages out."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.http.text import Safe
from folkmoot.knowledge import queries, service
from folkmoot.knowledge.deps import Books, Given, Searching, openapi_of
from folkmoot.knowledge.formats import ReaderMissing, UnsupportedFile
from folkmoot.knowledge.library import FileTooLarge, Kept
from folkmoot.knowledge.queries import NoSuchDocument, Within
from folkmoot.knowledge.rules import Mode, Status
from folkmoot.knowledge.schemas import (
    DocumentChange,
    DocumentPage,
    DocumentPassage,
    DocumentPassages,
    DocumentView,
    NewDocument,
    NewUpload,
    Passage,
    Passages,
    Source,
    Tag,
)
from folkmoot.knowledge.service import AttachedToRoom, DocumentTooLarge, EmptyDocument
from folkmoot.knowledge.staging import DocumentDeleted, TextSuperseded
from folkmoot.runs.deps import Engine
from folkmoot.runs.schemas import RunView
from folkmoot.runs.views import show_run
from folkmoot.workspaces.deps import Here
from folkmoot.workspaces.queries import NoSuchProject

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])

DOCUMENTS = "/api/knowledge/documents"

Wait = Annotated[float, Query(ge=0, le=300, description="Seconds to wait for the run's end")]
STORED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "It was there: with this very text, or with another one from its source",
        "model": DocumentView,
    },
    202: {"description": "A run takes it in", "model": DocumentView},
}
_REFUSALS = (NoSuchProject, DocumentTooLarge, FileTooLarge, EmptyDocument, UnsupportedFile, ReaderMissing)


@router.post(
    "/documents",
    status_code=201,
    responses={**STORED, **problems(*_REFUSALS, DocumentDeleted, TextSuperseded)},
    openapi_extra=openapi_of(NewDocument, NewUpload),
)
async def add_document(given: Given, books: Books, scope: Here, response: Response, wait: Wait = 0) -> DocumentView:
    """Store a text of at most 1,500,000 bytes, or a file of at most 50,000,000: text, Markdown, HTML, PDF, DOCX.

    Up to 200,000 characters of text can be searched when the answer comes; a run takes in longer ones and other
    files, and shows its progress.
    """
    return stored(response, await books.add(scope, given, wait))


def stored(response: Response, kept: Kept) -> DocumentView:
    """What is answered to whoever brought it, there or on its way in."""
    response.status_code = (201 if kept.is_new else 200) if kept.is_ready else 202
    response.headers["Location"] = f"{DOCUMENTS}/{kept.document.id}"
    return DocumentView.model_validate(kept.document)


@router.get("/documents")
async def list_documents(
    db: Db,
    scope: Here,
    paging: Paging,
    status: Annotated[Status | None, Query()] = None,
    tag: Annotated[Tag | None, Query()] = None,
    project_id: Annotated[Safe | None, Query()] = None,
    source: Annotated[Source | None, Query()] = None,
) -> DocumentPage:
    """The workspace's documents, and those of the caller's rooms, newest first."""
    filters = {"status": status, "tag": tag, "project_id": project_id, "source": source}
    documents, total = await db.read_long(queries.list_documents, scope, filters, paging.skip, paging.limit)
    views = [DocumentView.model_validate(document) for document in documents]
    return DocumentPage(documents=views, total=total, skip=paging.skip, limit=paging.limit)


@router.get("/documents/{document_id}", responses=problems(NoSuchDocument))
async def get_document(document_id: Safe, db: Db, scope: Here) -> DocumentView:
    return DocumentView.model_validate(await db.read(queries.get_shown_document, scope, document_id))


@router.patch("/documents/{document_id}", responses=problems(NoSuchDocument, AttachedToRoom))
async def change_document(document_id: Safe, change: DocumentChange, db: Db, scope: Here) -> DocumentView:
    """What it is called and how it is tagged."""
    return DocumentView.model_validate(await db.write(service.change_document, scope, document_id, change))


@router.delete("/documents/{document_id}", status_code=204, responses=problems(NoSuchDocument, AttachedToRoom))
async def delete_document(document_id: Safe, db: Db, scope: Here) -> None:
    await service.delete_document(db, scope, document_id)


@router.get("/documents/{document_id}/passages", responses=problems(NoSuchDocument))
async def list_passages(document_id: Safe, db: Db, scope: Here, paging: Paging) -> DocumentPassages:
    """All of a document's text, passage by passage; none while its first text is on its way in."""
    found, total = await db.read_long(queries.list_passages, scope, document_id, paging.skip, paging.limit)
    passages = [DocumentPassage.model_validate(passage) for passage in found]
    return DocumentPassages(passages=passages, total=total, skip=paging.skip, limit=paging.limit)


@router.post("/reindex", status_code=202)
async def reindex_knowledge(
    books: Books, engine: Engine, db: Db, scope: Here, response: Response, wait: Wait = 0
) -> RunView:
    """Start a run that makes the missing vectors of all documents, then deletes those of other models."""
    run = await books.reindex(scope)
    response.headers["Location"] = f"/api/runs/{run.id}"
    await engine.wait(scope, run.id, wait)
    return await db.read(show_run, scope, run.id, with_cursor=False)


@router.get("/search", responses=problems(NoSuchDocument))
async def search_knowledge(
    db: Db,
    searching: Searching,
    scope: Here,
    q: Annotated[Safe, Query(min_length=1, max_length=2000, description="A question, or words to look for")],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    document_id: Annotated[tuple[Safe, ...], Query(max_length=200, description="Only in these documents")] = (),
    project_id: Annotated[Safe | None, Query(description="Only in this project's documents")] = None,
    tag: Annotated[Tag | None, Query(description="Only in documents with this tag")] = None,
    mode: Annotated[Mode | None, Query(description="`text`: not by meaning, also where that is possible")] = None,
) -> Passages:
    """The passages that hold the question's words, or mean what it means where EMBEDDING_MODEL is set, best first."""
    await service.check_all(db, scope, document_id)
    within = Within(document_ids=document_id or None, project_id=project_id, tag=tag, seen_by=scope.actor.id)
    found = await searching.find(scope, q, limit, within, mode)
    passages = [Passage.model_validate(row) for row in found.passages]
    return Passages(passages=passages, mode=found.mode, note=found.note)
