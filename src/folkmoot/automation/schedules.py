"""The verbs of schedules, and starting what is due: once for each time, whoever else is at it."""

import asyncio
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from folkmoot.audit.service import record
from folkmoot.automation.queries import (
    SCHEDULE_COLUMNS,
    count_schedules,
    due_schedules,
    hold_due,
    hold_schedule,
    schedule_view,
)
from folkmoot.automation.rules import KEPT_STARTS, MOST_SCHEDULES, next_time
from folkmoot.automation.schedule_schemas import NewSchedule, ScheduleChange
from folkmoot.automation.tables import Schedule, ScheduleStart
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import iso, now
from folkmoot.kernel.errors import Conflict, Problem, Unavailable
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.idempotency import RequestKey, recall
from folkmoot.runs.queries import get_run
from folkmoot.runs.tables import Run
from folkmoot.tasks.queries import NoSuchTask, get_task
from folkmoot.tasks.rules import TaskDefaults
from folkmoot.tasks.schemas import NewTaskRun, RunOverrides
from folkmoot.tasks.service import check_run, create_task, run_task

_BATCH = 100

_INSERT = sa.insert(Schedule).returning(*SCHEDULE_COLUMNS)
_CHANGEABLE = (
    *("name", "cron", "zone", "task_id", "input", "is_paused", "next_at", "last_at", "last_run_id", "last_error"),
    "updated_at",
)
_CHANGE = (
    sa.update(Schedule)
    .where(Schedule.id == sa.bindparam("this"))
    .values(
        {SCHEDULE_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=SCHEDULE_COLUMNS[name].type) for name in _CHANGEABLE}
    )
    .returning(*SCHEDULE_COLUMNS)
)
_DELETE = sa.delete(Schedule).where(Schedule.id == sa.bindparam("this"))
_INSERT_START = sa.insert(ScheduleStart)
_OLDEST_KEPT = (
    sa.select(ScheduleStart.id)
    .where(ScheduleStart.schedule_id == sa.bindparam("this"))
    .order_by(ScheduleStart.id.desc())
    .offset(KEPT_STARTS - 1)
    .limit(1)
    .scalar_subquery()
)
_PRUNE = sa.delete(ScheduleStart).where(
    ScheduleStart.schedule_id == sa.bindparam("this"), ScheduleStart.id < _OLDEST_KEPT
)


class TooManySchedules(Conflict):
    """The workspace has as many schedules as it may"""


def create_schedule(tx: Tx, engine: RunEngine, scope: Scope, new: NewSchedule, defaults: TaskDefaults) -> Schedule:
    """Raises TooManySchedules, NoSuchTask, and what the team's `open` refuses: NoSuchTeam, NoSuchDocument, ..."""
    if count_schedules(tx, scope) >= MOST_SCHEDULES:
        raise TooManySchedules
    if new.task is not None:
        task_id = create_task(tx, engine, scope, new.task, defaults).id
    else:
        task_id = get_task(tx, scope, new.task_id or "").id
    check_run(tx, engine, scope, _wanted(task_id, new.input, {}))
    at = now()
    schedule = tx.write_returning(
        Schedule,
        _INSERT,
        id=new_id(),
        workspace_id=scope.workspace_id,
        project_id=scope.project_id,
        name=new.name,
        cron=new.cron,
        zone=new.zone,
        task_id=task_id,
        input=_kept(new.input),
        is_paused=new.is_paused,
        next_at=None if new.is_paused else next_time(new.cron, new.zone, at),
        last_at=None,
        last_run_id=None,
        last_error=None,
        created_at=at,
        updated_at=at,
    )
    assert schedule is not None
    _say(tx, schedule, "created")
    about = ("schedule", schedule.id)
    record(tx, scope.actor, "create_schedule", about, scope.workspace_id, task_id=task_id, cron=new.cron)
    return schedule


