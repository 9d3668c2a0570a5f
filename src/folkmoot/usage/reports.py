"""What was used, added up by agent, model, project, day or kind of run."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.db.types import PICO
from folkmoot.http.spreadsheet import cell, csv_of
from folkmoot.kernel.scope import Scope
from folkmoot.usage.schemas import GroupBy, UsageRow, UsageSums
from folkmoot.usage.tables import UsageRecord

MOST_ROWS = 100_000
"""Of a report as a file."""

_COLUMNS = UsageRecord.__table__.columns
_UNKNOWN = _COLUMNS.cost.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which calls are added up: `since` is the first moment, `until` the one after the last."""

    group_by: GroupBy
    since: datetime | None = None
    until: datetime | None = None
    project_id: str | None = None
    agent_id: str | None = None


class _Row(NamedTuple):
    """What a statement of this module answers."""

    key: str | None
    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    known_cost: int
    unknown: int
    estimated: int
    hits: int


def report(tx: Tx, scope: Scope, wanted: Wanted, skip: int, limit: int) -> tuple[list[UsageRow], UsageSums, int]:
    """A page of the rows, the sums of all of them, and how many they are."""
    key = _key(tx, wanted.group_by)
    where = _where(scope, wanted)
    rows = sa.select(key, *_sums()).where(*where).group_by(key)
    in_order = [key] if wanted.group_by in ("day", "kind") else [sa.desc("known_cost"), sa.desc("calls"), key]
    found = tx.all(_Row, rows.order_by(*in_order).offset(skip).limit(limit))
    whole = tx.first(_Row, sa.select(sa.null().label("key"), *_sums()).where(*where))
    assert whole is not None, "sums have one row"
    total = tx.scalar(sa.select(sa.func.count()).select_from(rows.subquery()))
    return [UsageRow(key=row.key, **dict(_view(row))) for row in found], _view(whole), total


def _key(tx: Tx, group_by: GroupBy) -> sa.Label[str]:
    match group_by:
        case "agent":
            return _COLUMNS.agent_id.label("key")
        case "project":
            return _COLUMNS.project_id.label("key")
        case "model":
            return (_COLUMNS.provider + ":" + _COLUMNS.model).label("key")
        case "kind":
            return _COLUMNS.kind.label("key")
        case "day":
            return _day(tx).label("key")


def _day(tx: Tx) -> sa.ColumnElement[str]:
    """In UTC, as both databases can say it."""
    at = sa.type_coerce(_COLUMNS.at, sa.String())
    if tx.dialect == "sqlite":
        return sa.func.substr(at, 1, 10)
    return sa.func.to_char(sa.func.timezone("UTC", _COLUMNS.at), "YYYY-MM-DD")


def _where(scope: Scope, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    where = [_COLUMNS.workspace_id == scope.workspace_id]
    if wanted.since is not None:
        where.append(_COLUMNS.at >= wanted.since)
    if wanted.until is not None:
        where.append(_COLUMNS.at < wanted.until)
    if wanted.project_id is not None:
        where.append(_COLUMNS.project_id == wanted.project_id)
    if wanted.agent_id is not None:
        where.append(_COLUMNS.agent_id == wanted.agent_id)
    return where


def _sums() -> list[sa.Label[int]]:
    def total(column: sa.ColumnElement[int], name: str) -> sa.Label[int]:
        return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger).label(name)

    def count(what: sa.ColumnElement[bool], name: str) -> sa.Label[int]:
        return total(sa.case((what, 1), else_=0), name)

    called = sa.not_(_COLUMNS.is_cached)
    return [
        count(called, "calls"),
        total(_COLUMNS.input_tokens, "input_tokens"),
        total(_COLUMNS.output_tokens, "output_tokens"),
        total(_COLUMNS.cached_tokens, "cached_tokens"),
        total(sa.type_coerce(_COLUMNS.cost, sa.BigInteger()), "known_cost"),
        count(_UNKNOWN, "unknown"),
        count(_COLUMNS.is_estimated, "estimated"),
        count(_COLUMNS.is_cached, "hits"),
    ]


def _view(row: _Row) -> UsageSums:
    return UsageSums(
        calls=row.calls,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached_tokens=row.cached_tokens,
        cost_usd=None if row.unknown else Decimal(row.known_cost) / PICO,
        unknown_cost_calls=row.unknown,
        estimated_calls=row.estimated,
        cache_hits=row.hits,
    )


def as_csv(rows: list[UsageRow]) -> bytes:
    """With a heading; a cost that is not known is an empty cell."""
    names = ("key", *UsageSums.model_fields)
    shown = (row.model_dump(mode="json") for row in rows)
    return csv_of([names, *([cell(row[name]) for name in names] for row in shown)])
