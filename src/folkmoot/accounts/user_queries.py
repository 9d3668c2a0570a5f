"""Every SELECT on users and their API keys, but for those of the door."""

import sqlalchemy as sa

from folkmoot.accounts.tables import ApiKey, User
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound

USER_COLUMNS = User.__table__.columns
KEY_COLUMNS = ApiKey.__table__.columns

_USERS = sa.select(*USER_COLUMNS)
_USER = _USERS.where(User.id == sa.bindparam("user_id"))
_HOLD_USER = _USER.with_for_update()
_COUNT_USERS = sa.select(sa.func.count()).select_from(User)

# Whoever holds the rows of all admins may take one away from them.
_HOLD_ADMINS = sa.select(User.id).where(User.is_admin, User.is_active).order_by(User.id).with_for_update()

_KEYS = sa.select(*KEY_COLUMNS).where(ApiKey.user_id == sa.bindparam("user_id"))
_KEY = _KEYS.where(ApiKey.id == sa.bindparam("key_id"))
_COUNT_KEYS = sa.select(sa.func.count()).select_from(ApiKey).where(ApiKey.user_id == sa.bindparam("user_id"))


class NoSuchUser(NotFound):
    """User not found"""


class NoSuchApiKey(NotFound):
    """API key not found"""


def get_user(tx: Tx, user_id: str) -> User:
    """Raises NoSuchUser."""
    found = tx.first(User, _USER, user_id=user_id.lower())
    if found is None:
        raise NoSuchUser
    return found


def find_and_hold_user(tx: Tx, user_id: str) -> User | None:
    """Until the unit ends nobody else changes the row."""
    return tx.first(User, _HOLD_USER, user_id=user_id.lower())


def hold_user(tx: Tx, user_id: str) -> User:
    """As find_and_hold_user. Raises NoSuchUser."""
    found = find_and_hold_user(tx, user_id)
    if found is None:
        raise NoSuchUser
    return found


def list_users(tx: Tx, skip: int, limit: int) -> tuple[list[User], int]:
    """Newest first, with the total."""
    total: int = tx.scalar(_COUNT_USERS)
    return tx.all(User, _USERS.order_by(User.id.desc()).offset(skip).limit(limit)), total


def hold_admins(tx: Tx) -> set[str]:
    """The ids of the active admins. Until the unit ends nobody else makes them fewer."""
    return {row.id for row in tx.all(User, _HOLD_ADMINS)}


def list_api_keys(tx: Tx, user_id: str, skip: int, limit: int) -> tuple[list[ApiKey], int]:
    """Newest first, those that are revoked or have expired too, with the total."""
    total: int = tx.scalar(_COUNT_KEYS, user_id=user_id)
    found = _KEYS.order_by(ApiKey.id.desc()).offset(skip).limit(limit)
    return tx.all(ApiKey, found, user_id=user_id), total


def get_api_key(tx: Tx, user_id: str, key_id: str) -> ApiKey:
    """Raises NoSuchApiKey, for another user's key too."""
    found = tx.first(ApiKey, _KEY, user_id=user_id, key_id=key_id.lower())
    if found is None:
        raise NoSuchApiKey
    return found
