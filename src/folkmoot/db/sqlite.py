"""SQLite: one file, one writer. Statements on the event loop's thread, only the COMMIT (an fsync) in another."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from folkmoot.db.database import Database, bind
from folkmoot.db.lanes import DatabaseUnavailable, Hooks, Job, publish, run_group
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_PRAGMAS = (
    "pragma journal_mode = wal",
    "pragma synchronous = full",
    "pragma foreign_keys = on",
    "pragma busy_timeout = 0",
    "pragma cache_size = -16000",
    "pragma temp_store = memory",
)
_LOCK_RETRY_SECONDS = 0.005
_LOCK_PATIENCE_SECONDS = 10.0


class DiskFull(Unavailable):
    """The disk is full"""


class DatabaseBusy(Unavailable):
    """The database is held by another process"""


def _prepare(raw: sqlite3.Connection, _record: object) -> None:
    for pragma in _PRAGMAS:
        raw.execute(pragma)


def sqlite_engine(path: Path) -> sa.Engine:
    """An engine whose connections never begin by themselves: whoever uses one says BEGIN and COMMIT."""
    engine = sa.create_engine(
        f"sqlite:///{path}",
        isolation_level="AUTOCOMMIT",
        connect_args={"check_same_thread": False, "cached_statements": 512, "timeout": 0},
        pool_size=4,
    )
    sa.event.listen(engine, "connect", _prepare)
    return engine


class SqliteDatabase(Database):
    """One write lane, one connection for writes, one for short reads, a pool in threads for long reads."""

    dialect = "sqlite"

    def __init__(self, path: Path, hooks: Hooks) -> None:
        super().__init__(hooks, lanes=1)
        self._path = path
        self._engine = sqlite_engine(path)

    async def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._writer = self._engine.connect()
            self._reader = self._engine.connect()
        except sa.exc.OperationalError as error:
            raise self.translate(error) or error from error
        await super().open()

    async def close(self) -> None:
        await super().close()
        self._writer.close()
        self._reader.close()
        self._engine.dispose()

    async def read(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._snapshot(self._reader, bind(unit, *args, **kwargs))

    async def read_long(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(self._in_thread, bind(unit, *args, **kwargs))

    async def ping(self) -> None:
        await self.read(lambda tx: tx.scalar(sa.text("select 1")))

    def _in_thread(self, unit: Callable[[Tx], T]) -> T:
        with self._engine.connect() as connection:
            return self._snapshot(connection, unit)

    def _snapshot(self, connection: sa.Connection, unit: Callable[[Tx], T]) -> T:
        connection.exec_driver_sql("begin")
        try:
            return unit(Tx(connection))
        except sa.exc.OperationalError as error:
            raise self.translate(error) or error from error
        finally:
            connection.exec_driver_sql("rollback")

    async def _transact(self, jobs: list[Job]) -> None:
        await self._begin()
        try:
            ready = run_group(self._writer, jobs, self.hooks)
            await asyncio.to_thread(self._writer.exec_driver_sql, "commit")
        except BaseException:
            if self._in_transaction():
                self._writer.exec_driver_sql("rollback")
            raise
        publish(ready, self.hooks)

    async def _begin(self) -> None:
        """Take the write lock, waiting for another process without holding up the loop."""
        deadline = asyncio.get_running_loop().time() + _LOCK_PATIENCE_SECONDS
        while True:
            try:
                self._writer.exec_driver_sql("begin immediate")
            except sa.exc.OperationalError as error:
                if not isinstance(self.translate(error), DatabaseBusy):
                    raise
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(_LOCK_RETRY_SECONDS)
            else:
                return

    def _in_transaction(self) -> bool:
        raw = self._writer.connection.driver_connection
        return isinstance(raw, sqlite3.Connection) and raw.in_transaction

    @staticmethod
    def translate(error: Exception) -> Problem | None:
        if not isinstance(error, sa.exc.OperationalError):
            return None
        match getattr(error.orig, "sqlite_errorname", ""):
            case "SQLITE_FULL":
                return DiskFull()
            case name if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                return DatabaseBusy()
            case name if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOTADB")):
                return DatabaseUnavailable()
            case _:
                return None
