"""Counting, over all workspaces: figures for the operator, never for a tenant."""

from dataclasses import dataclass

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.runs.rules import FINAL, RunStatus, WaitingFor
from folkmoot.runs.tables import Run

_LIVE = [status.value for status in RunStatus if status not in FINAL]
_IN_LINE = (WaitingFor.ADMISSION, WaitingFor.START)
_COUNTS = (
    sa.select(Run.status, Run.waiting_for, sa.func.count().label("number"))
    .where(Run.status.in_(_LIVE))
    .group_by(Run.status, Run.waiting_for)
)


_BY_OWNER = (
    sa.select(Run.owner, sa.func.count().label("number"))
    .where(Run.status == "running", Run.owner.is_not(None))
    .group_by(Run.owner)
)


@dataclass(frozen=True, slots=True)
class LiveRuns:
    """How many runs have each of the statuses that are not final, and how many wait for a slot or a worker."""

    by_status: dict[str, int]
    in_line: int


def live_runs(tx: Tx) -> LiveRuns:
    """One statement, over the runs that have not ended."""
    by_status, in_line = dict.fromkeys(_LIVE, 0), 0
    for status, waiting_for, number in tx.all(tuple[str, str | None, int], _COUNTS):
        by_status[status] += number
        in_line += number if waiting_for in _IN_LINE else 0
    return LiveRuns(by_status, in_line)


def runs_by_owner(tx: Tx) -> dict[str, int]:
    """How many runs each process works on."""
    return dict(tx.all(tuple[str, int], _BY_OWNER))
