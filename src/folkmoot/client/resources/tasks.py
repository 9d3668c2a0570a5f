"""What operations of tasks answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.resources.usage import RunBudget
from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class TaskConfig(Resource):
    """With an `operation` the task is for one agent, whose class does it, or else its language model."""

    documents: list[str] | None = None
    models: list[str] | None = None
    plan_approval: bool | None = None
    step_timeout_seconds: int | None = None
    operation: str | None = None
    parameters: JsonObject | None = None


class Task(Resource):
    """`status` is that of the latest run, `pending` before any. Cancelled runs count in total_runs only."""

    id: str
    workspace_id: str
    project_id: str
    name: str
    description: str
    config: TaskConfig
    team: str | list[str]
    priority: str
    max_rounds: int
    max_revision_rounds: int
    memory_size: int
    budget: RunBudget | None
    status: str
    total_runs: int
    successful_runs: int
    failed_runs: int
    success_rate: float
    last_run_at: datetime | None
    last_run_duration: float | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime
    cursor: int | None = None


class TaskPage(Resource):
    total: int
    skip: int
    limit: int
    tasks: list[Task]


class TaskResult(Resource):
    """What came of an operation; `agent_used` is the agent's id, and `result` what its class or model answered."""

    task_id: str | None
    run_id: str
    status: str
    result: JsonObject | None
    error: str | None
    agent_used: str
    timestamp: datetime
    execution_time_seconds: float | None
