"""PostgreSQL: the same units through asyncpg, in a few lanes, READ COMMITTED with explicit row locks."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from folkmoot.db.database import Database, bind
from folkmoot.db.lanes import DatabaseUnavailable, Hooks, Job, publish, run_group
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem

P = ParamSpec("P")
T = TypeVar("T")

_DEADLOCK_TRIES = 3
_RETRYABLE_STATES = {"40P01", "40001"}
_DOWN_STATES = ("08", "57P", "53")


class PostgresDatabase(Database):
    """Write lanes by hash of the workspace; reads straight from the pool."""

    dialect = "postgresql"

    def __init__(self, url: str, hooks: Hooks, pool_size: int) -> None:
        super().__init__(hooks, lanes=max(1, min(4, pool_size - 1)))
        self._engine = create_async_engine(url, pool_size=pool_size, max_overflow=0, pool_pre_ping=False)

    async def close(self) -> None:
        await super().close()
        await self._engine.dispose()

    async def read(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        bound = bind(unit, *args, **kwargs)

        def snapshot(connection: sa.Connection) -> T:
            return bound(Tx(connection))

        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                return await connection.run_sync(snapshot)
        except (sa.exc.SQLAlchemyError, OSError, TimeoutError) as error:
            raise self.translate(error) or error from error

    async def read_long(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.read(unit, *args, **kwargs)

    async def ping(self) -> None:
        await self.read(lambda tx: tx.scalar(sa.text("select 1")))

    async def _transact(self, jobs: list[Job]) -> None:
        for attempt in range(1, _DEADLOCK_TRIES + 1):
            try:
                async with self._engine.connect() as connection:
                    ready = await self._commit(connection, jobs)
            except sa.exc.DBAPIError as error:
                if attempt == _DEADLOCK_TRIES or _state(error) not in _RETRYABLE_STATES:
                    raise
            else:
                publish(ready, self.hooks)
                return

    async def _commit(self, connection: AsyncConnection, jobs: list[Job]) -> list[Job]:
        def group(sync: sa.Connection) -> list[Job]:
            ready = run_group(sync, jobs, self.hooks)
            sync.commit()
            return ready

        return await connection.run_sync(group)

    @staticmethod
    def translate(error: Exception) -> Problem | None:
        if isinstance(error, OSError | TimeoutError | sa.exc.TimeoutError):
            return DatabaseUnavailable()
        if isinstance(error, sa.exc.DBAPIError):
            if error.connection_invalidated or _state(error).startswith(_DOWN_STATES):
                return DatabaseUnavailable()
            if isinstance(error, sa.exc.InterfaceError):
                return DatabaseUnavailable()
        return None


def _state(error: sa.exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
