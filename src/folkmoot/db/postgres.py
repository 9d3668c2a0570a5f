"""PostgreSQL: the same units through asyncpg, in a few lanes, READ COMMITTED with explicit row locks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from folkmoot.db.database import Database, bind
from folkmoot.db.lanes import DatabaseBusy, DatabaseUnavailable, Hooks, Job, OutcomeUnknown, run_group
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

P = ParamSpec("P")
T = TypeVar("T")

_TRIES = 3
_DEADLOCK = ("40P01", "40001")
_LOST = ("08", "57P")  # connection failures, shutting down
_REFUSED = ("53", "28", "3D000")  # out of resources, not let in, no such database
_SETTINGS = {"application_name": "folkmoot", "lock_timeout": "10s", "jit": "off"}


class PostgresNotInstalled(Problem):
    """PostgreSQL needs the extra `postgres`: pip install 'folkmoot[postgres]'"""


def postgres_engine(url: sa.URL, pool_size: int) -> "AsyncEngine":
    """Raises PostgresNotInstalled."""
    try:
        from sqlalchemy.ext.asyncio import create_async_engine

        return create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"timeout": 10, "server_settings": _SETTINGS},
        )
    except ImportError as error:
        raise PostgresNotInstalled from error


class PostgresDatabase(Database):
    """Write lanes by hash of the workspace; reads straight from the pool, each on one snapshot."""

    dialect = "postgresql"

    def __init__(self, url: sa.URL, hooks: Hooks, pool_size: int) -> None:
        super().__init__(hooks, lanes=max(1, min(4, pool_size - 1)))
        self._engine = postgres_engine(url, pool_size)
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def close(self) -> None:
        await super().close()
        await self._engine.dispose()

    async def read(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        bound = bind(unit, *args, **kwargs)
        with self._translated():
            return await self._patiently(self._snapshots, lambda connection: bound(Tx(connection)), _LOST)

    async def read_long(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.read(unit, *args, **kwargs)

    async def ping(self) -> None:
        await self.read(lambda tx: tx.scalar(sa.text("select 1")))

    async def _transact(self, jobs: list[Job]) -> list[Job]:
        # A group locks rows in the order its units came; each alone keeps the order that cannot deadlock.
        repeatable = (*_LOST, *_DEADLOCK) if len(jobs) == 1 else _LOST
        return await self._patiently(self._engine, lambda connection: self._group(connection, jobs), repeatable)

    async def _patiently(
        self, engine: "AsyncEngine", use: Callable[[sa.Connection], T], repeatable: tuple[str, ...]
    ) -> T:
        """Try three times where nothing can have been committed: pooled connections outlive their server."""
        for _ in range(_TRIES - 1):
            try:
                async with engine.connect() as connection:
                    return await connection.run_sync(use)
            except sa.exc.DBAPIError as error:
                if not (error.connection_invalidated or _state(error).startswith(repeatable)):
                    raise
        async with engine.connect() as connection:
            return await connection.run_sync(use)

    def _group(self, connection: sa.Connection, jobs: list[Job]) -> list[Job]:
        ready = run_group(lambda: Tx(connection), jobs, self.hooks)
        try:
            connection.commit()
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated or _state(error).startswith(_LOST):
                raise OutcomeUnknown from error
            raise
        return ready

    @staticmethod
    def translate(error: Exception) -> Problem | None:
        if isinstance(error, OSError | sa.exc.TimeoutError):
            return DatabaseUnavailable()
        if not isinstance(error, sa.exc.DBAPIError):
            return None
        state = _state(error)
        if error.connection_invalidated or state.startswith((*_LOST, *_REFUSED)):
            return DatabaseUnavailable()
        return DatabaseBusy() if state == "55P03" else None


def _state(error: sa.exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
