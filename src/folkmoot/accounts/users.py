"""Users: made, changed, sent away. To a unit a password comes as its hash: hashing one is too slow for it."""

import sqlalchemy as sa

from folkmoot.accounts.authentication import NotAuthenticated
from folkmoot.accounts.emails import email_key
from folkmoot.accounts.passwords import Passwords
from folkmoot.accounts.queries import find_user_of_email
from folkmoot.accounts.rules import Caller
from folkmoot.accounts.tables import ApiKey, User, UserSession
from folkmoot.accounts.throttle import count_attempt, forgive, subjects_of
from folkmoot.accounts.user_queries import USER_COLUMNS, find_and_hold_user, get_user, hold_admins, hold_user
from folkmoot.accounts.user_schemas import NewUser, OwnChange, PasswordChange, Registration, UserChange, UserView
from folkmoot.audit.service import record
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Forbidden
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json

_INSERT = sa.insert(User).returning(*USER_COLUMNS)
_CHANGED = ("full_name", "is_active", "is_admin", "password_hash")
_NEW = {name: sa.bindparam(f"new_{name}", type_=USER_COLUMNS[name].type) for name in (*_CHANGED, "updated_at")}
_CHANGE = (
    sa.update(User)
    .where(User.id == sa.bindparam("this"))
    .values({name: sa.func.coalesce(new, USER_COLUMNS[name]) for name, new in _NEW.items()})
    .returning(*USER_COLUMNS)
)

_AT = sa.bindparam("at", type_=USER_COLUMNS.updated_at.type)
_END_SESSIONS = (
    sa.update(UserSession)
    .where(
        UserSession.user_id == sa.bindparam("whose"),
        UserSession.family_id != sa.bindparam("but"),
        UserSession.revoked_at.is_(None),
    )
    .values(revoked_at=_AT, updated_at=_AT)
)
_END_KEYS = (
    sa.update(ApiKey)
    .where(ApiKey.user_id == sa.bindparam("whose"), ApiKey.revoked_at.is_(None))
    .values(revoked_at=_AT, updated_at=_AT)
)


class EmailTaken(Conflict):
    """There is a user with that e-mail address"""


class LastAdmin(Conflict):
    """The last active admin stays"""

    hint = "Make another user an admin first"


class NoAccount(Conflict):
    """Whoever calls without an account has no keys, password or profile of their own"""

    hint = "Make a user first: POST /api/users, or folkmoot users create-admin"


class SessionNeeded(Forbidden):
    """This needs a login: an API key cannot do it"""

    hint = "Log in with e-mail address and password"


class WrongPassword(Forbidden):
    """The current password is another one"""


def own_id(caller: Caller) -> str:
    """The id of the caller's own row among the users. Raises NoAccount."""
    if caller.is_everywhere:
        raise NoAccount
    return caller.actor.id


def own_id_in_session(caller: Caller) -> str:
    """As own_id, where nobody may stand in for the person. Raises NoAccount, SessionNeeded."""
    user_id = own_id(caller)
    if caller.credential != "session":
        raise SessionNeeded
    return user_id


def check_is_person(caller: Caller) -> None:
    """A key that could make its own way in would outlive being revoked. Raises SessionNeeded."""
    if caller.credential == "api_key":
        raise SessionNeeded


def hold_own(tx: Tx, caller: Caller) -> User:
    """The caller's own row; until the unit ends nobody sends him away, so nothing he makes here outlives that.

    Raises NoAccount, SessionNeeded, NotAuthenticated.
    """
    known = find_and_hold_user(tx, own_id_in_session(caller))
    if known is None or not known.is_active:
        raise NotAuthenticated
    return known


def get_own(tx: Tx, caller: Caller) -> User:
    """Raises NoAccount, NoSuchUser."""
    return get_user(tx, own_id(caller))


def add_user(tx: Tx, new: NewUser | Registration, password_hash: str, *, is_admin: bool) -> User:
    """The row alone; whoever makes a user holds what two who do so at once would fight over. Raises EmailTaken."""
    key = email_key(new.email)
    if find_user_of_email(tx, key) is not None:
        raise EmailTaken
    at = now()
    made = tx.write_returning(
        User,
        _INSERT,
        id=new_id(),
        email=new.email,
        email_key=key,
        full_name=new.full_name,
        password_hash=password_hash,
        is_admin=is_admin,
        is_active=True,
        created_at=at,
        updated_at=at,
    )
    assert made is not None
    return made


