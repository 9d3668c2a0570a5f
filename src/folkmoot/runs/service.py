"""The verbs of runs: start, cancel, pause, resume, tell, release. The inner halves are units, for rooms above."""

from __future__ import annotations

from dataclasses import field
from datetime import timedelta
from decimal import Decimal
from typing import Literal

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.kernel.values import fixed
from folkmoot.runs.append import NewEntry, insert_entry, lock_run, verb_append, verb_end, verb_step
from folkmoot.runs.claims import claim
from folkmoot.runs.events import Paused, Resumed
from folkmoot.runs.folded import Folded, fold
from folkmoot.runs.journal import Entry
from folkmoot.runs.moves import (
    admit,
    emit,
    emit_status,
    go_on,
    let_go,
    number,
    row_of,
    take_slot,
    tell,
    tell_observers,
)
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import RUN_COLUMNS, NoSuchRun, is_shown, journal, live_children
from folkmoot.runs.resting import is_new
from folkmoot.runs.rules import FINAL, PRIORITIES, RunStatus, WaitingFor, is_resting
from folkmoot.runs.spending import budget_run
from folkmoot.runs.tables import Run, RunAgent, RunSlots
from folkmoot.runs.views import run_view
from folkmoot.usage.schemas import RunBudget

_INSERT = sa.insert(Run)
_INSERT_AGENTS = sa.insert(RunAgent)
_BLANK: dict[str, object] = {
    **dict.fromkeys(RUN_COLUMNS.keys()),
    **dict.fromkeys(("input_tokens", "output_tokens", "model_calls", "round_count", "event_seq"), 0),
    **dict.fromkeys(("is_resumed", "is_pausing", "holds_slot"), False),
}
"""What a new run's row has where nothing is said of it."""

Starts = Literal["admission", "here", "conversation", "held"]
_BEGINS: dict[Starts, tuple[RunStatus, WaitingFor | None]] = {
    "admission": (RunStatus.PENDING, WaitingFor.ADMISSION),
    "here": (RunStatus.RUNNING, None),
    "conversation": (RunStatus.PENDING, WaitingFor.CONVERSATION),
    "held": (RunStatus.PAUSED, WaitingFor.OPERATOR),
}


class RunHasEnded(Conflict):
    """The run has ended"""


class RunNotPausable(Conflict):
    """Only a running run, or one that waits for its start, can be paused"""


class RunNotResumable(Conflict):
    """Only a paused run can be resumed"""


@fixed(kw_only=True)
class NewRun:
    """A run to be started. `starts`: in the line for a slot, at once in this process, or behind its conversation.

    A held one is paused, and begins when somebody resumes it.

    With a parent none of these: a child rides on its root's admission, and is as urgent as its parent.
    """

    kind: str
    title: str
    input: JsonObject
    starts: Starts = "admission"
    task_id: str | None = None
    conversation_id: str | None = None
    room_id: str | None = None
    parent: Run | None = None
    retry_of: str | None = None
    run_number: int | None = None
    priority: str = "normal"
    deadline_seconds: int | None = None
    budget: RunBudget | None = None
    agents: tuple[tuple[str, str], ...] = ()
    meta_data: JsonObject = field(default_factory=dict)
    id: str = field(default_factory=new_id)  # given where rows that name the run are written before it


def make_slots(tx: Tx, workspace_id: str, cap: int) -> None:
    """A new workspace's slots: `cap` runs may be live in it."""
    tx.write(sa.insert(RunSlots), {"workspace_id": workspace_id, "live": 0, "cap": cap})


