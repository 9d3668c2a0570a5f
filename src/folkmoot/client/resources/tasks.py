"""What operations of tasks answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class TaskConfig(Resource):
    documents: list[str] | None = None
    models: list[str] | None = None


class Task(Resource):
    """`status` is that of the latest run, `pending` before any. Cancelled runs count in total_runs only."""

    id: str
    workspace_id: str
    project_id: str
    name: str
    description: str
    config: TaskConfig
    team: str
    priority: str
    max_rounds: int
    max_revision_rounds: int
    memory_size: int
    budget: JsonObject | None
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
