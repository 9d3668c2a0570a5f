"""Logging in, staying in and logging out."""

from dataclasses import dataclass

from folkmoot.accounts.authentication import Accounts
from folkmoot.accounts.emails import email_key
from folkmoot.accounts.queries import actor_of, find_session, find_user, find_user_of_email
from folkmoot.accounts.rules import OPERATOR, Caller
from folkmoot.accounts.schemas import LoginView, TicketView
from folkmoot.accounts.sessions import Rotation, open_session, prune_sessions, revoke_family, rotate
from folkmoot.accounts.tables import User
from folkmoot.accounts.throttle import Subjects, count_attempt, forgive, prune_attempts, subjects_of
from folkmoot.accounts.tickets import TICKET_SECONDS, add_ticket, prune_tickets
from folkmoot.accounts.tokens import Claims, hash_of, is_same, new_secret
from folkmoot.accounts.users import user_view
from folkmoot.audit.service import record
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.scope import LOCAL_OWNER_ID, Actor

_STRANGER = "unknown"
_OPERATORS_ACCOUNT = "the admin token"


class WrongCredentials(Problem):
    """The login is not right"""

    status = 401


@dataclass(frozen=True, slots=True)
class Opened:
    """A login that succeeded: what is answered, and the refresh token for the cookie."""

    view: LoginView
    refresh_token: str


async def login(db: Database, accounts: Accounts, name: str, password: str, address: str | None) -> Opened:
    """By e-mail address and password. Raises WrongCredentials, whoever is unknown, and TooManyLogins."""
    key = email_key(name)
    subjects = subjects_of(key, address)
    known = await db.write(_begin, subjects, key)
    is_right = await accounts.passwords.is_right(password, None if known is None else known.password_hash)
    if known is None or not known.is_active or not is_right:
        await db.write(_fail, "login", None if known is None else known.id, address)
        raise WrongCredentials
    refresh_token = new_secret()
    opened = await db.write(_open, known, subjects, hash_of(refresh_token), address)
    return _opened(accounts, *opened, refresh_token)


async def login_by_token(db: Database, accounts: Accounts, token: str, address: str | None) -> Opened:
    """By the admin token. Raises WrongCredentials, TooManyLogins."""
    subjects = subjects_of(_OPERATORS_ACCOUNT, address)
    await db.write(count_attempt, subjects, now())
    if not is_same(token, accounts.settings.admin_token):
        await db.write(_fail, "login_by_token", LOCAL_OWNER_ID, address)
        raise WrongCredentials
    refresh_token = new_secret()
    family_id = await db.write(_open_operators, subjects, hash_of(refresh_token), address)
    return _opened(accounts, family_id, None, refresh_token)


async def refresh(db: Database, accounts: Accounts, refresh_token: str | None, address: str | None) -> Opened:
    """A new access and a new refresh token for one that was never used. Raises WrongCredentials."""
    new_token = new_secret()
    rotation = await db.write(_rotate, hash_of(refresh_token or ""), hash_of(new_token), address)
    if not rotation.is_good or rotation.family_id is None:
        accounts.forget()
        raise WrongCredentials
    return _opened(accounts, rotation.family_id, rotation.user, new_token)


async def logout(
    db: Database, accounts: Accounts, caller: Caller | None, refresh_token: str | None, address: str | None
) -> None:
    """End the session of the caller and that of the refresh token; who has none is logged out already."""
    await db.write(_log_out, caller, None if refresh_token is None else hash_of(refresh_token), address)
    accounts.forget()


async def create_socket_ticket(db: Database, caller: Caller) -> TicketView:
    ticket = new_secret()
    await db.write(add_ticket, hash_of(ticket), caller, now())
    return TicketView(ticket=ticket, expires_in=TICKET_SECONDS)


async def prune(db: Database) -> None:
    """Delete what has expired: sessions, tickets, counts of failed logins."""
    await db.write(_prune)


def _opened(accounts: Accounts, family_id: str, user: User | None, refresh_token: str) -> Opened:
    token = accounts.tokens.make(Claims(LOCAL_OWNER_ID if user is None else user.id, family_id))
    return Opened(LoginView(access_token=token, user=None if user is None else user_view(user)), refresh_token)


def _begin(tx: Tx, subjects: Subjects, email_key: str) -> User | None:
    count_attempt(tx, subjects, now())
    return find_user_of_email(tx, email_key)


def _fail(tx: Tx, verb: str, user_id: str | None, address: str | None) -> None:
    stranger = Actor("user", _STRANGER, _STRANGER, address)
    record(tx, stranger, verb, ("user", user_id), outcome="failed")


def _open(tx: Tx, proved: User, subjects: Subjects, refresh_hash: str, address: str | None) -> tuple[str, User]:
    """Raises WrongCredentials where the user was changed while the password was looked at."""
    user = find_user(tx, proved.id)
    if user is None or not user.is_active or user.password_hash != proved.password_hash:
        raise WrongCredentials
    forgive(tx, subjects)
    family_id = open_session(tx, user.id, refresh_hash, now())
    record(tx, _from(actor_of(user), address), "login", ("user", user.id), outcome="ok")
    return family_id, user


def _open_operators(tx: Tx, subjects: Subjects, refresh_hash: str, address: str | None) -> str:
    forgive(tx, subjects)
    family_id = open_session(tx, None, refresh_hash, now())
    record(tx, _from(OPERATOR.actor, address), "login_by_token", ("user", LOCAL_OWNER_ID), outcome="ok")
    return family_id


def _rotate(tx: Tx, hash: str, new_hash: str, address: str | None) -> Rotation:
    rotation = rotate(tx, hash, new_hash, now())
    if rotation.was_used_before:
        user_id = LOCAL_OWNER_ID if rotation.user is None else rotation.user.id
        stranger = Actor("user", _STRANGER, _STRANGER, address)
        record(tx, stranger, "refresh_login", ("user", user_id), outcome="reused", session=rotation.family_id)
    return rotation


def _log_out(tx: Tx, caller: Caller | None, refresh_hash: str | None, address: str | None) -> None:
    at = now()
    if caller is not None and caller.credential == "session":
        revoke_family(tx, caller.credential_id, at)
        record(tx, caller.actor, "logout", ("user", caller.actor.id))
    session = None if refresh_hash is None else find_session(tx, refresh_hash)
    if session is None or session.revoked_at is not None:
        return
    revoke_family(tx, session.family_id, at)
    user = None if session.user_id is None else find_user(tx, session.user_id)
    actor = _from(OPERATOR.actor if user is None else actor_of(user), address)
    record(tx, actor, "logout", ("user", actor.id))


def _prune(tx: Tx) -> None:
    at = now()
    prune_sessions(tx, at)
    prune_tickets(tx, at)
    prune_attempts(tx, at)


def _from(actor: Actor, address: str | None) -> Actor:
    return Actor(actor.kind, actor.id, actor.name, address)
