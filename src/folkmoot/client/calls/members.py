"""Calls of members. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.workspaces import InvitationPage, Joined, MadeInvitation, Member, MemberPage
from folkmoot.client.wire import Call


def list_members(workspace_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[MemberPage]:
    """Newest first."""
    return Call(
        "GET",
        wire.path("/api/workspaces/{workspace_id}/members", workspace_id=workspace_id),
        wire.one(MemberPage),
        query={"skip": skip, "limit": limit},
    )


def change_member(workspace_id: str, user_id: str, role: str) -> Call[Member]:
    """Only owners make and unmake owners; the last one stays."""
    return Call(
        "PATCH",
        wire.path("/api/workspaces/{workspace_id}/members/{user_id}", workspace_id=workspace_id, user_id=user_id),
        wire.one(Member),
        body={"role": role},
    )


def remove_member(workspace_id: str, user_id: str) -> Call[None]:
    """Sends somebody away, or leaves oneself, from the rooms too; the last owner stays."""
    return Call(
        "DELETE",
        wire.path("/api/workspaces/{workspace_id}/members/{user_id}", workspace_id=workspace_id, user_id=user_id),
        wire.nothing,
    )


def list_invitations(workspace_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[InvitationPage]:
    """Those that can be accepted, newest first."""
    return Call(
        "GET",
        wire.path("/api/workspaces/{workspace_id}/invitations", workspace_id=workspace_id),
        wire.one(InvitationPage),
        query={"skip": skip, "limit": limit},
    )


def create_invitation(
    workspace_id: str, *, email: str | None = None, role: str | None = None, expires_in_seconds: int | None = None
) -> Call[MadeInvitation]:
    """The token is shown this once; only owners invite owners."""
    return Call(
        "POST",
        wire.path("/api/workspaces/{workspace_id}/invitations", workspace_id=workspace_id),
        wire.one(MadeInvitation),
        body={"email": email, "role": role, "expires_in_seconds": expires_in_seconds},
    )


def delete_invitation(workspace_id: str, invitation_id: str) -> Call[None]:
    """Its token is good for nothing any more."""
    return Call(
        "DELETE",
        wire.path(
            "/api/workspaces/{workspace_id}/invitations/{invitation_id}",
            workspace_id=workspace_id,
            invitation_id=invitation_id,
        ),
        wire.nothing,
    )


def accept_invitation(token: str) -> Call[Joined]:
    """The caller becomes a member; a token that has expired, was used or is for somebody else is unknown."""
    return Call("POST", "/api/invitations/accept", wire.one(Joined), body={"token": token})
