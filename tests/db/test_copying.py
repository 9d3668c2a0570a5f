"""Moving a whole database: every value of every table arrives as it was, on both databases, or nothing does."""

import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from folkmoot.agents.tables import AgentDefinition
from folkmoot.db.bulk import CopyRefused, Kind, kind_of
from folkmoot.db.connect import connect
from folkmoot.db.copying import (
    CopiedTable,
    CopyDiffers,
    TargetNotEmpty,
    check_new,
    copy_rows,
    open_source,
    open_target,
)
from folkmoot.db.hashing import Row, TableHash, Value
from folkmoot.db.lanes import DatabaseBusy
from folkmoot.db.tx import Tx
from folkmoot.db.types import JsonText
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import dumps
from folkmoot.migrations.metadata import METADATA
from folkmoot.workspaces.tables import Workspace

pytestmark = pytest.mark.system  # whole databases there and back

TABLES = METADATA.sorted_tables
AT = datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)
TEXTS = (
    "",
    " spaces at both ends ",
    "NULL",
    'it\'s "quoted" \\ back\\slashed; -- and ends',
    "🎲🏳️‍🌈 e\u0301 é ﷽ \u202e\u200b\ufeff\uffff",
    "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f\u2028",
    "ß" * 200,
)
JSONS = (*map(dumps, TEXTS), "null", '{"z":1,  "a" : 1.50, "a": "\\u0000", "big": 123456789012345678901234567890}')
INTEGERS = (0, -1, 1, 2**63 - 1, -(2**63), 10**12)
TIMES = (
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 2, 28, 0, 0, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999998, tzinfo=UTC),
)
FLOATS = (0.0, -0.0, 0.1, 1e308, 5e-324, -1 / 3)


def silent(doing: str, name: str, rows: int, of: int) -> None:
    """Nobody looks."""


async def copied(source: str, target: str) -> list[CopiedTable]:
    async with open_source(source, TABLES) as there, open_target(target, TABLES) as here:
        return await copy_rows(there, here, TABLES, silent)


async def hashes(url: str) -> dict[str, tuple[int, str]]:
    found = {}
    async with open_source(url, TABLES) as rows:
        for table in TABLES:
            taken = TableHash()
            async for _ in rows.read(table, taken):
                pass
            found[table.name] = (taken.rows, taken.hexdigest())
    return found


async def given(*batches: Sequence[Row]) -> AsyncIterator[list[Row]]:
    for batch in batches:
        yield [*batch]


def odd(column: "sa.Column[Any]", number: int) -> Value:
    """The number's odd value of a column's type, in Python's words."""
    match column.type, kind_of(column):
        case _, Kind.TIME:
            return TIMES[number % len(TIMES)]
        case _, Kind.BOOLEAN:
            return bool(number % 2)
        case sa.Float(), _:
            return FLOATS[number % len(FLOATS)]
        case sa.String(length=int() as length), _:
            return TEXTS[number % len(TEXTS)][:length]
        case sa.LargeBinary(), _:
            return bytes([number % 256, 0, 255])
        case JsonText(), _:
            return JSONS[number % len(JSONS)]
        case sa.String(), _:
            return TEXTS[number % len(TEXTS)]
        case _:
            return INTEGERS[number % len(INTEGERS)]


def odd_row(table: sa.Table, number: int) -> Row:
    """Keys and references are plain: every id is the same in all tables, so that each reference leads somewhere."""
    values: list[Value] = []
    keys = {column for constraint in (*unique(table), *table.foreign_key_constraints) for column in constraint.columns}
    for place, column in enumerate(table.columns):
        if column not in keys:
            is_null = column.nullable and (number + place) % 4 == 0
            values.append(None if is_null else odd(column, number + place))
        elif isinstance(column.type, sa.Integer | sa.BigInteger):
            values.append(number + 1)
        elif kind_of(column) is Kind.TIME:
            values.append(AT + timedelta(microseconds=number))
        else:
            values.append(f"{number:036}"[: getattr(column.type, "length", None)])
    return tuple(values)


def unique(table: sa.Table) -> Iterator[sa.UniqueConstraint | sa.PrimaryKeyConstraint | sa.Index]:
    yield table.primary_key
    yield from (each for each in table.constraints if isinstance(each, sa.UniqueConstraint))
    yield from (each for each in table.indexes if each.unique)


async def fill_oddly(url: str, rows: int = 24) -> None:
    """Some rows in every table there is."""
    async with open_target(url, TABLES) as target:
        for table in TABLES:
            await target.fill(table, given([odd_row(table, number) for number in range(rows)]))
        await target.settle(TABLES)


@pytest.fixture
def empty_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "other" / "folkmoot.db"
    path.parent.mkdir()
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url


def file_of(url: str) -> Path:
    return Path(sa.make_url(url).database or "")


