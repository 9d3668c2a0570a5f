"""Calls of schedules. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.automation import Schedule, SchedulePage, ScheduleStartPage
from folkmoot.client.resources.runs import Run
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def list_schedules(*, skip: int | None = None, limit: int | None = None) -> Call[SchedulePage]:
    """Newest first."""
    return Call("GET", "/api/schedules", wire.one(SchedulePage), query={"skip": skip, "limit": limit})


def create_schedule(
    name: str,
    cron: str,
    *,
    zone: str | None = None,
    task_id: str | None = None,
    task: JsonObject | None = None,
    input: JsonObject | None = None,
    is_paused: bool | None = None,
) -> Call[Schedule]:
    """Of times that are missed while nothing works, one is made up for."""
    return Call(
        "POST",
        "/api/schedules",
        wire.one(Schedule),
        body={
            "name": name,
            "cron": cron,
            "zone": zone,
            "task_id": task_id,
            "task": task,
            "input": input,
            "is_paused": is_paused,
        },
    )


def get_schedule(schedule_id: str) -> Call[Schedule]:
    return Call("GET", wire.path("/api/schedules/{schedule_id}", schedule_id=schedule_id), wire.one(Schedule))


def change_schedule(
    schedule_id: str,
    *,
    name: str | None = None,
    cron: str | None = None,
    zone: str | None = None,
    task_id: str | None = None,
    input: JsonObject | None = None,
) -> Call[Schedule]:
    return Call(
        "PATCH",
        wire.path("/api/schedules/{schedule_id}", schedule_id=schedule_id),
        wire.one(Schedule),
        body={"name": name, "cron": cron, "zone": zone, "task_id": task_id, "input": input},
    )


def delete_schedule(schedule_id: str) -> Call[None]:
    """Its task and its runs are kept."""
    return Call("DELETE", wire.path("/api/schedules/{schedule_id}", schedule_id=schedule_id), wire.nothing)


def pause_schedule(schedule_id: str) -> Call[Schedule]:
    return Call("POST", wire.path("/api/schedules/{schedule_id}/pause", schedule_id=schedule_id), wire.one(Schedule))


def resume_schedule(schedule_id: str) -> Call[Schedule]:
    """What was missed while it was paused is not made up for."""
    return Call("POST", wire.path("/api/schedules/{schedule_id}/resume", schedule_id=schedule_id), wire.one(Schedule))


def run_schedule(schedule_id: str, *, wait: float | None = None, idempotency_key: str | None = None) -> Call[Run]:
    """Start its run now, also while it is paused; when it is due next does not change."""
    return Call(
        "POST",
        wire.path("/api/schedules/{schedule_id}/run", schedule_id=schedule_id),
        wire.one(Run),
        query={"wait": wait},
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )


def list_schedule_starts(
    schedule_id: str, *, skip: int | None = None, limit: int | None = None
) -> Call[ScheduleStartPage]:
    """Its times, newest first, with the run that each has started or why it has started none."""
    return Call(
        "GET",
        wire.path("/api/schedules/{schedule_id}/runs", schedule_id=schedule_id),
        wire.one(ScheduleStartPage),
        query={"skip": skip, "limit": limit},
    )
