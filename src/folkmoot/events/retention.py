"""Retention: what is too old, or one too many, leaves the log. A cursor from before that is told to begin anew."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event, EventHead
from folkmoot.kernel.clock import now

_BATCH = 500
"""Events of one unit, so that it stays short."""

_EVENT = Event.__table__.columns
_HEADS = sa.select(EventHead.__table__)
_HEAD = _HEADS.where(EventHead.workspace_id == sa.bindparam("workspace"))
_OLDEST = (
    sa.select(Event.seq, Event.at)
    .where(Event.workspace_id == sa.bindparam("workspace"), Event.seq >= sa.bindparam("first"))
    .order_by(Event.seq)
    .limit(_BATCH)
    .subquery()
)
_LAST_DUE = sa.select(sa.func.max(_OLDEST.c.seq)).where(
    sa.or_(_OLDEST.c.at < sa.bindparam("since", type_=_EVENT.at.type), _OLDEST.c.seq <= sa.bindparam("most"))
)
_DELETE = sa.delete(Event).where(Event.workspace_id == sa.bindparam("workspace"), Event.seq < sa.bindparam("oldest"))
_MOVE = (
    sa.update(EventHead)
    .where(EventHead.workspace_id == sa.bindparam("workspace"), EventHead.oldest < sa.bindparam("new_oldest"))
    .values(oldest=sa.bindparam("new_oldest"))
)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long, and how many, events of a workspace are kept at least."""

    days: int = 30
    events: int = 1_000_000


async def prune(db: Database, retention: Retention) -> None:
    """Delete what need not be kept, in short units."""
    for head in await db.read_long(_heads):
        while await db.write(_prune_some, head.workspace_id, retention, now()):
            continue


def _heads(tx: Tx) -> list[EventHead]:
    return tx.all(EventHead, _HEADS)


def _prune_some(tx: Tx, workspace_id: str, retention: Retention, at: datetime) -> int:
    head = tx.first(EventHead, _HEAD, workspace=workspace_id)
    if head is None:
        return 0
    last: int | None = tx.scalar(
        _LAST_DUE,
        workspace=workspace_id,
        first=head.oldest,
        since=at - timedelta(days=retention.days),
        most=head.seq - retention.events,
    )
    if last is None:
        return 0
    tx.write(_MOVE, {"workspace": workspace_id, "new_oldest": last + 1})
    return tx.write(_DELETE, {"workspace": workspace_id, "oldest": last + 1})
