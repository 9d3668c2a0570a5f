"""Changing and deleting runs from outside: their journal is never touched, their status never set."""

from contextlib import suppress
from typing import Literal

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import RUN_COLUMNS, children_of, get_run
from folkmoot.runs.rules import FINAL, PRIORITIES
from folkmoot.runs.schemas import RunChange
from folkmoot.runs.service import RunHasEnded, cancel_run
from folkmoot.runs.tables import Run
from folkmoot.runs.views import run_view
from folkmoot.usage.budgets import forget_budgets
from folkmoot.usage.rules import BudgetScope

_DELETE = sa.delete(Run).where(Run.id == sa.bindparam("run_id"))


class RunIsLive(Conflict):
    """The run is live"""

    hint = "Cancel it first, or delete it with ?cancel=true"


def change_run(tx: Tx, scope: Scope, run_id: str, change: RunChange) -> Run:
    """Raises NoSuchRun."""
    run = get_run(tx, scope, run_id)
    values: dict[str, object] = {"updated_at": now()}
    if change.metadata is not None:
        values["meta_data"] = change.metadata
    if change.priority is not None:
        values["priority"] = PRIORITIES[change.priority]
    update = sa.update(Run).where(Run.id == run.id).values(values).returning(*RUN_COLUMNS)
    changed = tx.write_returning(Run, update)
    assert changed is not None
    _tell(tx, changed, "updated", run_view(changed).model_dump(mode="json"))
    changes = sorted(change.model_fields_set)
    record(tx, scope.actor, "change_run", ("run", run.id), scope.workspace_id, changed=[*changes])
    return changed


async def delete_run(engine: RunEngine, scope: Scope, run_id: str, *, cancel_first: bool) -> None:
    """With its children. Raises NoSuchRun; RunIsLive unless all of them may be cancelled first."""
    if cancel_first:
        await _end_family(engine, scope, run_id)
    await engine.database.write(_remove, scope, run_id)


async def _end_family(engine: RunEngine, scope: Scope, run_id: str) -> None:
    run = await engine.database.read(get_run, scope, run_id)
    if run.status not in FINAL:
        with suppress(RunHasEnded):  # by itself, meanwhile
            await cancel_run(engine, scope, run_id)
    for child in await engine.database.read(children_of, run_id):
        await _end_family(engine, scope, child.id)


def _remove(tx: Tx, scope: Scope, run_id: str) -> None:
    run = get_run(tx, scope, run_id)
    if run.status not in FINAL:
        raise RunIsLive(status_now=run.status)
    for child in children_of(tx, run.id):
        _remove(tx, scope, child.id)
    tx.write(_DELETE, {"run_id": run.id})
    forget_budgets(tx, scope, BudgetScope.RUN, run.id)
    _tell(tx, run, "deleted", None)
    record(tx, scope.actor, "delete_run", ("run", run.id), scope.workspace_id, kind=run.kind)


def _tell(tx: Tx, run: Run, change: Literal["updated", "deleted"], view: JsonObject | None) -> None:
    """Without a reference to the run, whose last event is its terminal one; of a room's to who is in the room."""
    changed = ResourceChanged(resource="run", id=run.id, change=change, view=view)
    tx.emit(run.workspace_id, changed, room_id=run.room_id)
