"""Who is in a room, over HTTP."""

from fastapi import APIRouter

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.http.deps import Db, Process
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.rooms import membership, presence, queries
from folkmoot.rooms.deps import MemberId, RoomId
from folkmoot.rooms.member_schemas import (
    NewRoomMember,
    ReadMark,
    RoomMemberChange,
    RoomMemberPage,
    RoomMemberView,
    RoomPresenceView,
)
from folkmoot.rooms.membership import AlreadyInRoom, LastRoomOwner, NotOfThisKind, OneMember, RoomIsFull
from folkmoot.rooms.queries import NoSuchRoom, NoSuchRoomMember
from folkmoot.rooms.service import RoomRoleTooLow
from folkmoot.rooms.views import member_view
from folkmoot.runs.deps import Engine
from folkmoot.workspaces.deps import Here
from folkmoot.workspaces.member_queries import NoSuchMember

router = APIRouter(prefix="/api/rooms", tags=["rooms"])


@router.get("/{room_id}/members", responses=problems(NoSuchRoom))
async def list_room_members(db: Db, here: Here, room_id: RoomId, paging: Paging) -> RoomMemberPage:
    """People and agents, in the order in which they came."""
    rows, total = await db.read_long(queries.page_of_members, here, room_id, paging.skip, paging.limit)
    found = [member_view(row) for row in rows]
    return RoomMemberPage(members=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post(
    "/{room_id}/members",
    status_code=201,
    responses=problems(
        NoSuchRoom,
        RoomRoleTooLow,
        OneMember,
        NoSuchMember,
        NoSuchAgent,
        NotInitialized,
        AlreadyInRoom,
        RoomIsFull,
    ),
)
async def add_room_member(db: Db, engine: Engine, here: Here, room_id: RoomId, new: NewRoomMember) -> RoomMemberView:
    """A person of the workspace, or an agent with what makes it speak."""
    return member_view(await db.write(membership.add_member, engine, here, room_id, new))


@router.patch(
    "/{room_id}/members/{member_id}",
    responses=problems(NoSuchRoom, RoomRoleTooLow, NoSuchRoomMember, NotOfThisKind, LastRoomOwner),
)
async def change_room_member(
    db: Db, engine: Engine, here: Here, room_id: RoomId, member_id: MemberId, change: RoomMemberChange
) -> RoomMemberView:
    return member_view(await db.write(membership.change_member, engine, here, room_id, member_id, change))


@router.delete(
    "/{room_id}/members/{member_id}",
    status_code=204,
    responses=problems(NoSuchRoom, RoomRoleTooLow, NoSuchRoomMember, LastRoomOwner),
)
async def remove_room_member(db: Db, engine: Engine, here: Here, room_id: RoomId, member_id: MemberId) -> None:
    """Anybody may go himself; whoever is out is told nothing from that moment on."""
    await db.write(membership.remove_member, engine, here, room_id, member_id)


@router.get("/{room_id}/presence", responses=problems(NoSuchRoom))
async def get_room_presence(process: Process, here: Here, room_id: RoomId) -> RoomPresenceView:
    """Its people with an open socket that follows the room, and what its agents do."""
    return await process.db.read(presence.get_presence, here, room_id, process.host_id)


@router.post("/{room_id}/read", responses=problems(NoSuchRoom))
async def mark_room_read(db: Db, here: Here, room_id: RoomId, mark: ReadMark) -> RoomMemberView:
    """Set the caller's read marker; it does not move back."""
    return member_view(await db.write(membership.mark_read, here, room_id, mark))
