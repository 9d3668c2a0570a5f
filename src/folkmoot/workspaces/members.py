"""Who is in a workspace, and as what: members come in, get another role, and go."""

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import SYSTEM, Role, Scope
from folkmoot.workspaces.above import RoomsAbove
from folkmoot.workspaces.lookup import Standing
from folkmoot.workspaces.member_queries import Member, NoSuchMember, get_member, has_other_owner
from folkmoot.workspaces.member_schemas import MemberChange, MemberView
from folkmoot.workspaces.queries import hold_workspace
from folkmoot.workspaces.rules import role_of
from folkmoot.workspaces.tables import Membership

_INSERT = sa.insert(Membership)
_THIS = (Membership.workspace_id == sa.bindparam("this_workspace"), Membership.user_id == sa.bindparam("this_user"))
_CHANGE = (
    sa.update(Membership)
    .where(*_THIS)
    .values(
        role=sa.bindparam("new_role"),
        updated_at=sa.bindparam("new_updated_at", type_=Membership.__table__.columns.updated_at.type),
    )
)
_DELETE = sa.delete(Membership).where(*_THIS)


class AlreadyMember(Conflict):
    """The user is a member of the workspace already"""


class LastOwner(Conflict):
    """The last owner of a workspace stays its owner"""

    hint = "Make another member owner first"


def add_member(tx: Tx, workspace_id: str, user_id: str, role: Role) -> Member:
    """The verb that this is part of records who did it. Raises AlreadyMember."""
    scope = Scope(workspace_id, "", SYSTEM)
    hold_workspace(tx, scope)
    if _find(tx, scope, user_id) is not None:
        raise AlreadyMember
    at = now()
    row = {"id": new_id(), "workspace_id": workspace_id, "user_id": user_id, "role": role.word}
    tx.write(_INSERT, {**row, "created_at": at, "updated_at": at})
    return _told(tx, scope, user_id, is_new=True)


def change_member(tx: Tx, there: Standing, user_id: str, change: MemberChange) -> Member:
    """Only owners make and unmake owners. Raises NoSuchMember, RoleTooLow, LastOwner."""
    check_may_give(there, change.role)
    hold_workspace(tx, there.scope)
    known = get_member(tx, there.scope, user_id)
    _check_may_take(tx, there, known, change.role)
    tx.write(_CHANGE, {**_this(there.scope, known.user_id), "new_role": change.role, "new_updated_at": now()})
    detail = {"role": change.role, "previous_role": known.role}
    scope = there.scope
    record(tx, scope.actor, "change_member", ("user", known.user_id), scope.workspace_id, **detail)
    return _told(tx, scope, known.user_id, is_new=False)


def remove_member(tx: Tx, above: RoomsAbove, there: Standing, user_id: str) -> None:
    """Only owners send owners away; anybody may go. Raises NoSuchMember, RoleTooLow, LastOwner."""
    scope = there.scope
    hold_workspace(tx, scope)
    known = get_member(tx, scope, user_id)
    _check_may_take(tx, there, known, None)
    above.on_left(tx, scope.workspace_id, known.user_id)
    tx.write(_DELETE, _this(scope, known.user_id))
    record(tx, scope.actor, "remove_member", ("user", known.user_id), scope.workspace_id, role=known.role)
    tx.emit(scope.workspace_id, ResourceChanged(resource="member", id=known.user_id, change="deleted", view=None))


def member_view(member: Member) -> MemberView:
    return MemberView(**{name: getattr(member, name) for name in MemberView.model_fields})


def check_may_give(there: Standing, role: str) -> None:
    """Raises RoleTooLow: no admin makes an owner."""
    if role_of(role) is Role.OWNER:
        there.require(Role.OWNER)


def _check_may_take(tx: Tx, there: Standing, known: Member, new_role: str | None) -> None:
    """Raises RoleTooLow, LastOwner."""
    if role_of(known.role) is not Role.OWNER or new_role == known.role:
        return
    if known.user_id != there.scope.actor.id:
        there.require(Role.OWNER)
    if not has_other_owner(tx, there.scope, known.user_id):
        raise LastOwner


def _find(tx: Tx, scope: Scope, user_id: str) -> Member | None:
    try:
        return get_member(tx, scope, user_id)
    except NoSuchMember:
        return None


def _this(scope: Scope, user_id: str) -> dict[str, object]:
    return {"this_workspace": scope.workspace_id, "this_user": user_id}


def _told(tx: Tx, scope: Scope, user_id: str, *, is_new: bool) -> Member:
    member = get_member(tx, scope, user_id)
    shown = member_view(member).model_dump(mode="json")
    change = ResourceChanged(resource="member", id=user_id, change="created" if is_new else "updated", view=shown)
    tx.emit(scope.workspace_id, change)
    return member
