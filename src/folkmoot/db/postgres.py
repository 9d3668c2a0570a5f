"""PostgreSQL: the same units through asyncpg, in a few lanes, READ COMMITTED with explicit row locks."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from folkmoot.db.database import Database, bind
from folkmoot.db.lanes import DatabaseBusy, DatabaseUnavailable, Hooks, Job, OutcomeUnknown, run_group
from folkmoot.db.links import Link, Links
from folkmoot.db.prepared import Shelf
from folkmoot.db.prepared_postgres import PostgresTx
from folkmoot.db.server import Manner
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_TRIES = 3
_DEADLOCK = ("40P01", "40001")
_FASTER = "23505"  # another has written what is to be there once, after this unit had looked
_LOST = ("08", "57P", "25P03", "25P04")  # connection failures, shutting down, a transaction that took too long
_REFUSED = ("53", "28", "3D000")  # out of resources, not let in, no such database
_TOO_SLOW = "57014"
_LOCKED = "55P03"
_SNAPSHOT = "isolation level repeatable read, read only"
_PLAIN = Manner()


class StatementTooSlow(Unavailable):
    """The database took longer than DB_STATEMENT_TIMEOUT_SECONDS"""


class PostgresDatabase(Database):
    """Write lanes by hash of the workspace, one link fewer than there are; reads take what is free, on one snapshot."""

    dialect = "postgresql"

    def __init__(self, url: sa.URL, hooks: Hooks, pool_size: int, manner: Manner = _PLAIN) -> None:
        super().__init__(hooks, lanes=max(1, min(4, pool_size - 1)))
        self._links = Links(url, manner, pool_size)
        self._shelf = Shelf(self._links.dialect)
        self._begin, self._begin_read = manner.begin(), manner.begin(_SNAPSHOT)

    async def close(self) -> None:
        await super().close()
        await self._links.close()

    async def read(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        bound = bind(unit, *args, **kwargs)
        with self._translated:
            return await self._patiently(lambda link: self._snapshot(link, bound), _LOST)

    async def read_long(self, unit: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.read(unit, *args, **kwargs)

    async def ping(self) -> None:
        await self.read(lambda tx: tx.scalar(sa.text("select 1")))

    async def _transact(self, jobs: list[Job]) -> list[Job]:
        # A group locks rows in the order its units came; each alone keeps the order that cannot deadlock.
        repeatable = (*_LOST, *_DEADLOCK, _FASTER) if len(jobs) == 1 else _LOST
        return await self._patiently(lambda link: self._group(link, jobs), repeatable)

    async def _patiently(self, use: Callable[[Link], T], repeatable: tuple[str, ...]) -> T:
        """Try three times where nothing can have been committed: links outlive their server."""
        for _ in range(_TRIES - 1):
            try:
                async with self._links.one() as link:
                    return await link.run(use)
            except sa.exc.DBAPIError as error:
                if not (error.connection_invalidated or _state(error).startswith(repeatable)):
                    raise
        async with self._links.one() as link:
            return await link.run(use)

    def _group(self, link: Link, jobs: list[Job]) -> list[Job]:
        self._say(link, self._begin)
        ready = run_group(lambda: PostgresTx(link, self._shelf), jobs, self.hooks)
        try:
            if self._say(link, "commit") != "COMMIT":
                raise sa.exc.InvalidRequestError("a unit went on after the database had refused a statement")
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated or _state(error).startswith(_LOST) or isinstance(error.orig, TimeoutError):
                raise OutcomeUnknown from error
            raise
        return ready

    def _snapshot(self, link: Link, unit: Callable[[Tx], T]) -> T:
        self._say(link, self._begin_read)
        answer = unit(PostgresTx(link, self._shelf))
        self._say(link, "rollback")
        return answer

    @staticmethod
    def _say(link: Link, words: str) -> str:
        status: str = link.ask(words, lambda raw: raw.execute(words))
        return status

    @staticmethod
    def translate(error: Exception) -> Problem | None:
        if isinstance(error, OSError | sa.exc.TimeoutError):
            return DatabaseUnavailable()
        if not isinstance(error, sa.exc.DBAPIError):
            return None
        state = _state(error)
        if error.connection_invalidated or state.startswith((*_LOST, *_REFUSED)):
            return DatabaseUnavailable()
        if state == _TOO_SLOW or isinstance(error.orig, TimeoutError):
            return StatementTooSlow()
        return DatabaseBusy() if state == _LOCKED else None


def _state(error: sa.exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
