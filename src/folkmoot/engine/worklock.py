"""Which process works a database: the holder of a SQLite file; on PostgreSQL, before there are workers, one by lock."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import make_url

from folkmoot.kernel.errors import Unavailable

if TYPE_CHECKING:
    from asyncpg import Connection, Record

_HOSTS = 0x666F6C6B
_WORK = 0x6D6F6F74
"""First keys of the two kinds of advisory locks, "folk" and "moot": that a host lives, and that one works."""


class WorkLockUnavailable(Unavailable):
    """The database cannot say which process works its runs"""


class WorkLock(Protocol):
    """Says whether this process may work runs, and which other hosts are gone."""

    async def acquire(self) -> bool:
        """Become, or go on being, the process that works. Never waits. Raises WorkLockUnavailable."""
        ...

    async def gone(self, hosts: Collection[str]) -> set[str]:
        """Those of the hosts whose process no longer lives. Raises WorkLockUnavailable."""
        ...

    async def close(self) -> None: ...


class SoleProcess:
    """On SQLite the holder of the file is the only process there is: every other host is gone."""

    def __init__(self, host_id: str) -> None:
        self._host_id = host_id

    async def acquire(self) -> bool:
        return True

    async def gone(self, hosts: Collection[str]) -> set[str]:
        return set(hosts) - {self._host_id}

    async def close(self) -> None:
        """The lock on the file is the application's to release."""


class PostgresWorkLock:
    """A connection of its own holds two session locks, which the server frees when the process is gone."""

    def __init__(self, url: str, host_id: str) -> None:
        self._url = _plain(url)
        self._host_id = host_id
        self._connection: Connection[Record] | None = None
        self._works = False

    async def acquire(self) -> bool:
        connection = await self._connected()
        if not self._works:
            self._works = await self._ask(connection, "select pg_try_advisory_lock($1, $2)", _WORK, 0)
        return self._works

    async def gone(self, hosts: Collection[str]) -> set[str]:
        connection = await self._connected()
        gone = set()
        for host in hosts:
            # taken for this one statement: a host that lives holds its own lock
            statement = "select pg_try_advisory_xact_lock($1, $2)"
            if host != self._host_id and await self._ask(connection, statement, _HOSTS, _key(host)):
                gone.add(host)
        return gone

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _connected(self) -> Connection[Record]:
        """The connection, made anew where it was lost; its locks went with it."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        import asyncpg

        self._works = False
        try:
            self._connection = await asyncpg.connect(self._url)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise WorkLockUnavailable from error
        await self._ask(self._connection, "select pg_advisory_lock($1, $2) is null", _HOSTS, _key(self._host_id))
        return self._connection

    @staticmethod
    async def _ask(connection: Connection[Record], statement: str, *keys: int) -> bool:
        import asyncpg

        try:
            return bool(await connection.fetchval(statement, *keys))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise WorkLockUnavailable from error


async def is_worked(url: str) -> bool:
    """Whether a process works the runs of this PostgreSQL database. Raises WorkLockUnavailable."""
    import asyncpg

    statement = (
        "select exists (select from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' "
        "and d.datname = current_database() and l.classid = $1 and l.objid = 0 and l.granted)"
    )
    try:
        connection = await asyncpg.connect(_plain(url))
        try:
            return bool(await connection.fetchval(statement, _WORK))
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise WorkLockUnavailable from error


def _plain(url: str) -> str:
    """The URL as asyncpg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _key(host_id: str) -> int:
    """A host's second key: 32 bits of its id, signed as PostgreSQL wants them."""
    return zlib.crc32(host_id.encode()) - 2**31
