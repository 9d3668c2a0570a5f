"""What is attached to a room, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.kernel.ids import checked_id
from folkmoot.knowledge.deps import Books, GivenAttachment, openapi_of
from folkmoot.knowledge.formats import ReaderMissing, UnsupportedFile
from folkmoot.knowledge.library import FileTooLarge
from folkmoot.knowledge.queries import NoSuchDocument
from folkmoot.knowledge.routes import STORED, Wait, stored
from folkmoot.knowledge.schemas import DocumentPage, DocumentView, NewAttachedFile, NewAttachment
from folkmoot.knowledge.service import DocumentTooLarge, EmptyDocument
from folkmoot.knowledge.staging import DocumentDeleted, TextSuperseded
from folkmoot.rooms import attachments
from folkmoot.rooms.attachments import NoSuchAttachment, NotYourAttachment
from folkmoot.rooms.deps import RoomId
from folkmoot.rooms.queries import NoSuchRoom
from folkmoot.rooms.service import RoomRoleTooLow
from folkmoot.runs.queries import NoSuchRun
from folkmoot.workspaces.deps import Here

router = APIRouter(prefix="/api/rooms", tags=["rooms"])

ATTACHMENTS = "/api/rooms/{room_id}/attachments"
"""Where files are sent, for what bounds a body."""

_NOT_FOUND = (NoSuchRoom, NoSuchRun, NoSuchDocument)  # the latter two where the caller was removed while he waited
_REFUSED = (DocumentTooLarge, FileTooLarge, EmptyDocument, UnsupportedFile, ReaderMissing)


async def _document_id(document_id: Annotated[str, Path(max_length=255, description="The document's id")]) -> str:
    return checked_id(document_id, NoSuchAttachment)


@router.post(
    "/{room_id}/attachments",
    status_code=201,
    responses={
        **STORED,
        **problems(*_NOT_FOUND, RoomRoleTooLow, NotYourAttachment, *_REFUSED, DocumentDeleted, TextSuperseded),
    },
    openapi_extra=openapi_of(NewAttachment, NewAttachedFile),
)
async def add_room_attachment(
    given: GivenAttachment,
    db: Db,
    books: Books,
    here: Here,
    room_id: RoomId,
    response: Response,
    wait: Wait = 0,
) -> DocumentView:
    """As a document is added, but it is the room's: who is in it sees it, and its agents find it in the room."""
    return stored(response, await attachments.add_attachment(db, books, here, room_id, given, wait))


@router.get("/{room_id}/attachments", responses=problems(NoSuchRoom))
async def list_room_attachments(db: Db, here: Here, room_id: RoomId, paging: Paging) -> DocumentPage:
    """Newest first."""
    found, total = await db.read_long(attachments.list_attachments, here, room_id, paging.skip, paging.limit)
    documents = [DocumentView.model_validate(document) for document in found]
    return DocumentPage(documents=documents, total=total, skip=paging.skip, limit=paging.limit)


@router.delete(
    "/{room_id}/attachments/{document_id}",
    status_code=204,
    responses=problems(NoSuchRoom, RoomRoleTooLow, NoSuchAttachment, NotYourAttachment),
)
async def delete_room_attachment(
    db: Db, here: Here, room_id: RoomId, document_id: Annotated[str, Depends(_document_id)]
) -> None:
    """One's own, or as an owner anybody's; messages that name it stay as they are."""
    await attachments.delete_attachment(db, here, room_id, document_id)
