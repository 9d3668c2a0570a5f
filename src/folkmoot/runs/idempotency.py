"""Idempotency-Key: for 24 hours the same key with the same body is the same run, with another body a conflict.

What is started need not be a run: of what is said in a room it is the message.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.json import Json, canonical
from folkmoot.kernel.scope import Scope
from folkmoot.runs.tables import IdempotencyKey

KEPT = timedelta(hours=24)

_FIND = sa.select(*IdempotencyKey.__table__.columns).where(
    IdempotencyKey.workspace_id == sa.bindparam("workspace_id"),
    IdempotencyKey.actor == sa.bindparam("actor"),
    IdempotencyKey.key == sa.bindparam("key"),
    IdempotencyKey.expires_at > sa.bindparam("at"),
)
_FORGET = sa.delete(IdempotencyKey).where(
    IdempotencyKey.workspace_id == sa.bindparam("workspace"), IdempotencyKey.expires_at <= sa.bindparam("at")
)
_INSERT = {
    "sqlite": sqlite.insert(IdempotencyKey).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(IdempotencyKey).on_conflict_do_nothing(),
}


class KeyReused(Conflict):
    """This Idempotency-Key was used for another request"""


class KeyInUse(Conflict):
    """A request with this Idempotency-Key is being carried out right now"""

    retryable = True


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A client's key, and what it stands for: the route and the hash of its body."""

    key: str
    route: str
    body_hash: str


def request_key(key: str | None, route: str, body: BaseModel | Json) -> RequestKey | None:
    """None where the client gave no key; a model of the body stands for what was sent of it."""
    if key is None:
        return None
    sent = body.model_dump(mode="json", exclude_unset=True) if isinstance(body, BaseModel) else body
    return RequestKey(key, route, sha256(canonical(sent)).hexdigest())


def recall(tx: Tx, scope: Scope, given: RequestKey) -> str | None:
    """The id of what this key has started, None for a new key. Raises KeyReused. For reading, before any write."""
    values = {"workspace_id": scope.workspace_id, "actor": _actor(scope), "key": given.key, "at": now()}
    known = tx.first(IdempotencyKey, _FIND, **values)
    if known is None:
        return None
    if (known.route, known.body_hash) != (given.route, given.body_hash):
        raise KeyReused
    return known.run_id


def remember(tx: Tx, scope: Scope, given: RequestKey, run_id: str) -> None:
    """Tie the key to the run, in the unit that starts it. Raises KeyInUse where another process was faster."""
    at = now()
    tx.write(_FORGET, {"workspace": scope.workspace_id, "at": at})
    row = {
        "workspace_id": scope.workspace_id,
        "actor": _actor(scope),
        "key": given.key,
        "route": given.route,
        "body_hash": given.body_hash,
        "run_id": run_id,
        "expires_at": at + KEPT,
    }
    if tx.write(_INSERT[tx.dialect], row) == 0:
        raise KeyInUse


def _actor(scope: Scope) -> str:
    return f"{scope.actor.kind}:{scope.actor.id}"
