"""Schedules over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.automation import queries, schedules
from folkmoot.automation.deps import ScheduleId
from folkmoot.automation.queries import NoSuchSchedule, schedule_view
from folkmoot.automation.schedule_schemas import (
    NewSchedule,
    ScheduleChange,
    SchedulePage,
    ScheduleStartPage,
    ScheduleView,
)
from folkmoot.automation.schedules import TooManySchedules
from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.knowledge.queries import NoSuchDocument
from folkmoot.llm.faults import UnknownModel
from folkmoot.runs.deps import Engine
from folkmoot.runs.idempotency import KeyInUse, KeyReused, request_key
from folkmoot.runs.schemas import RunView
from folkmoot.runs.views import show_run
from folkmoot.tasks.deps import Defaults, IdempotencyKey
from folkmoot.tasks.queries import NoSuchTask
from folkmoot.tasks.rules import NoSuchTeam
from folkmoot.workspaces.deps import Here

_HOME = "/api/schedules"
_TASKS = (NoSuchTask, NoSuchDocument, NoSuchTeam, NoSuchAgent, NotInitialized, UnknownModel)

router = APIRouter(prefix=_HOME, tags=["schedules"])
_UNKNOWN = problems(NoSuchSchedule)


@router.get("")
async def list_schedules(db: Db, here: Here, paging: Paging) -> SchedulePage:
    """Newest first."""
    found, total = await db.read_long(queries.list_schedules, here, paging.skip, paging.limit)
    return SchedulePage(schedules=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post("", status_code=201, responses=problems(TooManySchedules, *_TASKS))
async def create_schedule(
    new: NewSchedule, db: Db, engine: Engine, here: Here, defaults: Defaults, response: Response
) -> ScheduleView:
    """Of times that are missed while nothing works, one is made up for."""
    schedule = await db.write(schedules.create_schedule, engine, here, new, defaults)
    response.headers["Location"] = f"{_HOME}/{schedule.id}"
    return schedule_view(schedule)


@router.get("/{schedule_id}", responses=_UNKNOWN)
async def get_schedule(db: Db, here: Here, schedule_id: ScheduleId) -> ScheduleView:
    return schedule_view(await db.read(queries.get_schedule, here, schedule_id))


@router.patch("/{schedule_id}", responses=problems(NoSuchSchedule, *_TASKS))
async def change_schedule(
    change: ScheduleChange, db: Db, engine: Engine, here: Here, schedule_id: ScheduleId
) -> ScheduleView:
    return schedule_view(await db.write(schedules.change_schedule, engine, here, schedule_id, change))


@router.delete("/{schedule_id}", status_code=204, responses=_UNKNOWN)
async def delete_schedule(db: Db, here: Here, schedule_id: ScheduleId) -> None:
    """Its task and its runs are kept."""
    await db.write(schedules.delete_schedule, here, schedule_id)


@router.post("/{schedule_id}/pause", responses=_UNKNOWN)
async def pause_schedule(db: Db, here: Here, schedule_id: ScheduleId) -> ScheduleView:
    return schedule_view(await db.write(schedules.pause_schedule, here, schedule_id))


@router.post("/{schedule_id}/resume", responses=_UNKNOWN)
async def resume_schedule(db: Db, here: Here, schedule_id: ScheduleId) -> ScheduleView:
    """What was missed while it was paused is not made up for."""
    return schedule_view(await db.write(schedules.resume_schedule, here, schedule_id))


@router.post("/{schedule_id}/run", status_code=202, responses=problems(NoSuchSchedule, *_TASKS, KeyReused, KeyInUse))
async def run_schedule(
    db: Db,
    engine: Engine,
    here: Here,
    schedule_id: ScheduleId,
    response: Response,
    idempotency_key: IdempotencyKey = None,
    wait: Annotated[float, Query(ge=0, le=300, description="Seconds to wait for the run's end")] = 0,
) -> RunView:
    """Start its run now, also while it is paused; when it is due next does not change."""
    key = request_key(idempotency_key, f"POST {_HOME}/{schedule_id}/run", None)
    run = await db.write(schedules.run_now, engine, here, schedule_id, key)
    response.headers["Location"] = f"/api/runs/{run.id}"
    await engine.wait(here, run.id, wait)
    return await db.read(show_run, here, run.id, with_cursor=False)


@router.get("/{schedule_id}/runs", responses=_UNKNOWN)
async def list_schedule_starts(db: Db, here: Here, schedule_id: ScheduleId, paging: Paging) -> ScheduleStartPage:
    """Its times, newest first, with the run that each has started or why it has started none."""
    found, total = await db.read_long(queries.list_starts, here, schedule_id, paging.skip, paging.limit)
    return ScheduleStartPage(starts=found, total=total, skip=paging.skip, limit=paging.limit)