async def change_user(db: Database, passwords: Passwords, caller: Caller, user_id: str, change: UserChange) -> User:
    """One who may no longer log in loses sessions and keys for good.

    Raises NoSuchUser, LastAdmin, SessionNeeded where an API key would set a password or make an admin.
    """
    if change.password is not None or change.is_admin is not None:
        check_is_person(caller)
    password_hash = None if change.password is None else await passwords.hash(change.password)
    return await db.write(_change_user, caller, user_id, change, password_hash)


def _change_user(tx: Tx, caller: Caller, user_id: str, change: UserChange, password_hash: str | None) -> User:
    if change.is_active is False or change.is_admin is False:
        check_not_last(tx, user_id)
    known = hold_user(tx, user_id)
    changed = _store(tx, known, password_hash=password_hash, **change.model_dump(exclude={"password"}))
    if not changed.is_active:
        tx.write(_END_KEYS, {"whose": changed.id, "at": now()})
    if password_hash is not None or not changed.is_active:
        end_sessions(tx, changed.id)
    record(tx, caller.actor, "change_user", ("user", changed.id), None, **_told(change))
    return changed


def change_me(tx: Tx, caller: Caller, change: OwnChange) -> User:
    """Raises NoAccount, SessionNeeded, NotAuthenticated."""
    changed = _store(tx, hold_own(tx, caller), **change.model_dump())
    record(tx, caller.actor, "change_me", ("user", changed.id), None, **_told(change))
    return changed


async def change_password(db: Database, passwords: Passwords, caller: Caller, change: PasswordChange) -> None:
    """Ends all sessions but the caller's. A wrong current password counts as a failed login.

    Raises NoAccount, SessionNeeded, NotAuthenticated, WrongPassword, TooManyLogins.
    """
    known = await db.write(_begin_change, caller)
    if not await passwords.is_right(change.current_password, known.password_hash):
        raise WrongPassword
    await db.write(_change_password, caller, known.password_hash, await passwords.hash(change.new_password))


def _begin_change(tx: Tx, caller: Caller) -> User:
    known = hold_own(tx, caller)
    count_attempt(tx, subjects_of(known.email_key, caller.actor.address), now())
    return known


def _change_password(tx: Tx, caller: Caller, proved_hash: str, password_hash: str) -> None:
    known = hold_own(tx, caller)
    if known.password_hash != proved_hash:
        raise WrongPassword
    forgive(tx, subjects_of(known.email_key, caller.actor.address))
    _store(tx, known, password_hash=password_hash)
    end_sessions(tx, known.id, but_family_id=caller.credential_id)
    record(tx, caller.actor, "change_password", ("user", known.id))


def logout_everywhere(tx: Tx, caller: Caller) -> None:
    """Ends all sessions of the caller, this one too. Raises NoAccount, SessionNeeded, NotAuthenticated."""
    known = hold_own(tx, caller)
    end_sessions(tx, known.id)
    record(tx, caller.actor, "logout_everywhere", ("user", known.id))


def end_sessions(tx: Tx, user_id: str, but_family_id: str = "") -> None:
    """All of the user's but the one of that family. The user's row is held: no session goes on or begins meanwhile."""
    tx.write(_END_SESSIONS, {"whose": user_id, "but": but_family_id, "at": now()})


def user_view(user: User) -> UserView:
    return UserView(**{name: getattr(user, name) for name in UserView.model_fields})


def check_not_last(tx: Tx, user_id: str) -> None:
    """Raises LastAdmin; until the unit ends nobody else sends an admin away."""
    if hold_admins(tx) == {user_id.lower()}:
        raise LastAdmin


def _store(tx: Tx, known: User, **new: object) -> User:
    """What is null stays."""
    values = {f"new_{name}": new.get(name) for name in _CHANGED}
    changed = tx.write_returning(User, _CHANGE, this=known.id, new_updated_at=now(), **values)
    assert changed is not None
    return changed


def _told(change: UserChange | OwnChange) -> dict[str, Json]:
    """Which parts were changed, and what a switch was set to."""
    given = {name: value for name, value in change.model_dump().items() if value is not None}
    return {"changed": [*given], **{name: value for name, value in given.items() if isinstance(value, bool)}}
