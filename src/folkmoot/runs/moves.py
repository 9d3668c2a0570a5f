"""Moving a run: the one place where a status changes, slots are taken and given back, and observers hear of it."""

from collections import namedtuple
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypedDict, cast

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.facts import Emission, Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.events import Cancelled, Completion, Failure, RunStatusChanged
from folkmoot.runs.journal import End
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import RUN_COLUMNS
from folkmoot.runs.rules import FINAL, RunStatus, WaitingFor, check_transition, is_resting
from folkmoot.runs.tables import Run, RunSlots
from folkmoot.runs.views import run_changes, run_view


class Change(TypedDict, total=False):
    """What a move writes beside the status."""

    waiting_for: str | None
    wake_at: datetime | None
    holds_slot: bool
    is_resumed: bool
    is_pausing: bool
    owner: str | None
    epoch: int
    journal_seq: int
    deadline_at: datetime | None
    deadline_left_seconds: int | None
    stop_reason: str | None
    result: JsonObject | None
    error_code: str | None
    error_message: str | None
    started_at: datetime | None
    completed_at: datetime | None


_CHANGEABLE = ("status", "updated_at", "event_seq", *Change.__annotations__)
_NEW = tuple((f"new_{name}", name) for name in _CHANGEABLE)
_Row = namedtuple("_Row", RUN_COLUMNS.keys())  # type: ignore[misc]
_SAVE = (
    sa.update(Run)
    .where(Run.id == sa.bindparam("this_run"))
    .values({RUN_COLUMNS[name]: sa.bindparam(new, type_=RUN_COLUMNS[name].type) for new, name in _NEW})
)
_TAKE_SLOT = (
    sa.update(RunSlots)
    .where(RunSlots.workspace_id == sa.bindparam("workspace"), RunSlots.live < RunSlots.cap)
    .values(live=RunSlots.live + 1)
)
_BUMP_SLOTS = (
    sa.update(RunSlots)
    .where(RunSlots.workspace_id == sa.bindparam("workspace"))
    .values(live=RunSlots.live + sa.bindparam("by"))
)
_NEXT = (
    sa.select(*RUN_COLUMNS)
    .where(
        Run.workspace_id == sa.bindparam("workspace"),
        Run.status == "pending",
        Run.waiting_for == "admission",
    )
    .order_by(Run.priority.desc(), Run.is_resumed.desc(), Run.created_at, Run.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_NUMBER_EVENTS = (
    sa.update(Run)
    .where(Run.id == sa.bindparam("this_run"))
    .values(event_seq=Run.event_seq + sa.bindparam("number"))
    .returning(Run.event_seq)
)


def row_of(values: Mapping[str, object]) -> Run:
    """A run's row as a SELECT would answer it, from what this unit has just written."""
    return cast("Run", _Row(**values))


def _with(run: Run, **values: object) -> Run:
    """The row with other values; as a row has it, a word of a closed list is plain text."""
    plain = {name: value.value if isinstance(value, StrEnum) else value for name, value in values.items()}
    return cast("Run", _Row._make(map(plain.get, _Row._fields, cast(Any, run))))


def move(tx: Tx, engine: Engine, run: Run, to: RunStatus, change: Change) -> Run:
    """Change a run's status and what it waits for, tell the observers, emit; answers the row after.

    `run` is its row, held by this unit. Raises IllegalTransition. `waiting_for` is null unless the change names it.
    """
    check_transition(run.status, to)
    after = _with(run, **{"waiting_for": None, **change, "status": to, "updated_at": tx.at})
    if (run.status, run.waiting_for) != (after.status, after.waiting_for):
        announce(tx, engine, run.status, after)
    after = _with(after, event_seq=number(tx, after))
    moved = tx.write(_SAVE, {"this_run": run.id, **{new: getattr(after, name) for new, name in _NEW}})
    assert moved == 1, "a run is moved only while its row is held"
    return after


def announce(tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
    """Observers first, then the status, then the one terminal event of a run that has ended."""
    tell_observers(tx, engine, previous, run)
    emit_status(tx, engine, previous, run)
    if run.status in FINAL:
        emit(tx, run, _terminal(run))
        tx.after(lambda: engine.has_ended(run))


def tell_observers(tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
    for observer in engine.observers:
        observer.status_changed(tx, engine, previous, run)


def emit_status(tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
    """With how the run looks now, but for replies: lists of runs leave them out, and messages tell all of them."""
    view: JsonObject | None = None
    if engine.executor(run.kind).takes_slot:
        view = run_view(run).model_dump(mode="json") if previous is None else run_changes(run)
    changed = RunStatusChanged(
        previous_status=previous,
        status=run.status,
        waiting_for=run.waiting_for,
        stop_reason=run.stop_reason,
        run=view,
    )
    emit(tx, run, changed)


def emit(tx: Tx, run: Run, *facts: Fact) -> None:
    """Facts of a run: they carry its references and are numbered by `number_events`."""
    for fact in facts:
        tx.emit(run.workspace_id, fact, run_id=run.id, task_id=run.task_id, room_id=run.room_id)


def _terminal(run: Run) -> Fact:
    match run.status:
        case RunStatus.COMPLETED:
            return Completion(results=run.result)
        case RunStatus.CANCELLED:
            return Cancelled(stop_reason=run.stop_reason or "cancelled", results=run.result)
        case _:
            code = "timeout" if run.status == RunStatus.TIMEOUT else run.error_code or "failed"
            return Failure(error=run.error_message or "", code=code, results=run.result)


def number(tx: Tx, run: Run) -> int:
    """Number what was emitted about the run so far; answers its `event_seq` after, for the statement that saves it."""
    seq = run.event_seq
    for emission in tx.emissions:
        if emission.references.get("run_id") == run.id:
            if emission.run_seq is None:
                emission.run_seq = seq + 1
            seq = max(seq, emission.run_seq)
    return seq


def number_events(tx: Tx) -> None:
    """Give the facts about runs that are left their `run_seq`, gapless per run; hung in before the log is written."""
    by_run: dict[str, list[Emission]] = {}
    for emission in tx.emissions:
        if emission.run_seq is None and (run_id := emission.references.get("run_id")) is not None:
            by_run.setdefault(run_id, []).append(emission)
    for run_id, emissions in by_run.items():
        row = tx.write_returning(Run, _NUMBER_EVENTS, this_run=run_id, number=len(emissions))
        if row is None:
            continue
        for run_seq, emission in enumerate(emissions, row.event_seq - len(emissions) + 1):
            emission.run_seq = run_seq


def admit(tx: Tx, engine: Engine, run: Run, change: Change | None = None) -> Run:
    """Make a run that has begun pending again: at its start where a slot is free or held, else in the line for one.

    A child needs none, it rides on its root's. A deadline that stood still goes on.
    """
    takes_slot = engine.executor(run.kind).takes_slot and run.parent_run_id is None
    holds_slot = run.holds_slot or (takes_slot and take_slot(tx, run.workspace_id))
    is_free = holds_slot or not takes_slot
    waiting_for = WaitingFor.START if is_free else WaitingFor.ADMISSION
    admitted: Change = {"waiting_for": waiting_for, "holds_slot": holds_slot, "stop_reason": None}
    moved = move(
        tx,
        engine,
        run,
        RunStatus.PENDING,
        {**restored_deadline(run), **(change or {}), **admitted, "is_resumed": True, "wake_at": None},
    )
    if is_free:
        tell(tx, engine, moved)
    return moved


def go_on(tx: Tx, engine: Engine, run: Run) -> Run:
    """Something that a run waits for has come: its worker looks, or one that stands still is admitted.

    A paused run stays so, and one that waits for its start finds it there.
    """
    if run.status == RunStatus.RUNNING:
        tx.after(lambda: engine.poke(run.id))
    elif is_resting(run.status, run.waiting_for):
        return admit(tx, engine, run)
    return run


def tell(tx: Tx, engine: Engine, run: Run) -> None:
    tx.after(lambda: engine.tell(run))


def take_slot(tx: Tx, workspace_id: str) -> bool:
    """Take one of the workspace's slots if one is free; the slots' row stays locked for the rest of the unit."""
    if tx.write(_TAKE_SLOT, {"workspace": workspace_id}) == 1:
        return True
    # once more behind the row's lock: who frees a slot meanwhile does not see this run in the line
    tx.write(_BUMP_SLOTS, {"workspace": workspace_id, "by": 0})
    return tx.write(_TAKE_SLOT, {"workspace": workspace_id}) == 1


def free_slot(tx: Tx, engine: Engine, workspace_id: str) -> None:
    """Give a slot back: to the first in the line, or to nobody."""
    tx.write(_BUMP_SLOTS, {"workspace": workspace_id, "by": -1})
    following = tx.first(Run, _NEXT, workspace=workspace_id)
    if following is None:
        return
    tx.write(_BUMP_SLOTS, {"workspace": workspace_id, "by": 1})
    moved = move(tx, engine, following, RunStatus.PENDING, {"waiting_for": WaitingFor.START, "holds_slot": True})
    tell(tx, engine, moved)


def finish(tx: Tx, engine: Engine, run: Run, end: End, change: Change | None = None) -> Run:
    """End a run for good: status, result, slot, observers, the terminal event."""
    ended = move(
        tx,
        engine,
        run,
        RunStatus(end.status),
        {
            **(change or {}),
            "stop_reason": end.stop_reason,
            "result": end.result,
            "error_code": end.error_code,
            "error_message": end.error_message,
            "completed_at": tx.at,
            "owner": None,
            "wake_at": None,
            "holds_slot": False,
            "is_pausing": False,
        },
    )
    if run.holds_slot:
        free_slot(tx, engine, run.workspace_id)
    return ended


def let_go(tx: Tx, engine: Engine, run: Run, to: RunStatus, change: Change) -> Run:
    """A run stops being worked on without being over: no owner, and no slot unless the change keeps it.

    While it is paused or waits for a person its deadline stands still.
    """
    released: Change = {"owner": None, "holds_slot": False, "is_pausing": False, **change}
    if to in (RunStatus.PAUSED, RunStatus.AWAITING_APPROVAL) and run.deadline_at is not None:
        released["deadline_left_seconds"] = max(0, round((run.deadline_at - now()).total_seconds()))
        released["deadline_at"] = None
    moved = move(tx, engine, run, to, released)
    if run.holds_slot and not moved.holds_slot:
        free_slot(tx, engine, run.workspace_id)
    return moved


def hand_on(tx: Tx, engine: Engine, run: Run) -> None:
    """The next worker goes on with a run whose worker is gone or lets it go; what that one still writes is fenced."""
    freed = move(
        tx,
        engine,
        run,
        RunStatus.PENDING,
        {"waiting_for": WaitingFor.START, "owner": None, "epoch": run.epoch + 1, "is_resumed": True},
    )
    tell(tx, engine, freed)


def restored_deadline(run: Run) -> Change:
    """The deadline of a run that goes on after it stood still."""
    if run.deadline_left_seconds is None:
        return {}
    return {
        "deadline_at": now() + timedelta(seconds=run.deadline_left_seconds),
        "deadline_left_seconds": None,
    }
