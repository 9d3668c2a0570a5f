"""Every SELECT of accounts that a request waits for, and the callers made of what they find."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from folkmoot.accounts.rules import OPERATOR, Caller, role_left
from folkmoot.accounts.tables import ApiKey, User, UserSession
from folkmoot.accounts.tokens import is_same
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import LOCAL_OWNER_ID, Actor, Role

USE_NOTED_SECONDS = 60
"""How exact `last_used_at` of an API key is."""

_HAS_USERS = sa.select(sa.exists().where(User.id.is_not(None)))
_USER = sa.select(User.__table__).where(User.id == sa.bindparam("id"))
_USER_OF_EMAIL = sa.select(User.__table__).where(User.email_key == sa.bindparam("email_key"))
_LIVING = UserSession.revoked_at.is_(None)
_SESSION = sa.select(UserSession.__table__).where(UserSession.family_id == sa.bindparam("family_id"), _LIVING).limit(1)
_SESSION_OF_HASH = sa.select(UserSession.__table__).where(UserSession.refresh_hash == sa.bindparam("hash"))
_KEY = sa.select(ApiKey.__table__).where(ApiKey.prefix == sa.bindparam("prefix"))
_KEY_OF_ID = sa.select(ApiKey.__table__).where(ApiKey.id == sa.bindparam("id"))
_NOTE_USE = (
    sa.update(ApiKey)
    .where(
        ApiKey.id == sa.bindparam("this"),
        sa.or_(
            ApiKey.last_used_at.is_(None),
            ApiKey.last_used_at <= sa.bindparam("before", type_=ApiKey.last_used_at.type),
        ),
    )
    .values(last_used_at=sa.bindparam("at", type_=ApiKey.last_used_at.type))
)


def has_users(tx: Tx) -> bool:
    return bool(tx.scalar(_HAS_USERS))


def find_user(tx: Tx, user_id: str) -> User | None:
    return tx.first(User, _USER, id=user_id)


def find_user_of_email(tx: Tx, email_key: str) -> User | None:
    return tx.first(User, _USER_OF_EMAIL, email_key=email_key)


def find_session(tx: Tx, refresh_hash: str) -> UserSession | None:
    return tx.first(UserSession, _SESSION_OF_HASH, hash=refresh_hash)


def find_caller_of_session(tx: Tx, family_id: str, subject: str | None = None) -> Caller | None:
    """Who is logged in; None once they are logged out or deactivated. `subject` is who the token says it is."""
    session = tx.first(UserSession, _SESSION, family_id=family_id)
    if session is None or subject not in (None, session.user_id or LOCAL_OWNER_ID):
        return None
    if session.user_id is None:
        return Caller(OPERATOR.actor, "session", family_id, is_admin=True)
    user = find_user(tx, session.user_id)
    if user is None or not user.is_active:
        return None
    return Caller(actor_of(user), "session", family_id, is_admin=user.is_admin)


@dataclass(frozen=True, slots=True)
class KeyFound:
    caller: Caller
    is_use_to_note: bool


def find_caller_of_key(tx: Tx, prefix: str, hash: str, at: datetime) -> KeyFound | None:
    """Whose key that is; None of one that is unknown, wrong, revoked, expired or of somebody deactivated."""
    key = tx.first(ApiKey, _KEY, prefix=prefix)
    if key is None or not is_same(key.hash, hash):
        return None
    caller = _caller_of(tx, key, at)
    if caller is None:
        return None
    noted = key.last_used_at
    return KeyFound(caller, noted is None or at - noted >= timedelta(seconds=USE_NOTED_SECONDS))


def find_caller_of_key_id(tx: Tx, key_id: str, at: datetime) -> Caller | None:
    key = tx.first(ApiKey, _KEY_OF_ID, id=key_id)
    return None if key is None else _caller_of(tx, key, at)


def _caller_of(tx: Tx, key: ApiKey, at: datetime) -> Caller | None:
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= at):
        return None
    user = find_user(tx, key.user_id)
    if user is None or not user.is_active:
        return None
    at_most = role_left(key.scopes)
    is_admin = user.is_admin and at_most is Role.OWNER and key.workspace_id is None
    return Caller(actor_of(user), "api_key", key.id, is_admin, at_most, key.workspace_id)


def actor_of(user: User) -> Actor:
    return Actor("user", user.id, user.full_name or user.email)


def note_use(tx: Tx, key_id: str, at: datetime) -> None:
    """At most once a minute, whoever asks."""
    tx.write(_NOTE_USE, {"this": key_id, "at": at, "before": at - timedelta(seconds=USE_NOTED_SECONDS)})
