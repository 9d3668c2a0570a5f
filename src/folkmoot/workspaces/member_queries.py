"""Every SELECT on members and invitations, and on who may still be where."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from folkmoot.accounts.tables import ApiKey, User, UserSession
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.scope import Role, Scope
from folkmoot.workspaces.rules import TenantStatus
from folkmoot.workspaces.tables import Invitation, Membership, Workspace

INVITATION_COLUMNS = Invitation.__table__.columns

_MEMBERS = (
    sa.select(
        Membership.user_id,
        User.email,
        User.full_name.label("name"),
        Membership.role,
        Membership.created_at,
    )
    .join(User, User.id == Membership.user_id)
    .where(Membership.workspace_id == sa.bindparam("workspace_id"))
)
_MEMBER = _MEMBERS.where(Membership.user_id == sa.bindparam("user_id"))
_COUNT_MEMBERS = (
    sa.select(sa.func.count()).select_from(Membership).where(Membership.workspace_id == sa.bindparam("workspace_id"))
)
_OTHER_OWNER = _MEMBERS.where(
    Membership.role == Role.OWNER.word, Membership.user_id != sa.bindparam("user_id"), User.is_active
).limit(1)

_OPEN = sa.select(*INVITATION_COLUMNS).where(
    Invitation.accepted_at.is_(None),
    Invitation.expires_at > sa.bindparam("at", type_=INVITATION_COLUMNS.expires_at.type),
)
_OPEN_HERE = _OPEN.where(Invitation.workspace_id == sa.bindparam("workspace_id"))
_HOLD_OPEN = _OPEN_HERE.where(Invitation.id == sa.bindparam("invitation_id")).with_for_update()
_OPEN_OF_TOKEN = (
    _OPEN.join(Workspace, Workspace.id == Invitation.workspace_id)
    .where(Invitation.token_hash == sa.bindparam("token_hash"), Workspace.status == TenantStatus.ACTIVE)
    .with_for_update(of=Invitation)
)

_USERS_GIVEN: sa.BindParameter[str] = sa.bindparam("users", expanding=True)
_GIVEN: sa.BindParameter[str] = sa.bindparam("ids", expanding=True)
_MEMBERSHIPS = sa.select(Membership.workspace_id, Membership.user_id).where(
    Membership.user_id.in_(_USERS_GIVEN), Membership.workspace_id.in_(_GIVEN)
)
_ACTIVE_WORKSPACES = sa.select(Workspace.id).where(Workspace.id.in_(_GIVEN), Workspace.status == TenantStatus.ACTIVE)
_GOOD_FAMILIES = (
    sa.select(UserSession.family_id)
    .outerjoin(User, User.id == UserSession.user_id)
    .where(
        UserSession.family_id.in_(_GIVEN),
        UserSession.revoked_at.is_(None),
        sa.or_(UserSession.user_id.is_(None), User.is_active),
    )
)
_GOOD_KEYS = (
    sa.select(ApiKey.id)
    .join(User, User.id == ApiKey.user_id)
    .where(
        ApiKey.id.in_(_GIVEN),
        ApiKey.revoked_at.is_(None),
        sa.or_(
            ApiKey.expires_at.is_(None),
            ApiKey.expires_at > sa.bindparam("at", type_=INVITATION_COLUMNS.expires_at.type),
        ),
        User.is_active,
    )
)


# Of tables above, their names and these columns are all that is known here.
_ROOMS = sa.table("rooms", sa.column("id", sa.String()))
_ROOM_MEMBERS = sa.table(
    "room_members",
    *(sa.column(name, sa.String()) for name in ("room_id", "member_kind", "member_id")),
)
_IN_ROOMS = sa.select(_ROOM_MEMBERS.c.room_id, _ROOM_MEMBERS.c.member_id).where(
    _ROOM_MEMBERS.c.member_kind == "user",
    _ROOM_MEMBERS.c.member_id.in_(_USERS_GIVEN),
    _ROOM_MEMBERS.c.room_id.in_(_GIVEN),
)
_ROOMS_THERE = sa.select(_ROOMS.c.id).where(_ROOMS.c.id.in_(_GIVEN))


class NoSuchMember(NotFound):
    """Member not found"""


class NoSuchInvitation(NotFound):
    """Invitation not found"""


class InRoom(NamedTuple):
    """That somebody is in a room."""

    room_id: str
    member_id: str


class Member(NamedTuple):
    """A user in a workspace; `role` is a Role's word."""

    user_id: str
    email: str
    name: str | None
    role: str
    created_at: datetime


