"""Tasks on the wire, and what starts a run of one."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Metadata, Text
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.schemas import Priority, Status
from folkmoot.tasks.rules import DEFAULT_TEAM, MAX_MEMORY, MAX_REVISION_ROUNDS, MAX_ROUNDS
from folkmoot.usage.schemas import RunBudget, RunBudgetView

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
Slug = Annotated[Line, Field(max_length=64)]
AgentRefs = Annotated[list[Line], Field(min_length=1, max_length=20)]
Team = Annotated[
    Slug | AgentRefs,
    Field(description="The team's slug, or the ids, numbers or slugs of agents, the first of whom leads"),
]
PlanApproval = Annotated[
    bool, Field(description="Whether a person has to agree to each plan; default: what the team says")
]
StepSeconds = Annotated[
    int, Field(strict=True, ge=1, le=3600, description="Wall clock of one step, retries and tools included")
]


class Body(BaseModel):
    """An unknown member is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid")


class TaskConfig(Body):
    """With an `operation` the task is for one agent, whose class does it, or else its language model."""

    documents: Documents = Field(default_factory=list)
    models: Models = Field(default_factory=list)
    plan_approval: PlanApproval | None = None
    step_timeout_seconds: StepSeconds | None = None
    operation: Line | None = None
    parameters: JsonObject | None = None


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
    budget: RunBudget | None = Field(None, description="What each of its runs may take")

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
    budget: RunBudget | None = Field(None, description="Replaced whole; {} takes it off")


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
                    "config": {
                        "documents": ["01a1fdeb-4f0a-75cd-995a-150d2dd2255b"],
                        "models": [],
                        "plan_approval": None,
                        "step_timeout_seconds": None,
                        "operation": None,
                        "parameters": None,
                    },
                    "team": "mgx",
                    "priority": "normal",
                    "max_rounds": 5,
                    "max_revision_rounds": 2,
                    "memory_size": 50,
                    "budget": {"usd": "0.50", "tokens": None, "seconds": None, "on_exceeded": "pause"},
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
    team: str | list[str]
    priority: Priority
    max_rounds: int
    max_revision_rounds: int
    memory_size: int
    budget: RunBudgetView | None
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
    plan_approval: PlanApproval | None = None
    step_timeout_seconds: StepSeconds | None = None
    priority: Priority | None = None
    max_rounds: Rounds | None = None
    max_revision_rounds: RevisionRounds | None = None
    memory_size: MemorySize | None = None
    deadline_seconds: Annotated[int, Field(strict=True, ge=1, le=604_800)] | None = None
    budget: RunBudget | None = None
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


class NewOperation(Body):
    """What one agent shall do; null is the default. An operation runs out of time after 300 seconds if nobody says."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"operation": "summarise", "parameters": {"text": "After a crash all goes on."}}]
        }
    )

    operation: Line
    parameters: Metadata = Field(default_factory=dict)
    priority: Priority | None = "normal"
    timeout_seconds: Annotated[int, Field(strict=True, ge=1, le=3600)] | None = None


class TaskResult(BaseModel):
    """What came of an operation; `agent_used` is the agent's id, and `result` what its class or model answered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "task_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                    "run_id": "01a1fdeb-4f25-7a67-9d73-cb2475345e05",
                    "status": "completed",
                    "result": {"response": "All goes on after a crash.", "models": ["practice:practice"]},
                    "error": None,
                    "agent_used": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                    "timestamp": "2026-11-21T11:43:41.141399Z",
                    "execution_time_seconds": 0.412,
                }
            ]
        }
    )

    task_id: str | None
    run_id: str
    status: Literal["completed", "failed", "timeout"]
    result: JsonObject | None
    error: str | None
    agent_used: str
    timestamp: datetime
    execution_time_seconds: float | None
