"""API keys: made, listed, revoked. What is stored of one is its beginning, to find it by, and the hash of the whole."""

import sqlalchemy as sa

from folkmoot.accounts import user_queries as queries
from folkmoot.accounts.key_schemas import ApiKeyView, MadeApiKey, NewApiKey
from folkmoot.accounts.rules import Caller
from folkmoot.accounts.tables import ApiKey
from folkmoot.accounts.tokens import new_key
from folkmoot.accounts.user_queries import KEY_COLUMNS, get_api_key
from folkmoot.accounts.users import hold_own, own_id, own_id_in_session
from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.ids import new_id

_INSERT = sa.insert(ApiKey).returning(*KEY_COLUMNS)
_AT = sa.bindparam("at", type_=KEY_COLUMNS.revoked_at.type)
_REVOKE = (
    sa.update(ApiKey)
    .where(ApiKey.id == sa.bindparam("this"), ApiKey.revoked_at.is_(None))
    .values(revoked_at=_AT, updated_at=_AT)
)


class ExpiryPassed(Invalid):
    """expires_at lies in the past"""


def create_api_key(tx: Tx, caller: Caller, new: NewApiKey) -> MadeApiKey:
    """Whether the caller is in `workspace_id` is for the room above to ask.

    Raises NoAccount, SessionNeeded, NotAuthenticated, ExpiryPassed.
    """
    user_id, at = hold_own(tx, caller).id, now()
    if new.expires_at is not None and new.expires_at <= at:
        raise ExpiryPassed
    key = new_key()
    made = tx.write_returning(
        ApiKey,
        _INSERT,
        id=new_id(),
        user_id=user_id,
        workspace_id=None if new.workspace_id is None else new.workspace_id.lower(),
        name=new.name,
        prefix=key.prefix,
        hash=key.hash,
        scopes=[scope.value for scope in new.scopes],
        expires_at=new.expires_at,
        created_at=at,
        updated_at=at,
    )
    assert made is not None
    record(tx, caller.actor, "create_api_key", ("api_key", made.id), made.workspace_id, scopes=[*made.scopes])
    return MadeApiKey(key=key.text, **api_key_view(made).model_dump())


def list_api_keys(tx: Tx, caller: Caller, skip: int, limit: int) -> tuple[list[ApiKey], int]:
    """The caller's own, newest first, with the total. Raises NoAccount."""
    return queries.list_api_keys(tx, own_id(caller), skip, limit)


def revoke_api_key(tx: Tx, caller: Caller, key_id: str) -> None:
    """One that is revoked already stays so. Raises NoAccount, SessionNeeded, NoSuchApiKey."""
    known = get_api_key(tx, own_id_in_session(caller), key_id)
    if tx.write(_REVOKE, {"this": known.id, "at": now()}):
        record(tx, caller.actor, "revoke_api_key", ("api_key", known.id), known.workspace_id)


def api_key_view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(**{name: getattr(key, name) for name in ApiKeyView.model_fields})