def start_run(tx: Tx, engine: Engine, scope: Scope, new: NewRun) -> Run:
    """Start a run in the caller's unit. Raises what the kind's `open` refuses, TooManyLiveReplies."""
    executor = engine.executor(new.kind)
    given = executor.open(tx, scope, new.input)
    if new.starts == "here":
        engine.check_room()
    row = new_row(tx, engine, scope, new, given)
    if new.parent is not None:
        row |= _as_child(new.parent)
    elif new.starts == "admission" and take_slot(tx, scope.workspace_id):
        row |= {"waiting_for": WaitingFor.START.value, "holds_slot": True}
    run = row_of(row)
    emit_status(tx, engine, None, run)
    tx.write(_INSERT, {**row, "event_seq": number(tx, run)})
    if new.budget is not None:
        budget_run(tx, engine, scope, run, new.budget)
    if new.agents:
        tx.write(_INSERT_AGENTS, [{"run_id": run.id, "agent_id": who, "role": role} for who, role in new.agents])
    data: JsonObject = {"input": given, "seed": run.id, "version": executor.version, "origin": tx.origin.to_json()}
    begun = Entry(1, run.created_at, "begun", "begun", data)
    insert_entry(tx, run, begun)
    state = executor.procedure.begin(begun)
    executor.project(tx, run, state, state, begun)
    tell_observers(tx, engine, None, run)
    emit(tx, run, *executor.procedure.facts(state, begun))
    if new.starts == "here":
        known = Folded(run, state, 1, origin=tx.origin._replace(run_id=run.id))
        tx.after(lambda: engine.begin_here(known))
    elif run.waiting_for == WaitingFor.START:
        tell(tx, engine, run)
    return run


def _as_child(parent: Run) -> dict[str, object]:
    return {
        "parent_run_id": parent.id,
        "root_run_id": parent.root_run_id,
        "priority": parent.priority,
        "waiting_for": WaitingFor.START.value,
    }


def new_row(tx: Tx, engine: Engine, scope: Scope, new: NewRun, given: JsonObject) -> dict[str, object]:
    """What a new run's row begins with."""
    at = tx.at
    run_id = new.id
    is_here, is_held = new.starts == "here", new.starts == "held"
    status, waiting_for = _BEGINS[new.starts]
    until = at + timedelta(seconds=new.deadline_seconds) if new.deadline_seconds and not is_held else None
    return {
        **_BLANK,
        "id": run_id,
        "kind": new.kind,
        "title": new.title,
        "task_id": new.task_id,
        "conversation_id": new.conversation_id,
        "room_id": new.room_id,
        "retry_of": new.retry_of,
        "workspace_id": scope.workspace_id,
        "project_id": scope.project_id,
        "root_run_id": run_id,
        "version": engine.executor(new.kind).version,
        "run_number": new.run_number,
        "cost": Decimal(0),
        "input": given,
        "meta_data": new.meta_data,
        "is_budgeted": new.budget is not None and new.budget.has_limit,
        "priority": PRIORITIES[new.priority],
        "status": status.value,
        "waiting_for": waiting_for.value if waiting_for else None,
        "owner": engine.host_id if is_here else None,
        "epoch": 1 if is_here else 0,
        "journal_seq": 1,
        "deadline_at": until,
        "deadline_left_seconds": new.deadline_seconds if is_held else None,
        "started_at": at if is_here else None,
        "created_at": at,
        "updated_at": at,
    }


def release_run(tx: Tx, engine: Engine, run: Run) -> None:
    """The run in front of this one in its conversation is over: this process works on it, at once."""
    claimed = claim(tx, engine, run.id, run.epoch)
    if claimed is not None:
        tx.after(lambda: engine.begin_here(claimed))


def _by(actor: Actor) -> dict[str, Json]:
    return {"kind": actor.kind, "id": actor.id, "name": actor.name}


def _hold(tx: Tx, scope: Scope, run_id: str) -> Run:
    run = lock_run(tx, scope.workspace_id, run_id)
    if run is None or not is_shown(tx, scope, run):
        raise NoSuchRun
    return run


def cancel(tx: Tx, engine: Engine, scope: Scope, run_id: str) -> Run:
    """End the run as cancelled, whoever works on it; a cancelled one stays so. Raises NoSuchRun, RunHasEnded."""
    run = _hold(tx, scope, run_id)
    if run.status == RunStatus.CANCELLED:
        return run
    if run.status in FINAL:
        raise RunHasEnded(f"The run is already {run.status}", status_now=run.status)
    ended = verb_end(tx, engine, run, "cancelled", _by(scope.actor))
    record(tx, scope.actor, "cancel_run", ("run", run.id), scope.workspace_id)
    return ended


