"""Runs that wait for a budget go on once there is room; what is left set aside for runs that are over is settled."""

from collections.abc import Sequence
from itertools import groupby

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.llm.messages import Usage
from folkmoot.runs.append import lock_run
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.rules import FINAL, RunStatus, WaitingFor
from folkmoot.runs.service import resume
from folkmoot.runs.spending import settle_calls
from folkmoot.runs.tables import Run
from folkmoot.usage.queries import waiting_reservations
from folkmoot.usage.reserving import estimate_of, has_room, settle
from folkmoot.usage.service import Spender
from folkmoot.usage.tables import BudgetReservation

MOST_AT_ONCE = 1_000

_LEFT = (
    sa.select(*BudgetReservation.__table__.columns)
    .outerjoin(Run, Run.id == BudgetReservation.run_id)
    .where(Run.id.is_(None) | Run.status.in_(sorted(FINAL)))
    .order_by(BudgetReservation.run_id)
    .limit(MOST_AT_ONCE)
)
_STANDING = (
    sa.select(Run.id, Run.workspace_id, Run.project_id)
    .where(Run.status == RunStatus.PAUSED.value, Run.waiting_for == WaitingFor.BUDGET.value)
    .order_by(Run.priority.desc(), Run.id)
    .limit(MOST_AT_ONCE)
)


async def refill(engine: RunEngine) -> None:
    """Done again and again: a budget that was raised or deleted, or whose day began, lets its runs go on."""
    for run in await engine.database.read(refillable):
        await engine.database.write(_go_on, engine, run)
    left = await engine.database.read(_left)
    for run_id, rows in groupby(left, key=lambda row: row.run_id):
        await engine.database.write(_settle_left, run_id, [*rows])


def refillable(tx: Tx) -> list[Run]:
    """Runs that wait for a budget, and all that was refused to them would be granted now."""
    standing = tx.all(Run, _STANDING)
    if not standing:
        return []
    refused: dict[str, list[BudgetReservation]] = {}
    for row in waiting_reservations(tx, [run.id for run in standing]):
        refused.setdefault(row.run_id, []).append(row)
    return [run for run in standing if has_room(tx, refused.get(run.id, ()), now())]


def _go_on(tx: Tx, engine: RunEngine, seen: Run) -> None:
    run = lock_run(tx, seen.workspace_id, seen.id)
    if run is not None and run.status == RunStatus.PAUSED and run.waiting_for == WaitingFor.BUDGET:
        resume(tx, engine, Scope(run.workspace_id, run.project_id, SYSTEM), run.id)


def _left(tx: Tx) -> list[BudgetReservation]:
    return tx.all(BudgetReservation, _LEFT)


def _settle_left(tx: Tx, run_id: str, rows: Sequence[BudgetReservation]) -> None:
    """Answers that nobody took in any more count at their most."""
    workspace_id = rows[0].workspace_id
    run = lock_run(tx, workspace_id, run_id)
    if run is not None:
        settle_calls(tx, run, dict.fromkeys({row.action_key for row in rows}))
        return
    taken: dict[str, Usage | None] = {row.action_key: estimate_of(row) for row in rows}
    settle(tx, Spender(workspace_id=workspace_id, project_id="", kind="", run_id=run_id), taken)
