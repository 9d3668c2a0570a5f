"""SQLite: one file, one writer. Statements on the event loop's thread, only the COMMIT (an fsync) in another."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from folkmoot.db.database import Database, bind
from folkmoot.db.lanes import DatabaseBusy, DatabaseUnavailable, Hooks, Job, run_group
from folkmoot.db.prepared import Shelf
from folkmoot.db.prepared_sqlite import SqliteTx
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_PRAGMAS = (
    "pragma journal_mode = wal",
    "pragma synchronous = full",
    "pragma foreign_keys = on",
    "pragma cache_size = -16000",
    "pragma temp_store = memory",
    "pragma journal_size_limit = 67108864",
)
_NO_WAITING = "pragma busy_timeout = 0"  # it would hold up the event loop
_READERS = 4
_LOCK_RETRY_SECONDS = 0.005
_LOCK_PATIENCE_SECONDS = 10.0
_UNAVAILABLE = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOTADB", "SQLITE_CORRUPT")


# The driver looks for how to adapt a null, and fails to find it, at every one: four times what binding it takes.
sqlite3.register_adapter(type(None), {None: None}.get)


class DiskFull(Unavailable):
    """The disk is full"""


def sqlite_engine(path: Path, *pragmas: str, pool_size: int = 1) -> sa.Engine:
    """An engine whose connections never begin by themselves: whoever uses one says BEGIN and COMMIT."""

    def prepare(raw: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            raw.execute(pragma)

    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        isolation_level="AUTOCOMMIT",
        connect_args={"check_same_thread": False, "cached_statements": 512, "timeout": 10},
        pool_size=pool_size,
        hide_parameters=True,
    )
    sa.event.listen(engine, "connect", prepare)
    return engine


def _raw(connection: sa.Connection) -> sqlite3.Connection:
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


class SqliteDatabase(Database):
    """One lane with the only connection that writes, one connection for short reads, threads for long ones."""

    dialect = "sqlite"

    def __init__(self, path: Path, hooks: Hooks) -> None:
        super().__init__(hooks, lanes=1)
        self._path = path
        self._opened = ExitStack()
        self._committer = ThreadPoolExecutor(1, "sqlite commit")
        self._threads = ThreadPoolExecutor(_READERS, "sqlite read")

    async def open(self) -> None:
        with self._translated, ExitStack() as opening:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            writing = sqlite_engine(self._path, *_PRAGMAS, _NO_WAITING)
            self._shelf = Shelf(writing.dialect)
            opening.callback(writing.dispose)
            self._writer = opening.enter_context(writing.connect())
            self._readers = sqlite_engine(self._path, *_PRAGMAS, "pragma query_only = on", pool_size=_READERS + 1)
            opening.callback(self._readers.dispose)
            self._reader = opening.enter_context(self._readers.connect())
            _raw(self._reader).execute(_NO_WAITING)
            await super().open()
            self._opened = opening.pop_all()

    async def close(self) -> None:
        await super().close()
        await asyncio.to_thread(self._threads.shutdown)
        self._committer.shutdown()
        self._opened.close()

    async def read(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        bound = bind(unit, *args, **kwargs)
        with self._translated:
            return await self._patiently(lambda: self._snapshot(self._reader, bound))

    async def read_long(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        bound = bind(unit, *args, **kwargs)

        def in_thread() -> T:
            with self._readers.connect() as connection:
                return self._snapshot(connection, bound)

        with self._translated:
            return await asyncio.get_running_loop().run_in_executor(self._threads, in_thread)

    async def ping(self) -> None:
        await self.read(lambda tx: tx.scalar(sa.text("select 1")))

    async def _transact(self, jobs: list[Job]) -> list[Job]:
        raw = _raw(self._writer)
        await self._patiently(lambda: raw.execute("begin immediate"))
        try:
            ready = run_group(lambda: SqliteTx(self._writer, raw, self._shelf), jobs, self.hooks)
            await self._commit(raw)
        except BaseException:
            if raw.in_transaction:
                raw.execute("rollback")
            raise
        return ready

    async def _commit(self, raw: sqlite3.Connection) -> None:
        commit = asyncio.get_running_loop().run_in_executor(self._committer, raw.execute, "commit")
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            await asyncio.wait({commit})  # until then the connection is the thread's
            raise

    async def _patiently(self, begin: Callable[[], T]) -> T:
        """Try until no other process holds the lock, for at most 10 s, without holding up the loop."""
        deadline: float | None = None
        while True:
            try:
                return begin()
            except (sqlite3.OperationalError, sa.exc.OperationalError) as error:
                at = asyncio.get_running_loop().time()
                deadline = deadline or at + _LOCK_PATIENCE_SECONDS
                if not isinstance(self.translate(error), DatabaseBusy) or at > deadline:
                    raise
            await asyncio.sleep(_LOCK_RETRY_SECONDS)

    def _snapshot(self, connection: sa.Connection, unit: Callable[[Tx], T]) -> T:
        raw = _raw(connection)
        raw.execute("begin")
        try:
            return unit(SqliteTx(connection, raw, self._shelf))
        finally:
            raw.execute("rollback")

    @staticmethod
    def translate(error: Exception) -> Problem | None:
        if isinstance(error, OSError):
            return DatabaseUnavailable()
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        match getattr(cause, "sqlite_errorname", ""):
            case "SQLITE_FULL":
                return DiskFull()
            case name if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                return DatabaseBusy()
            case name if name.startswith(_UNAVAILABLE):
                return DatabaseUnavailable()
            case _:
                return None
