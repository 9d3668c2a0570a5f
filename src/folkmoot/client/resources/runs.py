"""What operations of runs answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class Artifact(Resource):
    id: str
    name: str
    version: int
    media_type: str
    size: int
    sha256: str
    created_at: datetime


class ArtifactPage(Resource):
    total: int
    skip: int
    limit: int
    artifacts: list[Artifact]


class LogLine(Resource):
    seq: int
    at: datetime
    level: str
    message: str


class RunEvents(Resource):
    """Frames as every socket sends them; `next` is the workspace seq to go on from."""

    events: list[JsonObject]
    next: int


class RunLogs(Resource):
    """`next` is the cursor to go on from, also where nothing more is there yet."""

    logs: list[LogLine]
    next: int


class RunUsage(Resource):
    """What the run's model calls have taken so far; `cost_usd` is null where a price is unknown."""

    input_tokens: int
    output_tokens: int
    cost_usd: str | None
    model_calls: int


class Run(Resource):
    id: str
    workspace_id: str
    project_id: str
    kind: str
    title: str
    task_id: str | None
    conversation_id: str | None
    parent_run_id: str | None
    root_run_id: str
    retry_of: str | None
    run_number: int | None
    status: str
    waiting_for: str | None
    pausing: bool
    priority: str
    plan: JsonObject | None = None
    results: JsonObject | None
    stop_reason: str | None
    error_code: str | None
    error_message: str | None
    round_count: int
    usage: RunUsage
    metadata: JsonObject
    deadline_at: datetime | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    duration_seconds: float | None
    cursor: int | None = None


class RunPage(Resource):
    total: int
    skip: int
    limit: int
    runs: list[Run]
