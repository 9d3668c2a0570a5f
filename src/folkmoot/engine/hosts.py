"""Heartbeats: a process says once, for all that lives in it, that it is there, and hears whether it is to drain."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.db.tx import Tx
from folkmoot.engine.tables import Host
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import NotFound

HEARTBEAT_SECONDS = 15.0
GONE_SECONDS = 45.0
"""What lives in a process that was not seen for so long shows as gone."""

_WHENEVER = timedelta(days=1)  # PostgreSQL's clock may be ahead of ours
_COLUMNS = Host.__table__.columns
_SQLITE, _POSTGRES = sqlite.insert(Host), postgresql.insert(Host)
# PostgreSQL is shared by machines whose clocks differ: there its own counts.
_SEEN_NOW = _POSTGRES.values(
    {name: sa.bindparam(name, type_=column.type) for name, column in _COLUMNS.items()} | {"seen_at": sa.func.now()}
)
_BEAT = {
    "sqlite": _SQLITE.on_conflict_do_update(index_elements=["id"], set_={"seen_at": _SQLITE.excluded.seen_at}),
    "postgresql": _SEEN_NOW.on_conflict_do_update(index_elements=["id"], set_={"seen_at": sa.func.now()}),
}
_SILENT = sa.select(*_COLUMNS).where(Host.seen_at <= sa.bindparam("since")).order_by(Host.id)
_ENDED = (
    sa.delete(Host).where(Host.id == sa.bindparam("host"), Host.seen_at <= sa.bindparam("since")).returning(*_COLUMNS)
)
_KNOWN = sa.select(Host.id).where(Host.id == sa.bindparam("host"))
_ALL = sa.select(*_COLUMNS).order_by(Host.id)
_DRAIN = (
    sa.update(Host)
    .where(Host.id == sa.bindparam("host"))
    .values(is_draining=sa.bindparam("draining"))
    .returning(*_COLUMNS)
)


class NoSuchHost(NotFound):
    """Process not found"""


@dataclass(frozen=True, slots=True)
class HostInfo:
    """This process, as it makes itself known; `address` is where it takes calls, None where it takes none.

    Of the kinds server, worker, command and guest only the last works on no runs. `name` says where it runs.
    """

    id: str
    address: str | None = None
    kind: str = "server"
    name: str | None = None


def alive_since(at: datetime | None = None) -> datetime:
    """Who was seen after this time counts as alive."""
    return (at or now()) - timedelta(seconds=GONE_SECONDS)


def beat(tx: Tx, host: HostInfo) -> bool:
    """Make the process known, or seen again; whether it was not known."""
    known = tx.first(Host, _KNOWN, host=host.id)
    at = now()
    row = {"id": host.id, "name": host.name, "address": host.address, "kind": host.kind, "is_draining": False}
    tx.write(_BEAT[tx.dialect], {**row, "seen_at": at, "created_at": at})
    return known is None


def silent_hosts(tx: Tx) -> list[Host]:
    """Those that count as gone and have not been given up yet."""
    return tx.all(Host, _SILENT, since=alive_since())


def end_host(tx: Tx, host_id: str, since: datetime | None = None) -> Host | None:
    """Take a host's row away: once, so that who gets it may say so. None where it is gone or was seen `since`."""
    return tx.write_returning(Host, _ENDED, host=host_id, since=since or now() + _WHENEVER)


def list_hosts(tx: Tx) -> list[Host]:
    """All that are known, the oldest first."""
    return tx.all(Host, _ALL)


def drain_host(tx: Tx, host_id: str, *, is_draining: bool) -> Host:
    """Ask a process to let go of its runs and to take no more, or to take some again. Raises NoSuchHost."""
    host = tx.write_returning(Host, _DRAIN, host=host_id, draining=is_draining)
    if host is None:
        tx.wrote = False
        raise NoSuchHost
    return host