def pause(tx: Tx, engine: Engine, scope: Scope, run_id: str) -> Run:
    """Start nothing new in the run and pause it once nothing is in flight; one that nobody works on at once.

    A child is in flight until it has ended. Raises NoSuchRun, RunNotPausable.
    """
    run = _hold(tx, scope, run_id)
    if run.status == RunStatus.PAUSED or run.is_pausing:
        return run
    if run.status not in (RunStatus.PENDING, RunStatus.RUNNING) or run.waiting_for == WaitingFor.CONVERSATION:
        raise RunNotPausable(status_now=run.status, waiting_for=run.waiting_for)
    entry = NewEntry("controlled", "pause", {"verb": "pause", "by": _by(scope.actor)})
    is_at_work = run.status == RunStatus.RUNNING or bool(live_children(tx, run.id))
    run = verb_append(tx, run, entry, is_pausing=is_at_work)
    record(tx, scope.actor, "pause_run", ("run", run.id), scope.workspace_id)
    if is_at_work:
        return _poked(tx, engine, run)
    paused = let_go(tx, engine, run, RunStatus.PAUSED, {"epoch": run.epoch + 1})
    emit(tx, paused, Paused())
    return paused


def resume(tx: Tx, engine: Engine, scope: Scope, run_id: str) -> Run:
    """A paused run goes on, as soon as a slot is free; one that was only about to pause simply goes on.

    Raises NoSuchRun, RunNotResumable.
    """
    run = _hold(tx, scope, run_id)
    if run.status in (RunStatus.PENDING, RunStatus.RUNNING) and not run.is_pausing:
        return run
    if run.status not in (RunStatus.PAUSED, RunStatus.RUNNING, RunStatus.PENDING):
        raise RunNotResumable(f"A run that is {run.status} cannot be resumed", status_now=run.status)
    entry = NewEntry("controlled", "resume", {"verb": "resume", "by": _by(scope.actor)})
    run = verb_append(tx, run, entry, is_pausing=False)
    record(tx, scope.actor, "resume_run", ("run", run.id), scope.workspace_id)
    if run.status != RunStatus.PAUSED:
        return _poked(tx, engine, run)
    emit(tx, run, Resumed())
    return admit(tx, engine, run)


def tell_run(tx: Tx, engine: Engine, scope: Scope, run_id: str, data: JsonObject) -> Run:
    """Say something to a live run: its procedure gets it as an entry `told`, with who says it.

    One that stands still goes on where it now wants what it did not want before. What is told shows by the
    procedure's own facts, else as a change of the run. Raises NoSuchRun, RunHasEnded.
    """
    run = _hold(tx, scope, run_id)
    if run.status in FINAL:
        raise RunHasEnded(f"The run is already {run.status}", status_now=run.status)
    executor = engine.executor(run.kind)
    before = fold(executor, run, journal(tx, run.id))
    emitted = len(tx.emissions)
    after = verb_step(tx, engine, before, NewEntry("told", "told", {"author": _by(scope.actor), "data": data}))
    if len(tx.emissions) == emitted and executor.takes_slot:
        _show(tx, after.run)
    wanted = executor.procedure.wanted
    is_at_rest = is_resting(run.status, run.waiting_for)
    if not is_at_rest or is_new(wanted(before.state), wanted(after.state), after.begun, now()):
        return go_on(tx, engine, after.run)
    return after.run


def _poked(tx: Tx, engine: Engine, run: Run) -> Run:
    """Its worker hears of it; that it is about to pause, or no longer is, shows at once and moves nothing."""
    _show(tx, run)
    tx.after(lambda: engine.poke(run.id))
    return run


def _show(tx: Tx, run: Run) -> None:
    """Without a reference to the run, as whatever is done to it from outside; of a room's to who is in the room."""
    view = run_view(run).model_dump(mode="json")
    changed = ResourceChanged(resource="run", id=run.id, change="updated", view=view)
    tx.emit(run.workspace_id, changed, room_id=run.room_id)


async def cancel_run(engine: Engine, scope: Scope, run_id: str) -> Run:
    return await engine.database.write(cancel, engine, scope, run_id)


async def pause_run(engine: Engine, scope: Scope, run_id: str) -> Run:
    return await engine.database.write(pause, engine, scope, run_id)


async def resume_run(engine: Engine, scope: Scope, run_id: str) -> Run:
    return await engine.database.write(resume, engine, scope, run_id)
