"""Setting, deleting and re-encrypting secrets. Nothing that is told of them, here or in the audit log, is a value."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import iso, now
from folkmoot.kernel.errors import Conflict, Invalid
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.providers.cipher import Cipher, Unreadable
from folkmoot.providers.queries import SECRET_COLUMNS, count_secrets, find_secret, get_secret, list_not_current
from folkmoot.providers.rules import MOST_SECRETS, checked_value
from folkmoot.providers.schemas import SecretView, UnreadableSecret
from folkmoot.providers.tables import Secret

_INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(Secret),
    "postgresql": postgresql.insert(Secret),
}
_SET = {
    dialect: insert.on_conflict_do_update(
        index_elements=["workspace_id", "name"],
        set_={name: insert.excluded[name] for name in ("ciphertext", "key_version", "updated_at")},
    ).returning(*SECRET_COLUMNS)
    for dialect, insert in _INSERTS.items()
}
_DELETE = sa.delete(Secret).where(Secret.id == sa.bindparam("this"))
# Only over what was read: who sets a secret meanwhile has encrypted it with the current key himself.
_ENCRYPT_ANEW = (
    sa.update(Secret)
    .where(Secret.id == sa.bindparam("this"), Secret.ciphertext == sa.bindparam("read"))
    .values(ciphertext=sa.bindparam("written"), key_version=sa.bindparam("version"))
)


class TooManySecrets(Conflict):
    """The workspace keeps as many secrets as it may"""


class SecretNotUsable(Invalid):
    """The value cannot be a secret of this name"""


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of a rotation: what was done, and the id behind which the next part begins, None behind the last."""

    rotated: int
    unreadable: tuple[UnreadableSecret, ...]
    after: str | None


def set_secret(tx: Tx, scope: Scope, cipher: Cipher, name: str, value: str) -> Secret:
    """Make or replace it. Raises SecretNotUsable, TooManySecrets."""
    try:
        kept = checked_value(name, value)
    except ValueError as error:
        raise SecretNotUsable(f"The value {error}") from None
    is_new = find_secret(tx, scope, name) is None
    if is_new and count_secrets(tx, scope) >= MOST_SECRETS:
        raise TooManySecrets
    at = now()
    row = {
        "id": new_id(),
        "workspace_id": scope.workspace_id,
        "name": name,
        "ciphertext": cipher.encrypt(scope.workspace_id, name, kept),
        "key_version": cipher.version,
        "created_at": at,
        "updated_at": at,
    }
    secret = tx.write_returning(Secret, _SET[tx.dialect], **row)
    assert secret is not None, "it was written"
    _say(tx, scope, secret, "created" if is_new else "updated")
    record(tx, scope.actor, "set_secret", ("secret", secret.id), scope.workspace_id, name=name)
    return secret


def delete_secret(tx: Tx, scope: Scope, name: str) -> None:
    """Raises NoSuchSecret."""
    secret = get_secret(tx, scope, name)
    tx.write(_DELETE, {"this": secret.id})
    _say(tx, scope, secret, "deleted")
    record(tx, scope.actor, "delete_secret", ("secret", secret.id), scope.workspace_id, name=name)


def rotate_some(tx: Tx, cipher: Cipher, after: str, limit: int) -> Batch:
    """Encrypt anew what another key than the current one has encrypted; what cannot be read stays as it is."""
    rows = list_not_current(tx, cipher.version, after, limit)
    rotated, unreadable = 0, list[UnreadableSecret]()
    for row in rows:
        try:
            value = cipher.decrypt(row.workspace_id, row.name, row.ciphertext)
        except Unreadable:
            unreadable.append(UnreadableSecret(workspace_id=row.workspace_id, name=row.name))
            continue
        written = cipher.encrypt(row.workspace_id, row.name, value)
        given = {"this": row.id, "read": row.ciphertext, "written": written, "version": cipher.version}
        rotated += tx.write(_ENCRYPT_ANEW, given)
    return Batch(rotated, tuple(unreadable), rows[-1].id if len(rows) == limit else None)


def record_rotation(tx: Tx, actor: Actor, rotated: int, unreadable: int) -> None:
    record(tx, actor, "rotate_secrets", ("secret", None), None, rotated=rotated, unreadable=unreadable)


def secret_view(secret: Secret, cipher: Cipher) -> SecretView:
    return SecretView(
        name=secret.name,
        key=cipher.state(secret.key_version),
        created_at=secret.created_at,
        updated_at=secret.updated_at,
    )


def _say(tx: Tx, scope: Scope, secret: Secret, change: Literal["created", "updated", "deleted"]) -> None:
    """By its name, which is what the API knows it by. What was just written is encrypted with the current key."""
    shown: JsonObject = {
        "name": secret.name,
        "key": "current",
        "created_at": iso(secret.created_at),
        "updated_at": iso(secret.updated_at),
    }
    view = None if change == "deleted" else shown
    tx.emit(scope.workspace_id, ResourceChanged(resource="secret", id=secret.name, change=change, view=view))
