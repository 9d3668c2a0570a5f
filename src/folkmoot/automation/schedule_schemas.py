"""Schedules on the wire: when, in which zone, and which task they run."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from folkmoot.automation.rules import checked_cron, checked_zone
from folkmoot.http.schemas import Page
from folkmoot.http.text import Line
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.schemas import Status
from folkmoot.tasks.schemas import Body, NewTask, RunOverrides

_AT = "2026-11-21T11:43:40.194202Z"
_TASK = "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23"
_RUN = "01a1fdeb-5b1a-7c2c-9a0e-4d1d8f4c7b10"
_SCHEDULE: JsonObject = {
    "id": "01a1fdeb-5e2b-736f-9bc5-3f195b7ea217",
    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
    "name": "Morning report",
    "cron": "30 7 * * 1-5",
    "zone": "Europe/Berlin",
    "task_id": _TASK,
    "input": {"priority": "high", "metadata": {}},
    "is_paused": False,
    "next_at": "2026-11-23T06:30:00.000000Z",
    "last_at": "2026-11-20T06:30:00.412007Z",
    "last_run_id": _RUN,
    "last_error": None,
    "created_at": _AT,
    "updated_at": _AT,
}
_START: JsonObject = {
    "id": "01a1fdeb-5b19-7d4f-8d2a-64d4c7a3f0c1",
    "due_at": "2026-11-20T06:30:00.000000Z",
    "at": "2026-11-20T06:30:00.412007Z",
    "run_id": _RUN,
    "status": "completed",
    "error_code": None,
    "error_message": None,
}

Cron = Annotated[
    Line,
    Field(max_length=100, description="Minute, hour, day of month, month, day of week; 30 7 * * 1-5"),
    AfterValidator(checked_cron),
]
Zone = Annotated[Line, Field(max_length=64, description="A time zone by its IANA name"), AfterValidator(checked_zone)]


class NewSchedule(Body):
    """It runs the task with `task_id`, or a new one that is made of `task` as `POST /api/tasks` makes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Morning report",
                    "cron": "30 7 * * 1-5",
                    "zone": "Europe/Berlin",
                    "task": {"description": "Summarise what happened since yesterday"},
                    "input": {"priority": "high"},
                }
            ]
        }
    )

    name: Line
    cron: Cron
    zone: Zone = "UTC"
    task_id: Line | None = None
    task: NewTask | None = None
    input: RunOverrides = Field(default_factory=RunOverrides, description="What its runs have otherwise than the task")
    is_paused: bool = False

    @model_validator(mode="after")
    def _one_task(self) -> Self:
        if (self.task_id is None) == (self.task is None):
            raise ValueError("give either a task_id or a task")
        return self


class ScheduleChange(Body):
    """What is not given stays; `input` is replaced whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cron": "0 8 * * 1-5", "zone": "Europe/Lisbon"}]})

    name: Line | None = None
    cron: Cron | None = None
    zone: Zone | None = None
    task_id: Line | None = None
    input: RunOverrides | None = None


class ScheduleView(BaseModel):
    """`last_at` is when it was last due or run by hand, `last_error` why that started no run."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SCHEDULE]})

    id: str
    workspace_id: str
    project_id: str
    name: str
    cron: str
    zone: str
    task_id: str
    input: JsonObject
    is_paused: bool
    next_at: datetime | None
    last_at: datetime | None
    last_run_id: str | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime


class SchedulePage(Page):
    schedules: list[ScheduleView]


class ScheduleStartView(BaseModel):
    """One time of a schedule: `due_at` is null of a run by hand; `status` is its run's, null once that is deleted."""

    model_config = ConfigDict(json_schema_extra={"examples": [_START]})

    id: str
    due_at: datetime | None
    at: datetime
    run_id: str | None
    status: Status | None
    error_code: str | None
    error_message: str | None


class ScheduleStartPage(Page):
    starts: list[ScheduleStartView]