def change_schedule(tx: Tx, engine: RunEngine, scope: Scope, schedule_id: str, change: ScheduleChange) -> Schedule:
    """Raises NoSuchSchedule, and what `create_schedule` raises of its task."""
    schedule = hold_schedule(tx, scope, schedule_id)
    row = change.model_dump(mode="json", exclude_none=True)
    if change.input is not None:
        row["input"] = _kept(change.input)
    if {"task_id", "input"} & row.keys():
        row["task_id"] = get_task(tx, scope, row.get("task_id", schedule.task_id)).id
        wanted = change.input or RunOverrides.model_validate(schedule.input)
        check_run(tx, engine, scope, _wanted(row["task_id"], wanted, {}))
    if {"cron", "zone"} & row.keys() and not schedule.is_paused:
        row["next_at"] = _upcoming(schedule, row.get("cron", schedule.cron), row.get("zone", schedule.zone))
    changed = _change(tx, schedule, **row)
    names = sorted(change.model_fields_set)
    record(tx, scope.actor, "change_schedule", ("schedule", schedule.id), scope.workspace_id, changed=[*names])
    return changed


def pause_schedule(tx: Tx, scope: Scope, schedule_id: str) -> Schedule:
    """Nothing is due any more; a paused one stays as it is. Raises NoSuchSchedule."""
    schedule = hold_schedule(tx, scope, schedule_id)
    if schedule.is_paused:
        return schedule
    record(tx, scope.actor, "pause_schedule", ("schedule", schedule.id), scope.workspace_id)
    return _change(tx, schedule, is_paused=True, next_at=None)


def resume_schedule(tx: Tx, scope: Scope, schedule_id: str) -> Schedule:
    """It is due again from now on; what was missed meanwhile is not made up for. Raises NoSuchSchedule."""
    schedule = hold_schedule(tx, scope, schedule_id)
    if not schedule.is_paused:
        return schedule
    record(tx, scope.actor, "resume_schedule", ("schedule", schedule.id), scope.workspace_id)
    return _change(tx, schedule, is_paused=False, next_at=_upcoming(schedule, schedule.cron, schedule.zone))


def delete_schedule(tx: Tx, scope: Scope, schedule_id: str) -> None:
    """Its task and its runs stay. Raises NoSuchSchedule."""
    schedule = hold_schedule(tx, scope, schedule_id)
    tx.write(_DELETE, {"this": schedule.id})
    _say(tx, schedule, "deleted")
    record(tx, scope.actor, "delete_schedule", ("schedule", schedule.id), scope.workspace_id)


def run_now(tx: Tx, engine: RunEngine, scope: Scope, schedule_id: str, key: RequestKey | None) -> Run:
    """Start its run, whatever the time, or answer the one this key has started; when it is due next stays.

    Raises NoSuchSchedule, NoSuchTask, KeyReused, and what the team's `open` refuses.
    """
    if key is not None and (known := recall(tx, scope, key)) is not None:
        return get_run(tx, scope, known)
    schedule = hold_schedule(tx, scope, schedule_id)
    there = Scope(schedule.workspace_id, schedule.project_id, scope.actor)
    run = run_task(tx, engine, there, _given(schedule, None), key)
    _note(tx, schedule, None, run_id=run.id)
    _change(tx, schedule, last_at=now(), last_run_id=run.id, last_error=None)
    record(tx, scope.actor, "run_schedule", ("schedule", schedule.id), scope.workspace_id, run_id=run.id)
    return run


async def start_due(engine: RunEngine, at: datetime | None = None) -> None:
    """Start a run of every schedule that is due (at `at`, by default now).

    One that could not be looked at for a while starts a single run for all the times it has missed. Each is a task
    of its own, so that what is wrong with one of them keeps no other from its start.
    """
    moment = at or now()
    while due := await engine.database.read(due_schedules, moment, _BATCH):
        tasks = [engine.supervisor.start(_start(engine, one, moment), f"start schedule {one.id}") for one in due]
        await asyncio.wait(tasks)
        is_one_done = any(not task.cancelled() and task.exception() is None and task.result() for task in tasks)
        if len(due) < _BATCH or not is_one_done:
            return


async def _start(engine: RunEngine, schedule: Schedule, at: datetime) -> bool:
    """Whether this time of it is done with."""
    there = scope_of(schedule)
    try:
        await engine.database.write(start_one, engine, there, schedule, at)
    except Unavailable:
        return False
    except Problem as problem:
        await engine.database.write(give_up, there, schedule, at, problem)
    return True


