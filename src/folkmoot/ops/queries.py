"""Counting, over all workspaces: figures for the operator, never for a tenant."""

from dataclasses import dataclass

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.runs.rules import FINAL, RunStatus, WaitingFor
from folkmoot.runs.tables import Approval, Run

_LIVE = [status.value for status in RunStatus if status not in FINAL]
_IN_LINE = (WaitingFor.ADMISSION, WaitingFor.START)
_COUNTS = (
    sa.select(Run.kind, Run.status, Run.waiting_for, sa.func.count().label("number"))
    .where(Run.status.in_(_LIVE))
    .group_by(Run.kind, Run.status, Run.waiting_for)
)
_ASKED = sa.select(sa.func.count()).select_from(Approval).where(Approval.status == "pending")
_BY_OWNER = (
    sa.select(Run.owner, sa.func.count().label("number"))
    .where(Run.status == "running", Run.owner.is_not(None))
    .group_by(Run.owner)
)


@dataclass(frozen=True, slots=True)
class LiveRuns:
    """How many runs have each of the statuses that are not final, by kind and status too where there are any.

    And how many wait for a slot or a worker, how many for a budget, and how many questions for a person.
    """

    by_status: dict[str, int]
    by_kind: dict[tuple[str, str], int]
    in_line: int
    without_budget: int
    asked: int


def live_runs(tx: Tx) -> LiveRuns:
    """Two statements, over the runs that have not ended and the questions that are open."""
    by_status, in_line, without_budget = dict.fromkeys(_LIVE, 0), 0, 0
    by_kind: dict[tuple[str, str], int] = {}
    for kind, status, waiting_for, number in tx.all(tuple[str, str, str | None, int], _COUNTS):
        by_status[status] += number
        by_kind[kind, status] = by_kind.get((kind, status), 0) + number
        in_line += number if waiting_for in _IN_LINE else 0
        without_budget += number if waiting_for == WaitingFor.BUDGET else 0
    return LiveRuns(by_status, by_kind, in_line, without_budget, tx.scalar(_ASKED) or 0)


def runs_by_owner(tx: Tx) -> dict[str, int]:
    """How many runs each process works on."""
    return dict(tx.all(tuple[str, int], _BY_OWNER))
