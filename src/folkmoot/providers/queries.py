"""Every SELECT on secrets."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.scope import Scope
from folkmoot.providers.rules import PROVIDER_KEYS
from folkmoot.providers.tables import Secret

SECRET_COLUMNS = Secret.__table__.columns
_SECRETS = sa.select(*SECRET_COLUMNS)
_HERE = Secret.workspace_id == sa.bindparam("workspace")
_LISTED = _SECRETS.where(_HERE).order_by(Secret.name).limit(sa.bindparam("rows")).offset(sa.bindparam("skip"))
_ALL = _SECRETS.where(_HERE)
_COUNT = sa.select(sa.func.count()).select_from(Secret).where(_HERE)
_NAMED = _SECRETS.where(_HERE, Secret.name == sa.bindparam("called"))
_KEYS = _SECRETS.where(_HERE, Secret.name.in_(PROVIDER_KEYS))
_NOT_CURRENT = (
    _SECRETS.where(Secret.key_version != sa.bindparam("current"), Secret.id > sa.bindparam("after"))
    .order_by(Secret.id)
    .limit(sa.bindparam("rows"))
)


class NoSuchSecret(NotFound):
    """Secret not found"""


def list_secrets(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[Secret], int]:
    """By name, and how many there are."""
    rows = tx.all(Secret, _LISTED, workspace=scope.workspace_id, rows=limit, skip=skip)
    return rows, count_secrets(tx, scope)


def list_all_secrets(tx: Tx, scope: Scope) -> list[Secret]:
    return tx.all(Secret, _ALL, workspace=scope.workspace_id)


def count_secrets(tx: Tx, scope: Scope) -> int:
    count: int = tx.scalar(_COUNT, workspace=scope.workspace_id)
    return count


def find_secret(tx: Tx, scope: Scope, name: str) -> Secret | None:
    return tx.first(Secret, _NAMED, workspace=scope.workspace_id, called=name)


def get_secret(tx: Tx, scope: Scope, name: str) -> Secret:
    """Raises NoSuchSecret."""
    return existing(find_secret(tx, scope, name), NoSuchSecret)


def list_provider_keys(tx: Tx, workspace_id: str) -> list[Secret]:
    """The workspace's own keys for language models."""
    return tx.all(Secret, _KEYS, workspace=workspace_id)


def own_providers(tx: Tx, scope: Scope) -> frozenset[str]:
    """The providers of language models that the workspace has a key of its own for."""
    return frozenset(PROVIDER_KEYS[secret.name] for secret in list_provider_keys(tx, scope.workspace_id))


def list_not_current(tx: Tx, version: str, after: str, limit: int) -> list[Secret]:
    """Secrets of all workspaces that another key than this version encrypts, by id, those behind `after`."""
    return tx.all(Secret, _NOT_CURRENT, current=version, after=after, rows=limit)
