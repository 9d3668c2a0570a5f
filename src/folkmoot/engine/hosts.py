"""Heartbeats: a process says once, for all that lives in it, that it is there."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.db.tx import Tx
from folkmoot.engine.tables import Host
from folkmoot.kernel.clock import now

HEARTBEAT_SECONDS = 15.0
GONE_SECONDS = 45.0
"""A process that was not seen for so long counts as gone."""

_COLUMNS = Host.__table__.columns
_SQLITE, _POSTGRES = sqlite.insert(Host), postgresql.insert(Host)
_BEAT = {
    "sqlite": _SQLITE.on_conflict_do_update(index_elements=["id"], set_={"seen_at": _SQLITE.excluded.seen_at}),
    "postgresql": _POSTGRES.on_conflict_do_update(index_elements=["id"], set_={"seen_at": _POSTGRES.excluded.seen_at}),
}
_SILENT = sa.select(*_COLUMNS).where(Host.seen_at <= sa.bindparam("since")).order_by(Host.id)
_ENDED = (
    sa.delete(Host).where(Host.id == sa.bindparam("host"), Host.seen_at <= sa.bindparam("since")).returning(*_COLUMNS)
)
_KNOWN = sa.select(Host.id).where(Host.id == sa.bindparam("host"))


@dataclass(frozen=True, slots=True)
class HostInfo:
    """This process, as it makes itself known; `address` is where it takes calls, None where it takes none."""

    id: str
    address: str | None = None
    kind: str = "server"


def alive_since(at: datetime | None = None) -> datetime:
    """Who was seen after this time counts as alive."""
    return (at or now()) - timedelta(seconds=GONE_SECONDS)


def beat(tx: Tx, host: HostInfo) -> bool:
    """Make the process known, or seen again; whether it was not known."""
    known = tx.first(Host, _KNOWN, host=host.id)
    at = now()
    tx.write(
        _BEAT[tx.dialect],
        {"id": host.id, "address": host.address, "kind": host.kind, "seen_at": at, "created_at": at},
    )
    return known is None


def silent_hosts(tx: Tx) -> list[Host]:
    """Those that count as gone and have not been given up yet."""
    return tx.all(Host, _SILENT, since=alive_since())


def end_host(tx: Tx, host_id: str, since: datetime | None = None) -> Host | None:
    """Take a host's row away: once, so that who gets it may say so. None where it is gone or was seen `since`."""
    return tx.write_returning(Host, _ENDED, host=host_id, since=since or now())
