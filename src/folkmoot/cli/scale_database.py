"""What a bench asks the database under it: whether it is empty, and what it does while runs are worked on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import sqlalchemy as sa

from folkmoot.cli.environment import shown_url
from folkmoot.db.connect import connect
from folkmoot.db.copying import TargetNotEmpty
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.tables import EventHead

_TABLES = sa.text(
    "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') "
    "and n.nspname <> 'information_schema' and left(n.nspname, 3) <> 'pg_'"
)
_VERSION = {"postgresql": sa.text("show server_version"), "sqlite": sa.text("select sqlite_version()")}
_ALLOWED = sa.text("select setting::int from pg_settings where name = 'max_connections'")
_TRANSACTIONS = sa.text("select xact_commit from pg_stat_database where datname = current_database()")
_EVENTS = sa.select(sa.func.coalesce(sa.func.sum(EventHead.seq), 0))
_BACKENDS = sa.text(
    "select pid, case when state = 'active' then wait_event_type end as waits from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid()"
)


class Backend(NamedTuple):
    """A connection as PostgreSQL sees it, and what it waits for in the middle of a statement."""

    pid: int
    waits: str | None


@dataclass(slots=True)
class Activity:
    """Of the connections, looked at now and again; how many of them waited for a lock, or for the disk, in sum."""

    pids: set[int] = field(default_factory=set)
    most: int = 0
    looks: int = 0
    locked: int = 0
    on_disk: int = 0

    def saw(self, backends: list[Backend]) -> None:
        self.pids |= {backend.pid for backend in backends}
        self.most = max(self.most, len(backends))
        self.looks += 1
        self.locked += sum(backend.waits == "Lock" for backend in backends)
        self.on_disk += sum(backend.waits in ("IO", "LWLock") for backend in backends)

    def share(self, waited: int) -> float:
        """How many connections waited on average."""
        return round(waited / max(1, self.looks), 2)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = connect(url, pool_size=2)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def check_empty(url: str) -> None:
    """Raises TargetNotEmpty where a PostgreSQL database has any table, and what a server out of reach raises."""
    async with opened(url) as database:
        tables = await database.read(lambda tx: int(tx.scalar(_TABLES)))
    if tables:
        raise TargetNotEmpty(
            f"{shown_url(url)} has {tables} tables already and is left alone: make an empty database with createdb, "
            "name that one, and drop it afterwards"
        )


def backends(tx: Tx) -> list[Backend]:
    """Of this database, this connection not included; none on SQLite."""
    return tx.all(Backend, _BACKENDS) if tx.dialect == "postgresql" else []


def server(tx: Tx) -> tuple[str, int | None]:
    """Which database it is, and how many connections it allows."""
    if tx.dialect == "postgresql":
        return f"PostgreSQL {tx.scalar(_VERSION[tx.dialect])}", int(tx.scalar(_ALLOWED))
    return f"SQLite {tx.scalar(_VERSION[tx.dialect])}", None


def written(tx: Tx) -> tuple[int, int | None]:
    """Events of all workspaces, and what PostgreSQL has committed in this database (reads count too), so far."""
    transactions = int(tx.scalar(_TRANSACTIONS)) if tx.dialect == "postgresql" else None
    return int(tx.scalar(_EVENTS)), transactions
