"""Knowledge over HTTP: documents in, passages out."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.http.text import Safe
from folkmoot.knowledge import queries, service
from folkmoot.knowledge.queries import NoSuchDocument
from folkmoot.knowledge.schemas import DocumentPage, DocumentView, NewDocument, Passage, Passages
from folkmoot.knowledge.service import DocumentDeleted, DocumentTooLarge, EmptyDocument
from folkmoot.workspaces.deps import Here

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])


@router.post(
    "/documents",
    status_code=201,
    responses={
        200: {"description": "The project has this very text already", "model": DocumentView},
        **problems(DocumentTooLarge, DocumentDeleted, EmptyDocument),
    },
)
async def add_document(new: NewDocument, db: Db, scope: Here, response: Response) -> DocumentView:
    """Store a text of at most 1,500,000 bytes; it can be searched when the answer comes."""
    document, is_new = await service.add_document(db, scope, new)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/knowledge/documents/{document.id}"
    return DocumentView.model_validate(document)


@router.get("/documents")
async def list_documents(db: Db, scope: Here, paging: Paging) -> DocumentPage:
    """The workspace's documents, newest first."""
    documents, total = await db.read_long(queries.list_documents, scope, paging.skip, paging.limit)
    views = [DocumentView.model_validate(document) for document in documents]
    return DocumentPage(documents=views, total=total, skip=paging.skip, limit=paging.limit)


@router.get("/documents/{document_id}", responses=problems(NoSuchDocument))
async def get_document(document_id: Safe, db: Db, scope: Here) -> DocumentView:
    return DocumentView.model_validate(await db.read(queries.get_document, scope, document_id))


@router.delete("/documents/{document_id}", status_code=204, responses=problems(NoSuchDocument))
async def delete_document(document_id: Safe, db: Db, scope: Here) -> None:
    await service.delete_document(db, scope, document_id)


@router.get("/search", responses=problems(NoSuchDocument))
async def search_knowledge(
    db: Db,
    scope: Here,
    q: Annotated[Safe, Query(min_length=1, max_length=2000, description="A question, or words to look for")],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    document_id: Annotated[tuple[Safe, ...], Query(max_length=200, description="Only in these documents")] = (),
) -> Passages:
    """The passages that hold the question's words, best first."""
    found = await service.search_documents(db, scope, q, limit, document_id)
    return Passages(passages=[Passage.model_validate(row) for row in found])
