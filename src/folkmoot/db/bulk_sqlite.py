"""All rows of a SQLite file: read without a trace, written in one transaction that a kill takes back."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from folkmoot.db.bulk import FIRST_ROWS, CopyRefused, Kind, Rows, places_of, rows_in_next
from folkmoot.db.hashing import Row, TableHash
from folkmoot.db.sqlite import SqliteDatabase
from folkmoot.db.types import UtcTime

_DIALECT = sqlite.dialect()
_CACHE = "pragma cache_size = -65536"
# The journal of a file that grows holds next to nothing, while a log ahead of it would hold every page once more.
_TARGET = ("pragma journal_mode = delete", "pragma synchronous = full", _CACHE)
PATIENCE_SECONDS = 10.0
"""How long a target may be somebody else's."""
_REVISION = "select version_num from alembic_version"
_HAS_REVISION = "select count(*) from sqlite_schema where name = 'alembic_version'"


@asynccontextmanager
async def sqlite_source(path: Path) -> AsyncIterator["SqliteRows"]:
    """The file as it is now. Not one byte of it changes, nor of the log that a killed server left beside it.

    Raises DatabaseUnavailable where it is no database, CopyRefused.
    """
    with ExitStack() as stack:
        with translated(path):
            connection = stack.enter_context(closing(_untouched(path)))
            connection.execute(_CACHE)
            connection.execute("begin")
        yield SqliteRows(connection, path)


@asynccontextmanager
async def sqlite_target(path: Path) -> AsyncIterator["SqliteRows"]:
    """The migrated file, for one transaction that nobody else looks into. Raises DatabaseBusy, CopyRefused."""
    with ExitStack() as stack:
        with translated(path):
            connection = stack.enter_context(closing(_writing(path)))
            for pragma in _TARGET:
                connection.execute(pragma)
            connection.execute("begin exclusive")
        yield SqliteRows(connection, path)
        with translated(path):
            connection.execute("commit")
            connection.execute("pragma journal_mode = wal")


def read_only(path: Path, *flags: str) -> sqlite3.Connection:
    """A connection that cannot change the file. Raises CopyRefused where the file must be repaired first."""
    journal = path.with_name(f"{path.name}-journal")
    if journal.exists() and journal.stat().st_size:
        raise CopyRefused(
            f"{path}: who wrote to it was killed in the middle; whatever opens it for writing takes that back, "
            "such as folkmoot db current"
        )
    query = "&".join(("mode=ro", *flags))
    return sqlite3.connect(f"{path.absolute().as_uri()}?{query}", uri=True, isolation_level=None)


def _writing(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_SECONDS)


def _untouched(path: Path) -> sqlite3.Connection:
    """A connection for one who knows that nobody changes the file: without a log there, it makes none either."""
    has_log = path.with_name(f"{path.name}-wal").exists()
    return read_only(path) if has_log else read_only(path, "immutable=1")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours, naming the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise SqliteDatabase.translate(error) or CopyRefused(f"{path}: {error}") from error


class SqliteRows(Rows):
    """Its calls block for the time of a batch, which a command may."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    async def revision(self) -> str | None:
        with translated(self._path):
            if not self._number(_HAS_REVISION):
                return None
            found = self._connection.execute(_REVISION).fetchone()
            return None if found is None else str(found[0])

    async def count(self, table: sa.Table, where: sa.ColumnElement[bool] | None = None) -> int:
        statement = sa.select(sa.func.count()).select_from(table)
        if where is not None:
            statement = statement.where(where)
        with translated(self._path):
            return self._number(str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})))

    async def read(self, table: sa.Table, into: TableHash) -> AsyncIterator[list[Row]]:
        times, booleans = places_of(table, Kind.TIME), places_of(table, Kind.BOOLEAN)
        to_time = UtcTime().result_processor(_DIALECT, None)
        assert to_time is not None

        def portable(stored: Row) -> Row:
            values = list(stored)
            for place in times:
                values[place] = to_time(values[place])
            for place in booleans:
                values[place] = None if values[place] is None else bool(values[place])
            return tuple(values)

        statement = sa.select(*table.columns).order_by(*table.primary_key)
        with translated(self._path):
            cursor = self._connection.execute(str(statement.compile(dialect=_DIALECT)))
        size = FIRST_ROWS
        while stored := self._fetch(cursor, size):
            rows = [portable(row) for row in stored]
            size = rows_in_next(len(rows), into.add(rows))
            yield rows
            await asyncio.sleep(0)

    async def fill(self, table: sa.Table, batches: AsyncIterator[list[Row]]) -> None:
        times = places_of(table, Kind.TIME)
        to_text = UtcTime().bind_processor(_DIALECT)

        def stored(row: Row) -> list[object]:
            values: list[object] = [*row]
            for place in times:
                value = row[place]
                values[place] = None if value is None else to_text(value)  # type: ignore[arg-type]
            return values

        statement = str(sa.insert(table).compile(dialect=_DIALECT))
        async for rows in batches:
            with translated(self._path):
                self._connection.executemany(statement, map(stored, rows))

    async def clear(self, tables: Sequence[sa.Table]) -> None:
        with translated(self._path):
            for table in reversed(tables):
                self._connection.execute(str(sa.delete(table).compile(dialect=_DIALECT)))

    async def settle(self, tables: Sequence[sa.Table]) -> None:
        with translated(self._path):
            broken = self._connection.execute("pragma foreign_key_check").fetchone()
        if broken is not None:
            raise CopyRefused(f"{self._path}: a row of {broken[0]} refers to one of {broken[2]} that is not there")

    def _fetch(self, cursor: sqlite3.Cursor, size: int) -> list[Row]:
        with translated(self._path):
            return cursor.fetchmany(size)

    def _number(self, statement: str) -> int:
        return int(self._connection.execute(statement).fetchone()[0])
