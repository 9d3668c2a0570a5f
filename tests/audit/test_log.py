"""What is recorded is kept, found by what it is about, and handed out page by page."""

import csv
import io
from datetime import timedelta

import pytest
import sqlalchemy as sa

from folkmoot.audit import export as exporting
from folkmoot.audit.export import Format, export
from folkmoot.audit.queries import Wanted, list_entries
from folkmoot.audit.service import record
from folkmoot.audit.tables import AuditEntry
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import loads
from folkmoot.kernel.scope import Actor, Scope

ADA = Actor("user", "ada", "ada@example.org", "192.0.2.7")
BOB = Actor("user", "bob", "bob@example.org")


def five(tx: Tx, scope: Scope) -> None:
    record(tx, ADA, "create_task", ("task", "t1"), scope.workspace_id, team="mgx")
    record(tx, BOB, "change_task", ("task", "t1"), scope.workspace_id, changed=["name"])
    record(tx, ADA, "create_task", ("task", "t2"), scope.workspace_id)
    record(tx, ADA, "delete_agent", ("agent", "a1"), scope.workspace_id)
    record(tx, ADA, "create_task", ("task", "t3"), new_id())


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ["a1", "t2", "t1", "t1"]),
        (Wanted(actor_id="bob"), ["t1"]),
        (Wanted(verb="create_task"), ["t2", "t1"]),
        (Wanted(object_kind="task"), ["t2", "t1", "t1"]),
        (Wanted(object_id="t1", actor_id="ada"), ["t1"]),
        (Wanted(since=now() + timedelta(days=1)), []),
        (Wanted(until=now() - timedelta(days=1)), []),
        (Wanted(since=now() - timedelta(days=1), until=now() + timedelta(days=1)), ["a1", "t2", "t1", "t1"]),
    ],
)
async def test_entries_are_found_by_what_they_are_about(
    db: Database, scope: Scope, wanted: Wanted, found: list[str]
) -> None:
    await db.write(five, scope)
    entries = await db.read_long(list_entries, scope.workspace_id, wanted, None, 50)
    assert [entry.object_id for entry in entries] == found


async def test_an_entry_says_who_and_from_where(db: Database, scope: Scope) -> None:
    await db.write(five, scope)
    (entry,) = await db.read_long(list_entries, scope.workspace_id, Wanted(object_id="t2"), None, 50)
    assert (entry.actor_kind, entry.actor_id, entry.actor_name) == ("user", "ada", "ada@example.org")
    assert (entry.verb, entry.object_kind, entry.address, entry.detail) == ("create_task", "task", "192.0.2.7", {})


async def test_what_concerns_no_workspace_stands_apart(db: Database, scope: Scope) -> None:
    marked = new_id()

    def log_in(tx: Tx) -> None:
        record(tx, ADA, "log_in", ("user", marked))

    await db.write(log_in)
    assert await db.read_long(list_entries, scope.workspace_id, Wanted(object_id=marked), None, 50) == []
    assert len(await db.read_long(list_entries, None, Wanted(object_id=marked), None, 50)) == 1


async def test_what_is_not_done_is_not_recorded(db: Database, scope: Scope) -> None:
    def broken(tx: Tx) -> None:
        five(tx, scope)
        raise LookupError

    with pytest.raises(LookupError):
        await db.write(broken)
    assert await db.read_long(list_entries, scope.workspace_id, Wanted(), None, 50) == []


@pytest.mark.parametrize("format", ["csv", "jsonl"])
async def test_an_export_holds_every_entry_once_and_a_page_at_a_time(
    db: Database, scope: Scope, format: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 3)

    def ten(tx: Tx) -> None:
        for number in range(10):
            record(tx, ADA, "create_task", ("task", f"t{number}"), scope.workspace_id)

    await db.write(ten)
    parts = [part.decode() async for part in export(db, scope.workspace_id, Wanted(), format)]
    lines = [len(part.splitlines()) for part in parts]
    assert lines == ([1, 3, 3, 3, 1] if format == "csv" else [3, 3, 3, 1])
    text = "".join(parts)
    if format == "csv":
        found = [row["object_id"] for row in csv.DictReader(io.StringIO(text))]
    else:
        found = [str(row["object_id"]) for line in text.splitlines() if isinstance(row := loads(line), dict)]
    assert found == [f"t{number}" for number in reversed(range(10))]


async def test_no_cell_is_a_formula(db: Database, scope: Scope) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", 'a"b,c\nd', "plain"]

    def say(tx: Tx) -> None:
        for name in names:
            record(tx, Actor("user", "u", name), "log_in", ("user", name), scope.workspace_id)

    await db.write(say)
    text = b"".join([part async for part in export(db, scope.workspace_id, Wanted(), "csv")]).decode()
    rows = [*csv.DictReader(io.StringIO(text, newline=""))]
    told = [name if name in ('a"b,c\nd', "plain") else f"'{name}" for name in reversed(names)]
    assert [row["actor_name"] for row in rows] == [row["object_id"] for row in rows] == told


async def test_the_log_outlives_its_workspace(db: Database, scope: Scope) -> None:
    """No foreign key ties it to one."""
    await db.write(five, scope)
    assert not AuditEntry.__table__.foreign_keys
    count = sa.select(sa.func.count()).select_from(AuditEntry).where(AuditEntry.workspace_id == scope.workspace_id)
    assert await db.read(lambda tx: tx.scalar(count)) == 4
