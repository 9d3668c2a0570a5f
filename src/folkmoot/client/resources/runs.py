"""What operations of runs answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class Approval(Resource):
    id: str
    workspace_id: str
    project_id: str
    run_id: str
    run_title: str
    run_kind: str
    task_id: str | None
    agent_id: str | None
    key: str
    subject: str
    question: str
    detail: JsonObject
    may_revise: bool
    status: str
    decision: str | None
    feedback: str | None
    revise: bool
    decided_by: JsonObject | None
    decided_at: datetime | None
    on_expiry: str
    expires_at: datetime
    created_at: datetime
    updated_at: datetime


class ApprovalPage(Resource):
    total: int
    skip: int
    limit: int
    approvals: list[Approval]


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


class Difference(Resource):
    """An entry that only one of two journals has (the other's `seq` is null), or that says something else in each."""

    kind: str
    key: str
    seq: int | None
    other_seq: int | None
    patch: list[JsonObject]


class Entry(Resource):
    """`data` holds what the kind of entry says it does (docs/runs.md), with secrets hidden."""

    seq: int
    at: datetime
    kind: str
    key: str
    data: JsonObject


class ForkedFrom(Resource):
    """Where a fork or a retry took its beginning from."""

    run_id: str
    after_seq: int


class LogLine(Resource):
    seq: int
    at: datetime
    level: str
    message: str


class ReplayEvent(Resource):
    event_type: str
    data: JsonObject


class RunUsage(Resource):
    """What the run's model calls have taken so far; `cost_usd` is null where a price is unknown."""

    input_tokens: int
    output_tokens: int
    cost_usd: str | None
    model_calls: int


class ReplayFrame(Resource):
    """One entry as followers of the run were told of it: a line of the log, its events, what was spent by then."""

    log: LogLine
    events: list[ReplayEvent]
    usage: RunUsage


class RunDiff(Resource):
    """Two canonical journals: without control, times, ids, usage and what else chance leaves in them."""

    run_id: str
    other_run_id: str
    is_same: bool
    differences: list[Difference]


class RunEvents(Resource):
    """Frames as every socket sends them; `next` is the workspace seq to go on from."""

    events: list[JsonObject]
    next: int


class RunJournal(Resource):
    """`next` is the cursor to go on from, also where nothing more is there yet."""

    entries: list[Entry]
    next: int


class RunLogs(Resource):
    """`next` is the cursor to go on from, also where nothing more is there yet."""

    logs: list[LogLine]
    next: int


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
    approvals: list[str] | None = None
    forked_from: ForkedFrom | None = None
    cursor: int | None = None


class RunPage(Resource):
    total: int
    skip: int
    limit: int
    runs: list[Run]


class RunReplay(Resource):
    """`next` is the cursor to go on from, also where nothing more is there yet."""

    frames: list[ReplayFrame]
    next: int
