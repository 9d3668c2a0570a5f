"""Invitations: a place in a workspace for whoever shows a token, once and in time. Only its hash is kept."""

from datetime import timedelta

import sqlalchemy as sa

from folkmoot.accounts.emails import email_key
from folkmoot.accounts.rules import Caller
from folkmoot.accounts.tables import User
from folkmoot.accounts.tokens import hash_of, new_secret
from folkmoot.accounts.user_queries import get_user
from folkmoot.accounts.users import own_id
from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.workspaces.lookup import Standing
from folkmoot.workspaces.member_queries import (
    INVITATION_COLUMNS,
    NoSuchInvitation,
    hold_invitation,
    hold_invitation_of_id,
)
from folkmoot.workspaces.member_schemas import InvitationView, Joined, MadeInvitation, NewInvitation
from folkmoot.workspaces.members import add_member, check_may_give
from folkmoot.workspaces.rules import role_of
from folkmoot.workspaces.tables import Invitation

_INSERT = sa.insert(Invitation).returning(*INVITATION_COLUMNS)
_ACCEPT = (
    sa.update(Invitation)
    .where(Invitation.id == sa.bindparam("this"))
    .values(
        accepted_at=sa.bindparam("at", type_=INVITATION_COLUMNS.accepted_at.type),
        updated_at=sa.bindparam("at", type_=INVITATION_COLUMNS.updated_at.type),
    )
)
_DELETE = sa.delete(Invitation).where(Invitation.id == sa.bindparam("this"))


def create_invitation(tx: Tx, there: Standing, new: NewInvitation) -> MadeInvitation:
    """Raises RoleTooLow: no admin invites an owner."""
    check_may_give(there, new.role)
    scope, at, token = there.scope, now(), f"fminvite_{new_secret()}"
    made = tx.write_returning(
        Invitation,
        _INSERT,
        id=new_id(),
        workspace_id=scope.workspace_id,
        email=new.email,
        role=new.role,
        token_hash=hash_of(token),
        expires_at=at + timedelta(seconds=new.expires_in_seconds),
        accepted_at=None,
        created_at=at,
        updated_at=at,
    )
    assert made is not None
    view = invitation_view(made)
    record(tx, scope.actor, "create_invitation", ("invitation", made.id), scope.workspace_id, role=made.role)
    shown = view.model_dump(mode="json")
    tx.emit(scope.workspace_id, ResourceChanged(resource="invitation", id=made.id, change="created", view=shown))
    return MadeInvitation(**view.model_dump(), token=token)


def delete_invitation(tx: Tx, scope: Scope, invitation_id: str) -> None:
    """Raises NoSuchInvitation."""
    known = hold_invitation_of_id(tx, scope, invitation_id)
    tx.write(_DELETE, {"this": known.id})
    record(tx, scope.actor, "delete_invitation", ("invitation", known.id), scope.workspace_id)
    _tell_gone(tx, known)


def accept_as_caller(tx: Tx, caller: Caller, token: str) -> Joined:
    """Raises NoAccount, NoSuchInvitation, AlreadyMember."""
    user = get_user(tx, own_id(caller))
    return accept_invitation(tx, token, user, caller.actor.address)


def accept_invitation(tx: Tx, token: str, user: User, address: str | None = None) -> Joined:
    """The user becomes a member; `address` is where he calls from.

    Raises NoSuchInvitation for one that has expired, was used or is somebody else's too, and AlreadyMember.
    """
    known = hold_invitation(tx, hash_of(token))
    if known.email is not None and email_key(known.email) != user.email_key:
        raise NoSuchInvitation
    member = add_member(tx, known.workspace_id, user.id, role_of(known.role))
    tx.write(_ACCEPT, {"this": known.id, "at": now()})
    actor = Actor("user", user.id, user.full_name or user.email, address)
    record(tx, actor, "accept_invitation", ("invitation", known.id), known.workspace_id, role=known.role)
    _tell_gone(tx, known)
    return Joined.model_validate({"workspace_id": known.workspace_id, "role": member.role})


def invitation_view(invitation: Invitation) -> InvitationView:
    return InvitationView(**{name: getattr(invitation, name) for name in InvitationView.model_fields})


def _tell_gone(tx: Tx, known: Invitation) -> None:
    """Accepted or taken back: nobody can accept it any more."""
    gone = ResourceChanged(resource="invitation", id=known.id, change="deleted", view=None)
    tx.emit(known.workspace_id, gone)
