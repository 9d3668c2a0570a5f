"""Rooms over HTTP: the rooms themselves and what is said in them."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.agents.routes import AgentRef
from folkmoot.http.deps import Db
from folkmoot.http.paging import LIMIT, Paging
from folkmoot.http.problems import problems
from folkmoot.http.text import Line, Safe
from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject
from folkmoot.knowledge.deps import Searching
from folkmoot.rooms import messages, previews, queries, removal, searching, service
from folkmoot.rooms.attachments import NoSuchAttachment
from folkmoot.rooms.deps import RoomId, RoomMessageId
from folkmoot.rooms.message_schemas import NewRoomMessage, RoomMessageChange, RoomMessageLog, RoomMessageView
from folkmoot.rooms.messages import MessageIsDeleted, NotYourMessage, Saying, TooManyReactions
from folkmoot.rooms.queries import NoSuchRoom, NoSuchRoomMember, NoSuchRoomMessage
from folkmoot.rooms.schemas import NewRoom, RoomChange, RoomPage, RoomPrompt, RoomView, RoomWork, RoomWorkView
from folkmoot.rooms.search_schemas import RoomHits
from folkmoot.rooms.searching import Asked
from folkmoot.rooms.service import RoomRoleTooLow
from folkmoot.rooms.views import room_view
from folkmoot.rooms.work import TooFewAgents
from folkmoot.runs.deps import Engine
from folkmoot.runs.engine import TooManyLiveReplies
from folkmoot.runs.idempotency import KeyInUse, KeyReused, request_key
from folkmoot.tasks.deps import Defaults
from folkmoot.tasks.rules import NoSuchTeam
from folkmoot.tools.deps import Tools
from folkmoot.workspaces.deps import Here

router = APIRouter(prefix="/api/rooms", tags=["rooms"])

Emoji = Annotated[Safe, Path(min_length=1, max_length=64, description="An emoji, or a short word")]
IdempotencyKey = Annotated[
    Line | None, Header(description="The same key and body within 24 hours answer the same message")
]
_WORK = (TooFewAgents, NoSuchTeam, NoSuchAgent, NotInitialized)


@router.get("")
async def list_rooms(db: Db, here: Here, paging: Paging) -> RoomPage:
    """The rooms that the caller is in, those last changed first, with what is unread in them."""
    rows, total = await db.read_long(queries.list_rooms, here, paging.skip, paging.limit)
    unread = await db.read_long(queries.unread, here, [row.id for row in rows])
    found = [room_view(row) for row in rows]
    return RoomPage(rooms=found, unread=unread, total=total, skip=paging.skip, limit=paging.limit)


@router.post("", status_code=201)
async def create_room(db: Db, here: Here, new: NewRoom, response: Response) -> RoomView:
    """Its maker is in it, as an owner; nobody else sees it until he is added."""
    room = room_view(await db.write(service.create_room, here, new))
    response.headers["Location"] = f"/api/rooms/{room.id}"
    return room


@router.get("/search", responses=problems(NoSuchRoom))
async def search_rooms(
    db: Db,
    here: Here,
    paging: Paging,
    q: Annotated[Safe, Query(min_length=1, max_length=2000, description="A question, or words to look for")],
    room_id: Annotated[Safe | None, Query(description="Only in this room")] = None,
) -> RoomHits:
    """What people and agents have said in the rooms that the caller is in, best first."""
    return await db.read_long(searching.search_rooms, here, Asked(q, room_id, paging.skip, paging.limit))


@router.get("/{room_id}", responses=problems(NoSuchRoom))
async def get_room(db: Db, here: Here, room_id: RoomId) -> RoomView:
    return room_view(await db.read(queries.get_room, here, room_id))


@router.patch("/{room_id}", responses=problems(NoSuchRoom, RoomRoleTooLow))
async def change_room(db: Db, engine: Engine, here: Here, room_id: RoomId, change: RoomChange) -> RoomView:
    return room_view(await db.write(service.change_room, engine, here, room_id, change))


@router.delete("/{room_id}", status_code=204, responses=problems(NoSuchRoom, RoomRoleTooLow))
async def delete_room(db: Db, engine: Engine, here: Here, room_id: RoomId) -> None:
    """With all that was said in it and attached to it; what agents were about to say is cancelled."""
    await removal.delete_room_with_all(db, engine, here, room_id)


@router.post("/{room_id}/stop", responses=problems(NoSuchRoom, RoomRoleTooLow))
async def stop_room(db: Db, engine: Engine, here: Here, room_id: RoomId) -> RoomView:
    """Cut off the agent that is about to speak, and those in line behind it; nobody speaking is no mistake."""
    return room_view(await db.write(service.stop_room, engine, here, room_id))


@router.get("/{room_id}/messages", responses=problems(NoSuchRoom))
async def list_room_messages(
    db: Db,
    here: Here,
    room_id: RoomId,
    after_seq: Annotated[int, Query(ge=0, le=LARGEST_INTEGER)] = 0,
    limit: Annotated[int, Query(ge=1, le=LIMIT)] = 50,
) -> RoomMessageLog:
    """In order; `next` is the `after_seq` of the following page."""
    found = await db.read_long(messages.log_of, here, room_id, after_seq, limit)
    return RoomMessageLog(messages=found, next=found[-1].seq if len(found) == limit else None)


@router.post(
    "/{room_id}/messages",
    status_code=201,
    responses=problems(
        NoSuchRoom,
        RoomRoleTooLow,
        NoSuchRoomMessage,
        NoSuchAttachment,
        KeyReused,
        KeyInUse,
        *_WORK,
        TooManyLiveReplies,
    ),
)
async def post_room_message(
    db: Db,
    engine: Engine,
    here: Here,
    room_id: RoomId,
    new: NewRoomMessage,
    defaults: Defaults,
    idempotency_key: IdempotencyKey = None,
) -> RoomMessageView:
    """Say something; which agents answer is decided in the same unit, and they are heard as events of the room."""
    route = f"POST /api/rooms/{room_id}/messages"
    key = request_key(idempotency_key, route, new)
    return await db.write(messages.post_message, engine, here, room_id, Saying(new, key), defaults)


@router.patch(
    "/{room_id}/messages/{message_id}",
    responses=problems(NoSuchRoom, NoSuchRoomMessage, RoomRoleTooLow, NotYourMessage, MessageIsDeleted),
)
async def edit_room_message(
    db: Db, here: Here, room_id: RoomId, message_id: RoomMessageId, change: RoomMessageChange
) -> RoomMessageView:
    """Change what one has said oneself; agents that have answered it do not answer again."""
    return _view(await db.write(messages.edit_message, here, room_id, message_id, change.content))


@router.delete(
    "/{room_id}/messages/{message_id}",
    status_code=204,
    responses=problems(NoSuchRoom, NoSuchRoomMessage, RoomRoleTooLow, NotYourMessage, MessageIsDeleted),
)
async def delete_room_message(db: Db, here: Here, room_id: RoomId, message_id: RoomMessageId) -> None:
    """One's own message, or as an owner anybody's; its place in the order stays."""
    await db.write(messages.delete_message, here, room_id, message_id)


@router.put(
    "/{room_id}/messages/{message_id}/reactions/{emoji}",
    responses=problems(NoSuchRoom, NoSuchRoomMessage, RoomRoleTooLow, MessageIsDeleted, TooManyReactions),
)
async def add_room_reaction(
    db: Db, here: Here, room_id: RoomId, message_id: RoomMessageId, emoji: Emoji
) -> RoomMessageView:
    return _view(await db.write(messages.react, here, room_id, message_id, emoji))


@router.delete(
    "/{room_id}/messages/{message_id}/reactions/{emoji}",
    responses=problems(NoSuchRoom, NoSuchRoomMessage, RoomRoleTooLow, MessageIsDeleted),
)
async def remove_room_reaction(
    db: Db, here: Here, room_id: RoomId, message_id: RoomMessageId, emoji: Emoji
) -> RoomMessageView:
    return _view(await db.write(messages.take_back_reaction, here, room_id, message_id, emoji))


@router.get(
    "/{room_id}/agents/{agent_id}/prompt", responses=problems(NoSuchRoom, NoSuchAgent, NoSuchRoomMember, NotInitialized)
)
async def get_room_prompt(
    db: Db, here: Here, room_id: RoomId, agent_id: AgentRef, search: Searching, tools: Tools
) -> RoomPrompt:
    """Exactly what the agent would be sent if it spoke now."""
    return await previews.prompt_of(db, search, tools, here, room_id, agent_id)


@router.post(
    "/{room_id}/tasks",
    status_code=202,
    responses=problems(NoSuchRoom, RoomRoleTooLow, NoSuchTeam, NoSuchAgent, NotInitialized),
)
async def start_room_task(
    db: Db, engine: Engine, here: Here, room_id: RoomId, work: RoomWork, defaults: Defaults, response: Response
) -> RoomWorkView:
    """As `/task ...` in a message: the default team works on it, and the room is told how it goes."""
    begun = await db.write(messages.start_work, engine, here, room_id, ("task", work.text), defaults)
    response.headers["Location"] = f"/api/runs/{begun.run_id}"
    return begun


@router.post("/{room_id}/debates", status_code=202, responses=problems(NoSuchRoom, RoomRoleTooLow, *_WORK))
async def start_room_debate(
    db: Db, engine: Engine, here: Here, room_id: RoomId, work: RoomWork, defaults: Defaults, response: Response
) -> RoomWorkView:
    """As `/debate ...` in a message: the agents of the room debate it, and the room is told what was decided."""
    begun = await db.write(messages.start_work, engine, here, room_id, ("debate", work.text), defaults)
    response.headers["Location"] = f"/api/runs/{begun.run_id}"
    return begun


def _view(shown: JsonObject) -> RoomMessageView:
    return RoomMessageView.model_validate(shown)
