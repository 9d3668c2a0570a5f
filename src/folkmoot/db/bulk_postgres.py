"""All rows of a PostgreSQL database: read by a cursor, written by COPY, in one transaction under locks."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from folkmoot.db.bulk import FIRST_ROWS, CopyRefused, Rows, rows_in_next
from folkmoot.db.lanes import DatabaseBusy, DatabaseUnavailable
from folkmoot.db.postgres import PostgresDatabase
from folkmoot.db.server import postgres_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from asyncpg import Connection, Record
    from asyncpg.cursor import Cursor

    from folkmoot.db.hashing import Row, TableHash

_DIALECT: sa.Dialect = sa.make_url("postgresql+asyncpg://").get_dialect()()
_SETTINGS = (
    "set local statement_timeout = 0",
    "set local idle_in_transaction_session_timeout = 0",
    "set local lock_timeout = '10s'",
    "set local work_mem = '64MB'",  # rows are sorted by the bytes of their key
)
_HAS_REVISION = "select to_regclass('alembic_version') is not null"
_REVISION = "select version_num from alembic_version"
_LOST = ("08", "57P", "53300")  # connection failures, shutting down, too many connections


@asynccontextmanager
async def postgres_rows(url: sa.URL, tables: Sequence[sa.Table], *, is_target: bool) -> AsyncIterator[PostgresRows]:
    """The database as it is now, in one transaction; while it lasts nobody else changes the tables.

    Raises DatabaseBusy, DatabaseUnavailable, CopyRefused.
    """
    import asyncpg

    engine = postgres_engine(url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        with _translated():
            autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
            pooled = await stack.enter_async_context(autocommit.connect())
            connection = (await pooled.get_raw_connection()).driver_connection
            assert connection is not None
            transaction = connection.transaction(isolation="read_committed" if is_target else "repeatable_read")
            await transaction.start()
            await _prepare(connection, tables, "exclusive" if is_target else "share")
        try:
            yield PostgresRows(connection)
        except BaseException:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await transaction.rollback()  # what cannot be rolled back any more was lost with its connection
            raise
        with _translated():
            await transaction.commit()


async def _prepare(connection: Connection[Record], tables: Sequence[sa.Table], lock: str) -> None:
    for setting in _SETTINGS:
        await connection.execute(setting)
    if tables:
        names = ", ".join(map(_quoted, tables))
        await connection.execute(f"lock table {names} in {lock} mode")


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors as ours; where a COPY failed they say in which line of which table."""
    import asyncpg

    try:
        yield
    except asyncpg.PostgresError as error:
        state = error.sqlstate or ""
        if state == "55P03":
            raise DatabaseBusy("Another process works on the database; stop it first") from error
        if state.startswith(_LOST):
            raise DatabaseUnavailable from error
        where = (getattr(error, "context", None) or "").partition("\n")[0]
        raise CopyRefused(f"PostgreSQL: {error}{f' ({where[:200]})' if where else ''}") from error
    except asyncpg.InterfaceError as error:
        raise CopyRefused(f"PostgreSQL: {error}") from error
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise PostgresDatabase.translate(error) or CopyRefused(f"PostgreSQL: {error}") from error


class PostgresRows(Rows):
    def __init__(self, connection: Connection[Record]) -> None:
        self._connection = connection

    async def revision(self) -> str | None:
        if not await self._ask(_HAS_REVISION):
            return None
        found = await self._ask(_REVISION)
        return None if found is None else str(found)

    async def count(self, table: sa.Table, where: sa.ColumnElement[bool] | None = None) -> int:
        statement = sa.select(sa.func.count()).select_from(table)
        if where is not None:
            statement = statement.where(where)
        counted = await self._ask(_written(statement))
        assert isinstance(counted, int)
        return counted

    async def read(self, table: sa.Table, into: TableHash) -> AsyncIterator[list[Row]]:
        order = [sa.collate(key, "C") if isinstance(key.type, sa.String) else key for key in table.primary_key]
        with _translated():
            cursor = await self._connection.cursor(_written(sa.select(*table.columns).order_by(*order)))
        size = FIRST_ROWS
        while rows := await self._fetch(cursor, size):
            size = rows_in_next(len(rows), into.add(rows))
            yield rows

    async def fill(self, table: sa.Table, batches: AsyncIterator[list[Row]]) -> None:
        """One COPY, so that rows may refer to later ones of the same table."""
        names = [column.name for column in table.columns]
        records = (row async for rows in batches for row in rows)
        with _translated():
            await self._connection.copy_records_to_table(table.name, records=records, columns=names)

    async def clear(self, tables: Sequence[sa.Table]) -> None:
        for table in reversed(tables):
            await self._do(_written(sa.delete(table)))

    async def settle(self, tables: Sequence[sa.Table]) -> None:
        """References were checked by COPY; the planner learns what there is now."""
        for table in tables:
            counted = table.autoincrement_column
            if counted is not None and isinstance(counted.type, sa.Integer):
                await self._count_on(table, counted)
            await self._do(f"analyze {_quoted(table)}")

    async def _count_on(self, table: sa.Table, column: sa.Column[int]) -> None:
        sequence = await self._ask("select pg_get_serial_sequence($1, $2)", table.name, column.name)
        highest = sa.func.max(column)
        await self._do(_written(sa.select(sa.func.setval(sequence, highest)).having(highest.is_not(None))))

    async def _fetch(self, cursor: Cursor[Record], size: int) -> list[Row]:
        with _translated():
            return [tuple(record) for record in await cursor.fetch(size)]

    async def _ask(self, statement: str, *values: str) -> object:
        with _translated():
            found: object = await self._connection.fetchval(statement, *values)
            return found

    async def _do(self, statement: str) -> None:
        with _translated():
            await self._connection.execute(statement)


def _written(statement: sa.ClauseElement) -> str:
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _quoted(table: sa.Table) -> str:
    return _DIALECT.identifier_preparer.format_table(table)