def traces(path: Path) -> dict[str, str]:
    """Every file of a folder but the index of a log, which is scratch."""
    files = sorted(file for file in path.parent.iterdir() if file.is_file() and not file.name.endswith("-shm"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


async def test_every_column_of_every_table_there_and_back(
    database_url: str, empty_url: str, sqlite_url: str, sqlite_template: Path
) -> None:
    """From a SQLite file to each database and from there into another file."""
    await fill_oddly(empty_url)
    was = await hashes(empty_url)
    assert all(rows == 24 for rows, _ in was.values())
    there = await copied(empty_url, database_url)
    assert {table.name: (table.rows, table.sha256) for table in there} == was
    back = f"sqlite:///{file_of(empty_url).parent}/back.db"
    shutil.copyfile(sqlite_template, file_of(back))
    assert await copied(database_url, back) == there
    with closing(sqlite3.connect(file_of(back))) as one, closing(sqlite3.connect(file_of(empty_url))) as other:
        for table in TABLES:
            statement = f'select * from "{table.name}" order by {", ".join(table.primary_key.columns.keys())}'
            assert one.execute(statement).fetchall() == other.execute(statement).fetchall(), table.name


async def test_values_read_as_they_were_written(database_url: str, empty_url: str) -> None:
    """What the product reads through its own types, not only what the hash sees."""
    await fill_oddly(empty_url)
    await copied(empty_url, database_url)
    seen = [await read_through_types(url) for url in (empty_url, database_url)]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 24 * len(TABLES)


async def read_through_types(url: str) -> list[object]:
    database = connect(url)
    await database.open()
    rows = await database.read(_typed_rows)
    await database.close()
    return rows


def _typed_rows(tx: Tx) -> list[object]:
    ordered = [sa.select(*table.columns).order_by(*table.primary_key) for table in TABLES]
    return [[*row] for statement in ordered for row in tx.all(tuple, statement)]


async def do(url: str, *statements: str) -> None:
    """Statements of a stranger's, one unit each."""
    database = connect(url)
    await database.open()
    for statement in statements:
        await database.write(_write, statement)
    await database.close()


def _write(tx: Tx, statement: str) -> int:
    return tx.write(sa.text(statement))


async def test_text_is_found_in_the_copy_and_numbers_go_on(database_url: str, empty_url: str) -> None:
    chunks = METADATA.tables["chunks"]
    await fill_oddly(empty_url, rows=3)
    with closing(sqlite3.connect(file_of(empty_url), isolation_level=None)) as connection:
        connection.execute("update chunks set text = 'After a crash all goes on' where number = 2")
    await copied(empty_url, database_url)

    database = connect(database_url)
    await database.open()
    words = {
        "sqlite": "select rowid from chunks_fts where chunks_fts match 'crash'",
        "postgresql": "select number from chunks where text_words @@ to_tsquery('english', 'crash')",
    }
    assert await database.read(lambda tx: tx.scalar(sa.text(words[tx.dialect]))) == 2
    row = dict(zip(chunks.columns.keys(), odd_row(chunks, 2), strict=True))
    row |= {"id": new_id(), "seq": 99}
    row.pop("number")
    await database.write(lambda tx: tx.write(sa.insert(chunks), row))
    assert await database.read(lambda tx: tx.scalar(sa.select(sa.func.max(chunks.c.number)))) == 4
    await database.close()
    if database.dialect == "sqlite":
        with closing(sqlite3.connect(file_of(database_url))) as connection:
            connection.execute("insert into chunks_fts(chunks_fts, rank) values ('integrity-check', 1)")


async def test_a_row_may_refer_to_a_later_one(database_url: str, empty_url: str) -> None:
    runs = METADATA.tables["runs"]
    place = [*runs.columns.keys()].index("parent_run_id")
    async with open_target(empty_url, TABLES) as target:
        for name in ("workspaces", "projects"):
            await target.fill(METADATA.tables[name], given([odd_row(METADATA.tables[name], 0)]))
        rows = [[*odd_row(runs, number)] for number in range(1000)]
        tenant = [*runs.columns.keys()].index("workspace_id"), [*runs.columns.keys()].index("project_id")
        for number, row in enumerate(rows):
            row[place] = f"{999 - number:036}"
            for each in tenant:
                row[each] = f"{0:036}"
        await target.fill(runs, given([tuple(row) for row in rows]))
    there = await copied(empty_url, database_url)
    assert {table.name: table.rows for table in there if table.rows} == {"workspaces": 1, "projects": 1, "runs": 1000}


async def test_a_source_is_untouched_with_what_a_killed_server_left(
    database_url: str, empty_url: str, tmp_path: Path
) -> None:
    """The log beside the file holds the newest rows: they are copied, and log and file stay as they are."""
    await fill_oddly(empty_url, rows=2)
    path = file_of(empty_url)
    left = tmp_path / "left" / "folkmoot.db"
    left.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("pragma wal_autocheckpoint = 0")
        connection.execute("update workspaces set name = 'the newest'")
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", f"{left}{suffix}")
    was = traces(left)
    assert was.keys() == {"folkmoot.db", "folkmoot.db-wal"}
    await copied(f"sqlite:///{left}", database_url)
    assert traces(left) == was

    database = connect(database_url)
    await database.open()
    names = await database.read(lambda tx: tx.all(Workspace, sa.select(Workspace.name)))
    await database.close()
    assert [row.name for row in names] == ["the newest"] * 2


async def test_a_source_without_a_log_gets_none(database_url: str, empty_url: str) -> None:
    await fill_oddly(empty_url, rows=2)
    was = traces(file_of(empty_url))
    await copied(empty_url, database_url)
    assert traces(file_of(empty_url)) == was == {"folkmoot.db": was["folkmoot.db"]}


EXPECTED: dict[str, sa.ColumnElement[bool] | None] = {
    "workspaces": Workspace.slug == "default",
    "agent_definitions": AgentDefinition.workspace_id.is_(None),
    "event_heads": None,
}


async def test_a_target_with_rows_is_refused(database_url: str) -> None:
    workspaces, heads = METADATA.tables["workspaces"], METADATA.tables["event_heads"]
    default = dict(zip(workspaces.columns.keys(), odd_row(workspaces, 1), strict=True)) | {"slug": "default"}
    async with open_target(database_url, TABLES) as target:
        await check_new(target, TABLES, EXPECTED)
        await target.fill(workspaces, given([tuple(default.values())]))
        await target.fill(heads, given([odd_row(heads, 1)]))
        await check_new(target, TABLES, EXPECTED)
    async with open_target(database_url, TABLES) as target:
        await target.fill(workspaces, given([odd_row(workspaces, 2)]))
        with pytest.raises(TargetNotEmpty, match="workspaces 1"):
            await check_new(target, TABLES, EXPECTED)


async def test_defaults_of_the_target_make_room(database_url: str, empty_url: str) -> None:
    await fill_oddly(empty_url, rows=5)
    await fill_oddly(database_url, rows=2)
    await copied(empty_url, database_url)
    assert await hashes(database_url) == await hashes(empty_url)


async def test_what_goes_wrong_leaves_the_target_as_it_was(database_url: str, empty_url: str) -> None:
    await fill_oddly(empty_url)
    with closing(sqlite3.connect(file_of(empty_url), isolation_level=None)) as connection:
        connection.execute("pragma foreign_keys = off")
        connection.execute(f"update messages set conversation_id = '{new_id()}' where seq = 3")
    was = await hashes(database_url)
    with pytest.raises(CopyRefused, match="messages"):
        await copied(empty_url, database_url)
    assert await hashes(database_url) == was


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update workspaces set name = printf('%300c', 'x') where slug like '%7'", "value too long .*workspaces"),
        ("update messages set text = 'a' || char(0) || 'b' where seq = 3", "0x00.*messages"),
    ],
)
async def test_what_postgresql_cannot_hold_is_named(
    own_postgres_url: str, empty_url: str, statement: str, told: str
) -> None:
    await fill_oddly(empty_url)
    with closing(sqlite3.connect(file_of(empty_url), isolation_level=None)) as connection:
        connection.execute(statement)
    with pytest.raises(CopyRefused, match=told):
        await copied(empty_url, own_postgres_url)