def start_one(tx: Tx, engine: RunEngine, scope: Scope, seen: Schedule, at: datetime) -> Run | None:
    """Start what was due at `seen.next_at` and move on to the next time, in one unit: no crash comes in between.

    None where another process has done so or is about to. Raises what `run_task` does.
    """
    assert seen.next_at is not None, "it is due"
    schedule = hold_due(tx, seen.id, seen.next_at)
    if schedule is None:
        return None
    run = run_task(tx, engine, scope, _given(schedule, seen.next_at), None)
    _note(tx, schedule, seen.next_at, run_id=run.id)
    next_at = next_time(schedule.cron, schedule.zone, at)
    _change(tx, schedule, next_at=next_at, last_at=at, last_run_id=run.id, last_error=None)
    return run


def give_up(tx: Tx, scope: Scope, seen: Schedule, at: datetime, problem: Problem) -> None:
    """This time starts nothing, and says why. One whose task is gone is paused."""
    assert seen.next_at is not None, "it is due"
    schedule = hold_due(tx, seen.id, seen.next_at)
    if schedule is None:
        return
    _note(tx, schedule, seen.next_at, error_code=problem.code, error_message=problem.detail)
    is_paused = isinstance(problem, NoSuchTask)
    next_at = None if is_paused else next_time(schedule.cron, schedule.zone, at)
    _change(tx, schedule, next_at=next_at, is_paused=is_paused, last_at=at, last_error=problem.detail)
    if is_paused:
        record(tx, scope.actor, "pause_schedule", ("schedule", schedule.id), scope.workspace_id, reason=problem.code)


def scope_of(schedule: Schedule) -> Scope:
    """Where a schedule acts, and as whom: in logs it is its own actor."""
    return Scope(schedule.workspace_id, schedule.project_id, Actor("system", schedule.id, f"schedule {schedule.name}"))


def _upcoming(schedule: Schedule, cron: str, zone: str) -> datetime | None:
    """The next time from now on; never one again that was started by a process whose clock is ahead of this one's."""
    at = now()
    return next_time(cron, zone, at if schedule.last_at is None else max(at, schedule.last_at))


def _given(schedule: Schedule, due: datetime | None) -> NewTaskRun:
    """Its run says of which schedule and time it is."""
    marks: dict[str, Json] = {"schedule_id": schedule.id}
    if due is not None:
        marks["due_at"] = iso(due)
    return _wanted(schedule.task_id, RunOverrides.model_validate(schedule.input), marks)


def _wanted(task_id: str, overrides: RunOverrides, marks: dict[str, Json]) -> NewTaskRun:
    metadata = {**overrides.metadata, **marks}
    return NewTaskRun.model_construct(**{**dict(overrides), "task_id": task_id, "metadata": metadata})


def _kept(overrides: RunOverrides) -> dict[str, Json]:
    found: dict[str, Json] = overrides.model_dump(mode="json", exclude_none=True)
    return found


def _change(tx: Tx, schedule: Schedule, **values: object) -> Schedule:
    row = {name: getattr(schedule, name) for name in _CHANGEABLE} | {"updated_at": now()} | values
    changed = tx.write_returning(Schedule, _CHANGE, this=schedule.id, **{f"new_{name}": row[name] for name in row})
    assert changed is not None, "it is held"
    _say(tx, changed, "updated")
    return changed


def _note(tx: Tx, schedule: Schedule, due: datetime | None, **outcome: str) -> None:
    row = dict.fromkeys(ScheduleStart.__table__.columns.keys())
    tx.write(_INSERT_START, {**row, "id": new_id(), "schedule_id": schedule.id, "due_at": due, "at": now(), **outcome})
    tx.write(_PRUNE, {"this": schedule.id})


def _say(tx: Tx, schedule: Schedule, change: Literal["created", "updated", "deleted"]) -> None:
    view = None if change == "deleted" else schedule_view(schedule).model_dump(mode="json")
    tx.emit(schedule.workspace_id, ResourceChanged(resource="schedule", id=schedule.id, change=change, view=view))
