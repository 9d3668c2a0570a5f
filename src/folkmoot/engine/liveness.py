"""Which processes live, which of them looks after what is due, and which are gone."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from folkmoot.db.server import name_of
from folkmoot.engine.postgres import connected, faults
from folkmoot.kernel.errors import Unavailable

if TYPE_CHECKING:
    from asyncpg import Connection, Record

BEAT_SECONDS = 2.0
QUIET_SECONDS = 4.0
"""A process that was not seen for so long and has lost its lock is gone; another one leads from then on."""
STALE_SECONDS = 8.0
"""One that was not seen for so long is gone even with its lock: it is frozen, or cut off."""
_HOSTS = 0x666F6C6B
"""First key of the advisory locks, "folk": that a host lives."""
_GRACE_SECONDS = 10.0
"""After PostgreSQL, or the way to it, was gone for a while others have so long to say that they live."""

_BEAT = "update hosts set seen_at = now() where id = $1 returning is_draining"
_LEADS = (
    "select coalesce((select min(id) from hosts where kind <> 'guest' "
    "and seen_at > now() - make_interval(secs => $2)) = $1, true)"
)
_LOCKS = (
    "select l.objid::bigint from pg_locks l join pg_database d on d.oid = l.database "
    "where l.locktype = 'advisory' and d.datname = current_database() and l.classid::bigint = $1 and l.granted"
)
_GONE = (
    "select a.host from unnest($1::varchar[], $2::float8[]) as a (host, longest) left join hosts h on h.id = a.host "
    "where pg_postmaster_start_time() < now() - make_interval(secs => $3) "
    "and (h.seen_at < now() - make_interval(secs => a.longest) or h.id is null and a.longest < $4)"
)


class LivenessUnknown(Unavailable):
    """The database cannot say which processes live"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the others see this process."""

    is_draining: bool = False


class Liveness(Protocol):
    """This process among those that share a database. Its questions raise LivenessUnknown."""

    async def beat(self) -> Standing | None:
        """Say that this process lives. None where nobody knows it, as at the start: make it known."""
        ...

    async def leads(self) -> bool:
        """Whether it is this process that looks after what is due, of the working ones the oldest."""
        ...

    async def gone(self, hosts: Collection[str], *, is_patient: bool = True) -> set[str]:
        """Those of the hosts whose process lives no more; not `is_patient`, at once when its lock is free."""
        ...

    async def close(self) -> None: ...


class SoleProcess:
    """On SQLite the holder of the file is the only process there is: every other host is gone."""

    def __init__(self, host_id: str) -> None:
        self._host_id = host_id

    async def beat(self) -> Standing:
        return Standing()

    async def leads(self) -> bool:
        return True

    async def gone(self, hosts: Collection[str], *, is_patient: bool = True) -> set[str]:
        return set(hosts) - {self._host_id}

    async def close(self) -> None:
        """The lock on the file is the application's to release."""


class PostgresLiveness:
    """A connection of its own holds a session lock, which the server frees when the process is gone.

    What is asked here waits for no unit of work, and times are the server's: clocks of machines differ.
    """

    def __init__(self, url: str, host_id: str) -> None:
        self._url = url
        self._host_id = host_id
        self._connection: Connection[Record] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._lost_at = -_GRACE_SECONDS

    async def beat(self) -> Standing | None:
        rows = await self._ask(_BEAT, self._host_id)
        return Standing(is_draining=rows[0]["is_draining"]) if rows else None

    async def leads(self) -> bool:
        return bool((await self._ask(_LEADS, self._host_id, QUIET_SECONDS))[0][0])

    async def gone(self, hosts: Collection[str], *, is_patient: bool = True) -> set[str]:
        asked = sorted(set(hosts) - {self._host_id})
        if not asked or (is_patient and monotonic() - self._lost_at < _GRACE_SECONDS):
            return set()
        locks = {row[0] for row in await self._ask(_LOCKS, _HOSTS)}
        unlocked = {host for host in asked if _key(host) % 2**32 not in locks}
        if not is_patient:
            return unlocked
        longest = [QUIET_SECONDS if host in unlocked else STALE_SECONDS for host in asked]
        return {row[0] for row in await self._ask(_GONE, asked, longest, _GRACE_SECONDS, STALE_SECONDS)}

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()

    async def _ask(self, statement: str, *values: object) -> list[Record]:
        async with self._one_at_a_time:
            try:
                return await (await self._connected()).fetch(statement, *values)
            except faults() as error:
                self._lost_at = monotonic()
                if self._connection is not None:
                    self._connection.terminate()
                raise LivenessUnknown from error

    async def _connected(self) -> Connection[Record]:
        """The connection, made anew where it was lost; shared, its lock waits for no session that is dead unnoticed."""
        if self._connection is not None and self._connection.is_closed():
            self._connection, self._lost_at = None, monotonic()
        if self._connection is None:
            self._connection = await connected(self._url, name_of(self._host_id))
            await self._connection.fetchval(
                "select pg_advisory_lock_shared($1, $2) is null", _HOSTS, _key(self._host_id)
            )
        return self._connection


async def is_lived(url: str) -> bool:
    """Whether a process lives on this PostgreSQL database. Raises LivenessUnknown."""
    try:
        connection = await connected(url)
        try:
            return bool(await connection.fetch(_LOCKS, _HOSTS))
        finally:
            connection.terminate()
    except faults() as error:
        raise LivenessUnknown from error


def _key(host_id: str) -> int:
    """A host's second key: 32 bits of its id, signed as PostgreSQL wants them."""
    return zlib.crc32(host_id.encode()) - 2**31
