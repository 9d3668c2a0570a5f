"""Links: a process's connections to PostgreSQL, at most so many, and one at a time for whoever needs one.

Nobody who has one waits for another, so even two are enough for everything. SQLAlchemy's own pool costs
more than what is done on a connection: 0.3 ms for each transaction of three statements.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.db.server import Manner, engine_over, faults, reach

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg import Connection, Record
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

WAIT_SECONDS = 30.0
"""How long somebody waits for a link before the database counts as out of reach."""
_SETTLE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Link:
    """A connection that begins no transaction by itself: whoever uses it says BEGIN and COMMIT."""

    __slots__ = ("_connection", "_driver", "_is_cut_off", "raw", "sync")

    def __init__(self, connection: AsyncConnection, adapted: Any) -> None:
        self._connection = connection
        self._driver = adapted
        self.sync: sa.Connection = connection.sync_connection  # type: ignore[assignment]
        self.raw: Any = adapted.driver_connection
        """asyncpg's own."""
        self._is_cut_off = False

    async def run(self, use: Callable[[Link], T]) -> T:
        """Call plain code that uses the connection as if it could wait."""
        self._is_cut_off = True
        try:
            answer = await self._connection.run_sync(lambda _: use(self))
        except Exception:
            self._is_cut_off = False
            raise
        self._is_cut_off = False
        return answer

    def ask(self, sql: str, how: Callable[[Any], Any]) -> Any:
        """Inside `run`: await what `how` answers for asyncpg's connection. Raises DBAPIError as SQLAlchemy would."""
        try:
            return self._driver.run_async(how)
        except faults() as error:
            raise self._refused(sql, error) from error

    def _refused(self, sql: str, error: Exception) -> sa.exc.DBAPIError:
        import asyncpg

        is_integrity = isinstance(error, asyncpg.IntegrityConstraintViolationError)
        kind = sa.exc.IntegrityError if is_integrity else sa.exc.DBAPIError
        return kind(sql, None, error, hide_parameters=True, connection_invalidated=self.raw.is_closed())

    async def close(self) -> None:
        with suppress(*faults(), sa.exc.SQLAlchemyError):
            await self._connection.close()

    async def settle(self) -> None:
        """End what was left open; a link that cannot is cut. After a cancelled BEGIN nobody knows what is open."""
        if self.raw.is_closed() or not (self._is_cut_off or self.raw.is_in_transaction()):
            return
        self._is_cut_off = False
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self.raw.execute("rollback")
        except faults():
            self.raw.terminate()
        except BaseException:
            self.raw.terminate()
            raise


class Links:
    """Raises PostgresNotInstalled."""

    def __init__(self, url: sa.URL, manner: Manner, size: int) -> None:
        self._url = url
        self._manner = manner
        self._engine = engine_over(self._reach, is_pooled=manner.is_pooled, isolation_level="AUTOCOMMIT")
        self._free = asyncio.Semaphore(size)
        self._idle: list[Link] = []
        self._is_lost = False
        self._made: dict[object, Connection[Record]] = {}
        self.dialect: sa.Dialect = self._engine.dialect

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Link]:
        """A link for as long as the context is open. Raises DatabaseUnavailable, and what connecting raises."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise DatabaseUnavailable("All connections to the database are busy") from None
        try:
            link = await self._take()
            try:
                yield link
            finally:
                await self._give_back(link)
        finally:
            self._free.release()

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()
        await self._engine.dispose()

    async def _take(self) -> Link:
        while self._idle:
            link = self._idle.pop()
            if not link.raw.is_closed():
                return link
            await link.close()
        try:
            connection = await self._engine.connect()
            link = Link(connection, (await connection.get_raw_connection()).dbapi_connection)
        except BaseException as error:
            if (unused := self._made.get(asyncio.current_task())) is not None:
                unused.terminate()
            if not isinstance(error, (sa.exc.DBAPIError, *faults())):
                raise
            if not self._is_lost:
                _log.warning("PostgreSQL cannot be reached: %s", getattr(error, "orig", error))
            self._is_lost = True
            raise DatabaseUnavailable from error
        finally:
            self._made.pop(asyncio.current_task(), None)
        if self._is_lost:
            _log.info("PostgreSQL is back")
        self._is_lost = False
        return link

    async def _reach(self) -> Connection[Record]:
        """For SQLAlchemy, which forgets one that it is cancelled over."""
        made = self._made[asyncio.current_task()] = await reach(self._url, self._manner)
        return made

    async def _give_back(self, link: Link) -> None:
        """A server that cut one connection has cut the others too: none of them is tried again."""
        try:
            await link.settle()
        finally:
            if link.raw.is_closed():
                await link.close()
                await self.close()
            else:
                self._idle.append(link)