SPOIL = {
    "sqlite": (
        "create trigger spoil after insert on workspaces begin "
        "update workspaces set name = 'other' where id = new.id; end",
    ),
    "postgresql": (
        "create function spoil() returns trigger language plpgsql as $$ begin new.name = 'other'; return new; end $$",
        "create trigger spoil before insert on workspaces for each row execute function spoil()",
    ),
}


async def test_a_copy_that_differs_is_taken_back(database_url: str, empty_url: str) -> None:
    """The target has a trigger of somebody else's, which changes what is put into it."""
    await fill_oddly(empty_url, rows=3)
    await do(database_url, *SPOIL[sa.make_url(database_url).get_backend_name()])
    with pytest.raises(CopyDiffers, match="workspaces does not read back"):
        await copied(empty_url, database_url)
    assert not any(rows for rows, _ in (await hashes(database_url)).values())


@contextmanager
def writing(url: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file_of(url), isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield connection


async def test_a_file_that_somebody_writes_to_is_no_target(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("folkmoot.db.bulk_sqlite.PATIENCE_SECONDS", 0.01)
    with writing(empty_url), pytest.raises(DatabaseBusy):
        async with open_target(empty_url, TABLES):
            pass


@pytest.mark.postgres
async def test_nobody_writes_to_either_while_it_is_open(own_postgres_url: str) -> None:
    for opened in (open_source, open_target):
        async with opened(own_postgres_url, TABLES):
            with pytest.raises(asyncpg.LockNotAvailableError):
                await locked(own_postgres_url)
    await locked(own_postgres_url)


async def locked(url: str) -> None:
    """As whoever inserts, updates or deletes does, without waiting."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("lock table messages in row exclusive mode nowait")
    finally:
        await connection.close()
