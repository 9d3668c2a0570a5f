"""A vault with a made-up key of the server's, and names for what is put into it."""

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.providers.vault import Vault

OLD, NEW = b"o" * 32, b"n" * 32
OWN = "sk-own-canary-0123456789abcdefXYZ"
OPERATOR = Actor("user", "local", "local owner", "127.0.0.1")


def vault_of(db: Database, current: bytes = NEW, *previous: bytes) -> Vault:
    return Vault(db, (current, *previous))


def acting(scope: Scope) -> Scope:
    return Scope(scope.workspace_id, scope.project_id, OPERATOR)
