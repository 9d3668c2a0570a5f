"""Secrets are kept as ciphertext, told of without their values, and survive a change of the server's key."""

import pytest
import sqlalchemy as sa

from folkmoot.audit.tables import AuditEntry
from folkmoot.db.base import Table
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.queries import list_events
from folkmoot.kernel.scope import Scope
from folkmoot.providers.queries import NoSuchSecret, list_secrets, own_providers
from folkmoot.providers.rules import MOST_SECRETS
from folkmoot.providers.service import SecretNotUsable, TooManySecrets, set_secret
from folkmoot.providers.tables import Secret
from tests.databases import new_scope
from tests.providers.support import NEW, OLD, OPERATOR, OWN, acting, vault_of

NAME = "openai_api_key"


def audited(tx: Tx, scope: Scope) -> list[AuditEntry]:
    entries = sa.select(*AuditEntry.__table__.columns).order_by(AuditEntry.id)
    return tx.all(AuditEntry, entries.where(AuditEntry.workspace_id == scope.workspace_id))


def everything(tx: Tx) -> str:
    return "\n".join(repr(tx.all(Table, sa.select(*table.columns))) for table in Table.metadata.sorted_tables)


async def test_set_replaced_deleted(db: Database, scope: Scope) -> None:
    scope, vault = acting(scope), vault_of(db)
    first = await vault.set(scope, NAME, OWN)
    second = await vault.set(scope, NAME, f"{OWN}-2\n")
    assert (first.name, first.key, first.created_at) == (NAME, "current", second.created_at)
    assert second.updated_at > first.updated_at
    assert await vault.keys_of(scope.workspace_id) == {"openai": f"{OWN}-2"}
    assert await db.read(own_providers, scope) == {"openai"}
    await vault.set(scope, "webhook", "any text: é")
    assert await db.read(own_providers, scope) == {"openai"}
    rows, total = await db.read(list_secrets, scope, 0, 50)
    assert ([row.name for row in rows], total) == ([NAME, "webhook"], 2)
    assert OWN not in await db.read(everything)
    await vault.delete(scope, NAME)
    assert await vault.keys_of(scope.workspace_id) == {}
    with pytest.raises(NoSuchSecret):
        await vault.delete(scope, NAME)


async def test_what_is_told_of_it(db: Database, scope: Scope) -> None:
    scope, vault = acting(scope), vault_of(db)
    await vault.set(scope, NAME, OWN)
    await vault.set(scope, NAME, OWN)
    await vault.delete(scope, NAME)
    events = await db.read(list_events, scope.workspace_id, 0, 10)
    assert [event.data["change"] for event in events] == ["created", "updated", "deleted"]
    assert {event.data["resource"] for event in events} == {"secret"}
    views = [event.data["view"] for event in events]
    shown = [{*view} if isinstance(view, dict) else None for view in views]
    assert shown == [{"name", "key", "created_at", "updated_at"}] * 2 + [None]
    entries = await db.read(audited, scope)
    assert [entry.verb for entry in entries] == ["set_secret", "set_secret", "delete_secret"]
    assert {(entry.actor_id, entry.address, str(entry.detail)) for entry in entries} == {
        ("local", "127.0.0.1", "{'name': 'openai_api_key'}")
    }


async def test_it_is_its_workspaces_alone(db: Database, scope: Scope) -> None:
    other, vault = await db.write(new_scope), vault_of(db)
    await vault.set(scope, NAME, OWN)
    assert await vault.keys_of(other.workspace_id) == {}
    with pytest.raises(NoSuchSecret):
        await vault.delete(other, NAME)
    await vault.set(other, NAME, f"{OWN}-other")
    assert await vault.keys_of(scope.workspace_id) == {"openai": OWN}
    assert await vault.keys_of(other.workspace_id) == {"openai": f"{OWN}-other"}


async def test_a_key_that_cannot_be_one_is_refused(db: Database, scope: Scope) -> None:
    with pytest.raises(SecretNotUsable) as refused:
        await vault_of(db).set(scope, NAME, "a canary with spaces")
    assert "canary" not in refused.value.detail


async def test_a_workspace_keeps_only_so_many(db: Database, scope: Scope) -> None:
    vault = vault_of(db)

    def fill(tx: Tx) -> None:
        for number in range(MOST_SECRETS):
            set_secret(tx, scope, vault.cipher, f"s{number}", "x")

    await db.write(fill)
    with pytest.raises(TooManySecrets):
        await vault.set(scope, NAME, OWN)
    assert (await vault.set(scope, "s0", "y")).name == "s0"


async def test_rotation_encrypts_anew_what_it_can_read_and_names_the_rest(db: Database, scope: Scope) -> None:
    other, lost = await db.write(new_scope), await db.write(new_scope)
    count = 120  # more than two batches
    old = vault_of(db, OLD)

    def fill(tx: Tx) -> None:
        for number in range(count // 2):
            set_secret(tx, scope, old.cipher, f"s{number}", f"value {number}")
            set_secret(tx, other, old.cipher, f"s{number}", f"value {number}")

    await db.write(fill)
    await old.set(other, NAME, OWN)
    await vault_of(db, b"lost" * 8).set(lost, NAME, OWN)
    before = {row.id: row for row in await db.read(all_secrets)}
    vault = vault_of(db, NEW, OLD)
    assert (await db.read(list_secrets, other, 0, 1))[0][0].key_version == old.cipher.version
    assert await vault.keys_of(other.workspace_id) == {"openai": OWN}
    done = await vault.rotate(OPERATOR)
    assert done.rotated >= count + 1
    assert [one.name for one in done.unreadable if one.workspace_id == lost.workspace_id] == [NAME]
    after = {row.id: row for row in await db.read(all_secrets)}
    assert {row.workspace_id for row in after.values() if row.key_version != vault.cipher.version} <= {
        one.workspace_id for one in done.unreadable
    }
    assert [row.updated_at for row in after.values()] == [before[row.id].updated_at for row in after.values()]
    assert await vault_of(db, NEW).keys_of(other.workspace_id) == {"openai": OWN}
    assert await vault_of(db, b"lost" * 8).keys_of(lost.workspace_id) == {"openai": OWN}
    assert await vault.keys_of(lost.workspace_id) == {"openai": None}
    again = await vault.rotate(OPERATOR)
    assert (again.rotated, again.unreadable) == (0, done.unreadable)


def all_secrets(tx: Tx) -> list[Secret]:
    return tx.all(Secret, sa.select(*Secret.__table__.columns).order_by(Secret.id))