def get_member(tx: Tx, scope: Scope, user_id: str) -> Member:
    """Raises NoSuchMember."""
    found = tx.first(Member, _MEMBER, workspace_id=scope.workspace_id, user_id=user_id.lower())
    if found is None:
        raise NoSuchMember
    return found


def list_members(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[Member], int]:
    """Newest first, with the total."""
    total: int = tx.scalar(_COUNT_MEMBERS, workspace_id=scope.workspace_id)
    found = _MEMBERS.order_by(Membership.id.desc()).offset(skip).limit(limit)
    return tx.all(Member, found, workspace_id=scope.workspace_id), total


def has_other_owner(tx: Tx, scope: Scope, user_id: str) -> bool:
    """Whether somebody besides this user owns the workspace and may log in."""
    return tx.first(Member, _OTHER_OWNER, workspace_id=scope.workspace_id, user_id=user_id) is not None


def hold_invitation(tx: Tx, token_hash: str) -> Invitation:
    """One that can be accepted, by the hash of its token; nobody else does until the unit ends.

    Raises NoSuchInvitation.
    """
    found = tx.first(Invitation, _OPEN_OF_TOKEN, token_hash=token_hash, at=now())
    if found is None:
        raise NoSuchInvitation
    return found


def hold_invitation_of_id(tx: Tx, scope: Scope, invitation_id: str) -> Invitation:
    """As hold_invitation, by its id. Raises NoSuchInvitation."""
    given = {"workspace_id": scope.workspace_id, "invitation_id": invitation_id.lower(), "at": now()}
    found = tx.first(Invitation, _HOLD_OPEN, **given)
    if found is None:
        raise NoSuchInvitation
    return found


def list_invitations(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[Invitation], int]:
    """Those that can be accepted, newest first, with the total."""
    given = {"workspace_id": scope.workspace_id, "at": now()}
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(_OPEN_HERE.subquery()), **given)
    found = _OPEN_HERE.order_by(Invitation.id.desc()).offset(skip).limit(limit)
    return tx.all(Invitation, found, **given), total


def list_places(tx: Tx, users: Collection[str], workspaces: Collection[str]) -> set[tuple[str, str]]:
    """(workspace, user) of those of these users who are members of one of these workspaces."""
    if not users:
        return set()
    found = tx.all(Membership, _MEMBERSHIPS, users=[*users], ids=[*workspaces])
    return {(row.workspace_id, row.user_id) for row in found}


def list_rooms_of(tx: Tx, users: Collection[str], rooms: Collection[str]) -> set[tuple[str, str]]:
    """(room, user) of those of these users who are in one of these rooms."""
    if not rooms:
        return set()
    return {(row.room_id, row.member_id) for row in tx.all(InRoom, _IN_ROOMS, users=[*users], ids=[*rooms])}


def rooms_there(tx: Tx, ids: Collection[str]) -> set[str]:
    """Those of these rooms that have not been deleted."""
    return {row.id for row in tx.all(Workspace, _ROOMS_THERE, ids=[*ids])} if ids else set()


def active_workspaces(tx: Tx, ids: Collection[str]) -> set[str]:
    return {row.id for row in tx.all(Workspace, _ACTIVE_WORKSPACES, ids=[*ids])}


def good_families(tx: Tx, ids: Collection[str]) -> set[str]:
    """Those of these sessions that are not logged out, and whose user is active."""
    return {row.family_id for row in tx.all(UserSession, _GOOD_FAMILIES, ids=[*ids])} if ids else set()


def good_keys(tx: Tx, ids: Collection[str], at: datetime) -> set[str]:
    """Those of these API keys that are neither revoked nor expired, and whose user is active."""
    return {row.id for row in tx.all(ApiKey, _GOOD_KEYS, ids=[*ids], at=at)} if ids else set()
