"""Members and invitations over HTTP. The path names the workspace; the selectors of other calls do not count."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from folkmoot.accounts.users import NoAccount
from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.workspaces import invitations, member_queries, members
from folkmoot.workspaces.deps import (
    Above,
    Founder,
    KeyIsNarrow,
    Lookup,
    There,
    ThereAsAdmin,
    ThereAsMemberOrAdmin,
    UserId,
)
from folkmoot.workspaces.invitations import invitation_view
from folkmoot.workspaces.lookup import RoleTooLow
from folkmoot.workspaces.member_queries import NoSuchInvitation, NoSuchMember
from folkmoot.workspaces.member_schemas import (
    Acceptance,
    InvitationPage,
    Joined,
    MadeInvitation,
    MemberChange,
    MemberPage,
    MemberView,
    NewInvitation,
)
from folkmoot.workspaces.members import AlreadyMember, LastOwner, member_view
from folkmoot.workspaces.queries import NoSuchWorkspace

InvitationId = Annotated[str, Path(max_length=255, description="The invitation's id")]

router = APIRouter(prefix="/api", tags=["members"])

_MEMBER = problems(NoSuchWorkspace, RoleTooLow, NoSuchMember, LastOwner)


@router.get("/workspaces/{workspace_id}/members", responses=problems(NoSuchWorkspace, RoleTooLow))
async def list_members(db: Db, there: There, paging: Paging) -> MemberPage:
    """Newest first."""
    rows, total = await db.read_long(member_queries.list_members, there.scope, paging.skip, paging.limit)
    found = [member_view(row) for row in rows]
    return MemberPage(members=found, total=total, skip=paging.skip, limit=paging.limit)


@router.patch("/workspaces/{workspace_id}/members/{user_id}", responses=_MEMBER)
async def change_member(
    db: Db, there: ThereAsAdmin, lookup: Lookup, user_id: UserId, change: MemberChange
) -> MemberView:
    """Only owners make and unmake owners; the last one stays."""
    changed = await db.write(members.change_member, there, user_id, change)
    lookup.forget()
    return member_view(changed)


@router.delete("/workspaces/{workspace_id}/members/{user_id}", status_code=204, responses=_MEMBER)
async def remove_member(db: Db, above: Above, there: ThereAsMemberOrAdmin, lookup: Lookup, user_id: UserId) -> None:
    """Sends somebody away, or leaves oneself, from the rooms too; the last owner stays."""
    await db.write(members.remove_member, above, there, user_id)
    lookup.forget()


@router.get("/workspaces/{workspace_id}/invitations", responses=problems(NoSuchWorkspace, RoleTooLow))
async def list_invitations(db: Db, there: There, paging: Paging) -> InvitationPage:
    """Those that can be accepted, newest first."""
    rows, total = await db.read_long(member_queries.list_invitations, there.scope, paging.skip, paging.limit)
    found = [invitation_view(row) for row in rows]
    return InvitationPage(invitations=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post("/workspaces/{workspace_id}/invitations", status_code=201, responses=problems(NoSuchWorkspace, RoleTooLow))
async def create_invitation(db: Db, there: ThereAsAdmin, new: NewInvitation, response: Response) -> MadeInvitation:
    """The token is shown this once; only owners invite owners."""
    response.headers["Cache-Control"] = "no-store"
    return await db.write(invitations.create_invitation, there, new)


@router.delete(
    "/workspaces/{workspace_id}/invitations/{invitation_id}",
    status_code=204,
    responses=problems(NoSuchWorkspace, RoleTooLow, NoSuchInvitation),
)
async def delete_invitation(db: Db, there: ThereAsAdmin, invitation_id: InvitationId) -> None:
    """Its token is good for nothing any more."""
    await db.write(invitations.delete_invitation, there.scope, invitation_id)


@router.post("/invitations/accept", responses=problems(NoSuchInvitation, AlreadyMember, NoAccount, KeyIsNarrow))
async def accept_invitation(db: Db, caller: Founder, lookup: Lookup, accepted: Acceptance) -> Joined:
    """The caller becomes a member; a token that has expired, was used or is for somebody else is unknown."""
    joined = await db.write(invitations.accept_as_caller, caller, accepted.token)
    lookup.forget()
    return joined
