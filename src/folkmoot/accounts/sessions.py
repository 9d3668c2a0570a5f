"""Sessions: families of refresh tokens, each used once; a token that comes twice ends its family."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from folkmoot.accounts.queries import find_session, find_user
from folkmoot.accounts.tables import User, UserSession
from folkmoot.accounts.tokens import REFRESH_SECONDS
from folkmoot.db.tx import Tx
from folkmoot.kernel.ids import new_id

_COLUMNS = UserSession.__table__.c
_AT = _COLUMNS.revoked_at.type
_INSERT = sa.insert(UserSession)
_USE = (
    sa.update(UserSession)
    .where(
        UserSession.refresh_hash == sa.bindparam("hash"),
        UserSession.used_at.is_(None),
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > sa.bindparam("at", type_=_AT),
    )
    .values(used_at=sa.bindparam("at", type_=_AT), updated_at=sa.bindparam("at", type_=_AT))
    .returning(*_COLUMNS)
)
_REVOKED = {"revoked_at": sa.bindparam("at", type_=_AT), "updated_at": sa.bindparam("at", type_=_AT)}
_REVOKE_FAMILY = (
    sa.update(UserSession)
    .where(UserSession.family_id == sa.bindparam("family"), UserSession.revoked_at.is_(None))
    .values(_REVOKED)
)
_PRUNE = sa.delete(UserSession).where(UserSession.expires_at <= sa.bindparam("at", type_=_AT))


@dataclass(frozen=True, slots=True)
class Rotation:
    """What became of a refresh token. `family_id` is None where nobody knows it; `user` of the operator's too."""

    family_id: str | None = None
    user: User | None = None
    is_good: bool = False
    was_used_before: bool = False


def open_session(tx: Tx, user_id: str | None, refresh_hash: str, at: datetime) -> str:
    """The id of a new family; `user_id` is None of the operator."""
    family_id = new_id()
    _add(tx, family_id, user_id, refresh_hash, at)
    return family_id


def rotate(tx: Tx, hash: str, new_hash: str, at: datetime) -> Rotation:
    """Put a new refresh token in the place of this one, or end the family if it came a second time."""
    used = tx.write_returning(UserSession, _USE, hash=hash, at=at)
    if used is None:
        return _not_good(tx, hash, at)
    user = None if used.user_id is None else find_user(tx, used.user_id)
    if user is not None and not user.is_active:
        revoke_family(tx, used.family_id, at)
        return Rotation(used.family_id, user)
    _add(tx, used.family_id, used.user_id, new_hash, at)
    return Rotation(used.family_id, user, is_good=True)


def _not_good(tx: Tx, hash: str, at: datetime) -> Rotation:
    known = find_session(tx, hash)
    if known is None:
        return Rotation()
    user = None if known.user_id is None else find_user(tx, known.user_id)
    is_reuse = known.used_at is not None and known.revoked_at is None
    if is_reuse:
        revoke_family(tx, known.family_id, at)
    return Rotation(known.family_id, user, was_used_before=is_reuse)


def revoke_family(tx: Tx, family_id: str, at: datetime) -> None:
    """Its access tokens are good for at most a second more."""
    tx.write(_REVOKE_FAMILY, {"family": family_id, "at": at})


def prune_sessions(tx: Tx, at: datetime) -> None:
    tx.write(_PRUNE, {"at": at})


def _add(tx: Tx, family_id: str, user_id: str | None, refresh_hash: str, at: datetime) -> None:
    tx.write(
        _INSERT,
        {
            "id": new_id(),
            "user_id": user_id,
            "family_id": family_id,
            "refresh_hash": refresh_hash,
            "expires_at": at + timedelta(seconds=REFRESH_SECONDS),
            "created_at": at,
            "updated_at": at,
        },
    )
