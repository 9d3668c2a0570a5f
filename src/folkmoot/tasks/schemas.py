"""Tasks on the wire, and what starts a run of one."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Metadata, Text
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.schemas import Priority, Status
from folkmoot.tasks.rules import DEFAULT_TEAM, MAX_MEMORY, MAX_REVISION_ROUNDS, MAX_ROUNDS

Description = Annotated[Text, Field(description="What is to be done, at most 100,000 characters")]
Rounds = Annotated[int, Field(strict=True, ge=1, le=MAX_ROUNDS, description="Rounds of work and review")]
RevisionRounds = Annotated[
    int, Field(strict=True, ge=0, le=MAX_REVISION_ROUNDS, description="Rounds that follow from findings")
]
MemorySize = Annotated[
    int, Field(strict=True, ge=1, le=MAX_MEMORY, description="Messages of the team a worker is shown")
]
Documents = Annotated[list[Line], Field(max_length=200, description="Ids of documents the team may search")]
Models = Annotated[list[Line], Field(max_length=8, description="provider:name, in order of preference")]
Team = Annotated[Line, Field(max_length=64, description="The team's slug")]


class Body(BaseModel):
    """An unknown member is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid")


class TaskConfig(Body):
    documents: Documents = Field(default_factory=list)
    models: Models = Field(default_factory=list)


class NewTask(Body):
    """A name or a description is enough."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"description": "Summarise what the project promises about crashes", "team": "mgx", "max_rounds": 3}
            ]
        }
    )

    name: Line | None = None
    description: Description | None = None
    config: TaskConfig = Field(default_factory=TaskConfig)
    team: Team = DEFAULT_TEAM
    priority: Priority = "normal"
    max_rounds: Rounds | None = Field(None, description="Default: the setting MGX_MAX_ROUNDS")
    max_revision_rounds: RevisionRounds | None = None
    memory_size: MemorySize | None = None

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if self.name is None and self.description is None:
            raise ValueError("give a description of what is to be done")
        return self


class TaskChange(Body):
    """What is not given stays; `config` is replaced whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": "high", "max_rounds": 8}]})

    name: Line | None = None
    description: Description | None = None
    config: TaskConfig | None = None
    team: Team | None = None
    priority: Priority | None = None
    max_rounds: Rounds | None = None
    max_revision_rounds: RevisionRounds | None = None
    memory_size: MemorySize | None = None


class TaskView(BaseModel):
    """`status` is that of the latest run, `pending` before any. Cancelled runs count in total_runs only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
                    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
                    "name": "Crash promises",
                    "description": "Summarise what the project promises about crashes, with sources",
                    "config": {"documents": ["01a1fdeb-4f0a-75cd-995a-150d2dd2255b"], "models": []},
                    "team": "mgx",
                    "priority": "normal",
                    "max_rounds": 5,
                    "max_revision_rounds": 2,
                    "memory_size": 50,
                    "budget": None,
                    "status": "completed",
                    "total_runs": 1,
                    "successful_runs": 1,
                    "failed_runs": 0,
                    "success_rate": 1.0,
                    "last_run_at": "2026-11-21T11:43:39.301998Z",
                    "last_run_duration": 41.823,
                    "last_error": None,
                    "created_at": "2026-11-21T11:43:39.292835Z",
                    "updated_at": "2026-11-21T11:44:21.141399Z",
                    "cursor": None,
                }
            ]
        }
    )

    id: str
    workspace_id: str
    project_id: str
    name: str
    description: str
    config: TaskConfig
    team: str
    priority: Priority
    max_rounds: int
    max_revision_rounds: int
    memory_size: int
    budget: JsonObject | None
    status: Status
    total_runs: int
    successful_runs: int
    failed_runs: int
    success_rate: float
    last_run_at: datetime | None
    last_run_duration: float | None = Field(description="Seconds from start to end of the run that ended last")
    last_error: str | None
    created_at: datetime
    updated_at: datetime
    cursor: int | None = Field(None, description="With ?with_cursor=true: the event seq to follow from")


class TaskPage(Page):
    tasks: list[TaskView]


class RunOverrides(Body):
    """What a run may have that its task has not, or has otherwise."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": "high", "deadline_seconds": 3600}]})

    team: Team | None = None
    documents: Documents | None = None
    models: Models | None = None
    priority: Priority | None = None
    max_rounds: Rounds | None = None
    max_revision_rounds: RevisionRounds | None = None
    memory_size: MemorySize | None = None
    deadline_seconds: Annotated[int, Field(strict=True, ge=1, le=604_800)] | None = None
    metadata: Metadata = Field(default_factory=dict)


class NewTaskRun(RunOverrides):
    """A run of a task; what is given here holds for this run only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "task_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                    "priority": "high",
                    "deadline_seconds": 3600,
                    "metadata": {"ticket": "42"},
                }
            ]
        }
    )

    task_id: Line
