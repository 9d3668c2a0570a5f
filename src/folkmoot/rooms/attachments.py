"""What is attached to a room: documents of its own, which who is in it may bring, name in messages and delete."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Forbidden, NotFound
from folkmoot.kernel.json import Json
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.library import Kept, Library, Upload
from folkmoot.knowledge.queries import documents_of_room, list_documents, lock_document
from folkmoot.knowledge.schemas import NewAttachment
from folkmoot.knowledge.service import remove
from folkmoot.knowledge.staging import begin_delete
from folkmoot.knowledge.tables import Document
from folkmoot.rooms.attachment_schemas import MessageAttachment
from folkmoot.rooms.keeping import hold_room
from folkmoot.rooms.queries import NoSuchRoom, get_member, get_room
from folkmoot.rooms.service import require


class NoSuchAttachment(NotFound):
    """Attachment not found"""


class NotYourAttachment(Forbidden):
    """The attachment is somebody else's"""


@dataclass(frozen=True, slots=True)
class RoomShelf:
    """A room as knowledge asks it who may put documents there."""

    room_id: str

    def hold(self, tx: Tx, scope: Scope) -> None:
        """Raises NoSuchRoom, RoomRoleTooLow."""
        if hold_room(tx, self.room_id) is None:
            raise NoSuchRoom
        require(tx, scope, self.room_id, "member")

    def check_change(self, tx: Tx, scope: Scope, document: Document) -> None:
        """Raises NotYourAttachment."""
        if document.added_by != scope.actor.id and get_member(tx, self.room_id, scope.actor.id).role != "owner":
            raise NotYourAttachment


async def add_attachment(
    db: Database, books: Library, scope: Scope, room_id: str, given: NewAttachment | Upload, wait_seconds: float
) -> Kept:
    """Raises NoSuchRoom, RoomRoleTooLow, NotYourAttachment where it would replace another's, and as `Library.add`."""
    room = await db.read(require, scope, room_id, "member")
    return await books.add(replace(scope, project_id=room.project_id), given, wait_seconds, RoomShelf(room.id))


def list_attachments(tx: Tx, scope: Scope, room_id: str, skip: int, limit: int) -> tuple[list[Document], int]:
    """Newest first, with the total. Raises NoSuchRoom."""
    return list_documents(tx, scope, {"room_id": get_room(tx, scope, room_id).id}, skip, limit)


async def delete_attachment(db: Database, scope: Scope, room_id: str, document_id: str) -> None:
    """One's own, or as an owner anybody's. Raises NoSuchRoom, RoomRoleTooLow, NoSuchAttachment, NotYourAttachment."""
    await db.write(_begin_delete, scope, room_id, document_id)
    await remove(db, scope, document_id)


def _begin_delete(tx: Tx, scope: Scope, room_id: str, document_id: str) -> None:
    room = require(tx, scope, room_id, "member")
    document = lock_document(tx, scope, document_id)
    if document is None or document.room_id != room.id:
        raise NoSuchAttachment
    RoomShelf(room.id).check_change(tx, scope, document)
    begin_delete(tx, scope, document.id)


def named(tx: Tx, room_id: str, document_ids: Sequence[str]) -> list[Json]:
    """The attachments that a message names, as they are now. Raises NoSuchAttachment."""
    ids = [document_id.lower() for document_id in document_ids]
    there = documents_of_room(tx, room_id, ids) if ids else {}
    for place, document_id in enumerate(ids):
        if document_id not in there:
            raise NoSuchAttachment(f"attachments[{place}] is not attached to the room")
    return [_shown(there[document_id]) for document_id in dict.fromkeys(ids)]


def _shown(document: Document) -> Json:
    shown: Json = MessageAttachment(
        document_id=document.id,
        title=document.title,
        media_type=document.media_type,  # type: ignore[arg-type]
        size=document.size,
        status=document.status,  # type: ignore[arg-type]
    ).model_dump(mode="json")
    return shown
