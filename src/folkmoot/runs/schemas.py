"""Runs on the wire."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from folkmoot.http.schemas import Page
from folkmoot.http.text import Metadata
from folkmoot.kernel.json import JsonObject

Priority = Literal["low", "normal", "high", "urgent"]
Status = Literal["pending", "running", "paused", "awaiting_approval", "completed", "failed", "cancelled", "timeout"]
Level = Literal["debug", "info", "warning", "error"]


class RunUsage(BaseModel):
    """What the run's model calls have taken so far; `cost_usd` is null where a price is unknown."""

    input_tokens: int
    output_tokens: int
    cost_usd: str | None
    model_calls: int


class RunView(BaseModel):
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
    status: Status
    waiting_for: str | None
    pausing: bool = Field(description="Asked to pause; what is in flight still ends")
    priority: Priority
    plan: JsonObject | None = Field(None, description="A team's plan; not in lists")
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
    cursor: int | None = Field(None, description="With ?with_cursor=true: the event seq to follow from")


class RunPage(Page):
    runs: list[RunView]


class RunChange(BaseModel):
    """What may be changed of a run from outside; its status never."""

    metadata: Metadata | None = None
    priority: Priority | None = None


class LogLine(BaseModel):
    seq: int
    at: datetime
    level: Level
    message: str


class RunLogs(BaseModel):
    """`next` is the cursor to go on from, also where nothing more is there yet."""

    logs: list[LogLine]
    next: int


class RunEvents(BaseModel):
    """Frames as every socket sends them; `next` is the workspace seq to go on from."""

    events: list[JsonObject]
    next: int


class ArtifactView(BaseModel):
    id: str
    name: str
    version: int
    media_type: str
    size: int
    sha256: str
    created_at: datetime


class ArtifactPage(Page):
    artifacts: list[ArtifactView]
