"""Users come and go with their places: the first one owns all there is, each later one a workspace of his own."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from folkmoot.accounts import api_keys
from folkmoot.accounts.authentication import Accounts, NotAuthenticated
from folkmoot.accounts.emails import email_key
from folkmoot.accounts.key_schemas import MadeApiKey, NewApiKey
from folkmoot.accounts.passwords import Passwords
from folkmoot.accounts.queries import actor_of, has_users
from folkmoot.accounts.rules import Caller
from folkmoot.accounts.tables import User
from folkmoot.accounts.tokens import hash_of
from folkmoot.accounts.user_queries import hold_user
from folkmoot.accounts.user_schemas import NewUser, Registration
from folkmoot.accounts.users import add_user, check_is_person, check_not_last, own_id_in_session
from folkmoot.audit.service import record
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.errors import Conflict, Forbidden
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.scope import Role
from folkmoot.workspaces.above import RoomsAbove
from folkmoot.workspaces.invitations import accept_invitation
from folkmoot.workspaces.member_queries import NoSuchInvitation, hold_invitation
from folkmoot.workspaces.members import add_member
from folkmoot.workspaces.people_queries import all_workspace_ids, workspace_ids_of
from folkmoot.workspaces.queries import NoSuchWorkspace, find_seat, hold_slugs
from folkmoot.workspaces.schemas import NewTenant
from folkmoot.workspaces.service import create_workspace

_DELETE = sa.delete(User).where(User.id == sa.bindparam("this"))


class RegistrationClosed(Forbidden):
    """An account needs an invitation"""

    hint = "Ask an admin for an invitation or an account"


class FirstNeedsNoInvitation(Conflict):
    """The first user is its admin and is made without an invitation"""

    hint = "Register without one, or make the admin first"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever registers: from where, and whether as the local owner."""

    address: str | None
    is_local: bool


async def create_user(db: Database, above: RoomsAbove, accounts: Accounts, caller: Caller, new: NewUser) -> User:
    """Raises EmailTaken, SessionNeeded where an API key would make an admin, and NotAuthenticated where local mode
    has ended meanwhile.
    """
    if new.is_admin:
        check_is_person(caller)
    must_be_first = caller.credential == "local" and not accounts.settings.is_private
    password_hash = await accounts.passwords.hash(new.password)
    return await db.write(_create_user, above, caller, new, password_hash, must_be_first=must_be_first)


def _create_user(
    tx: Tx, above: RoomsAbove, caller: Caller, new: NewUser, password_hash: str, *, must_be_first: bool
) -> User:
    hold_slugs(tx)
    is_first = not has_users(tx)
    if must_be_first and not is_first:
        raise NotAuthenticated
    user = add_user(tx, new, password_hash, is_admin=is_first or new.is_admin)
    record(tx, caller.actor, "create_user", ("user", user.id), is_admin=user.is_admin)
    if is_first:
        _own_everything(tx, above, user)
    else:
        create_workspace(tx, above, actor_of(user), NewTenant(name=_name_of(user)))
    return user


async def register(db: Database, above: RoomsAbove, passwords: Passwords, visitor: Visitor, new: Registration) -> User:
    """Without an invitation only the first user, and only in local mode.

    Raises RegistrationClosed, NoSuchInvitation, EmailTaken.
    """
    await db.write(_may_be_first, visitor, new)  # asked before the hash, which costs far more
    return await db.write(_register, above, visitor, new, await passwords.hash(new.password))


def _register(tx: Tx, above: RoomsAbove, visitor: Visitor, new: Registration, password_hash: str) -> User:
    is_first = _may_be_first(tx, visitor, new)
    user = add_user(tx, new, password_hash, is_admin=is_first)
    actor = replace(actor_of(user), address=visitor.address)
    record(tx, actor, "register", ("user", user.id), is_admin=is_first)
    if is_first:
        _own_everything(tx, above, user)
    else:
        accept_invitation(tx, new.invitation or "", user, visitor.address)
    return user


def _may_be_first(tx: Tx, visitor: Visitor, new: Registration) -> bool:
    """Whether this is the first user. Nothing else is told to whoever has no invitation of his own.

    Raises FirstNeedsNoInvitation, RegistrationClosed, NoSuchInvitation.
    """
    hold_slugs(tx)
    is_first = visitor.is_local and not has_users(tx)
    if new.invitation is None:
        if not is_first:
            raise RegistrationClosed
        return True
    if is_first:
        raise FirstNeedsNoInvitation
    invited = hold_invitation(tx, hash_of(new.invitation))
    if invited.email is not None and email_key(invited.email) != email_key(new.email):
        raise NoSuchInvitation
    return False


def delete_user(tx: Tx, above: RoomsAbove, caller: Caller, user_id: str) -> None:
    """With sessions, keys, memberships and places in rooms; what the user wrote stays. Raises NoSuchUser, LastAdmin."""
    check_not_last(tx, user_id)
    known = hold_user(tx, user_id)
    for workspace_id in workspace_ids_of(tx, known.id):
        above.on_left(tx, workspace_id, known.id)
        tx.emit(workspace_id, ResourceChanged(resource="member", id=known.id, change="deleted", view=None))
    tx.write(_DELETE, {"this": known.id})
    record(tx, caller.actor, "delete_user", ("user", known.id))


def create_api_key(tx: Tx, caller: Caller, new: NewApiKey) -> MadeApiKey:
    """Raises NoAccount, SessionNeeded, NotAuthenticated, ExpiryPassed, NoSuchWorkspace."""
    user_id = own_id_in_session(caller)
    if new.workspace_id is not None:
        workspace_id = new.workspace_id.lower()
        if not is_id(workspace_id) or find_seat(tx, user_id, "id", workspace_id) is None:
            raise NoSuchWorkspace
    return api_keys.create_api_key(tx, caller, new)


def _own_everything(tx: Tx, above: RoomsAbove, user: User) -> None:
    """The workspace `default` first: the oldest membership is where calls go that name no workspace."""
    for workspace_id in all_workspace_ids(tx):
        add_member(tx, workspace_id, user.id, Role.OWNER)
    above.on_first(tx, user.id, _name_of(user))


def _name_of(user: User) -> str:
    return user.full_name or user.email.rpartition("@")[0]
