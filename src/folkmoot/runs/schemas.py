"""Runs on the wire."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

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


class ForkedFrom(BaseModel):
    """Where a fork or a retry took its beginning from."""

    run_id: str
    after_seq: int = Field(description="The last entry of that run's journal that was taken over")


class RunView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01a1fdeb-4f25-7a67-9d73-cb2475345e05",
                    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
                    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
                    "kind": "team",
                    "title": "Crash promises",
                    "task_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                    "conversation_id": None,
                    "parent_run_id": None,
                    "root_run_id": "01a1fdeb-4f25-7a67-9d73-cb2475345e05",
                    "retry_of": None,
                    "run_number": 1,
                    "status": "completed",
                    "waiting_for": None,
                    "pausing": False,
                    "priority": "normal",
                    "plan": None,
                    "results": {
                        "summary": "After a crash every run goes on where it was.",
                        "deliverables": ["s1.md: Gather what bears on crashes"],
                        "open_issues": [],
                    },
                    "stop_reason": "approved",
                    "error_code": None,
                    "error_message": None,
                    "round_count": 1,
                    "usage": {"input_tokens": 6173, "output_tokens": 752, "cost_usd": "0.0031", "model_calls": 11},
                    "metadata": {"ticket": "42"},
                    "deadline_at": None,
                    "created_at": "2026-11-21T11:43:39.301998Z",
                    "updated_at": "2026-11-21T11:44:21.141399Z",
                    "started_at": "2026-11-21T11:43:39.318112Z",
                    "completed_at": "2026-11-21T11:44:21.141399Z",
                    "duration_seconds": 41.823,
                    "approvals": [],
                    "forked_from": None,
                    "cursor": None,
                }
            ]
        }
    )

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
    approvals: list[str] | None = Field(
        None, description="Ids of what it asks people and nobody has decided; not in lists"
    )
    forked_from: ForkedFrom | None = Field(None, description="Of a fork or a retry; not in lists")
    cursor: int | None = Field(None, description="With ?with_cursor=true: the event seq to follow from")


class RunPage(Page):
    runs: list[RunView]


class RunChange(BaseModel):
    """What may be changed of a run from outside; its status never."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"metadata": {"ticket": "42"}, "priority": "high"}]})

    metadata: Metadata | None = None
    priority: Priority | None = None


class LogLine(BaseModel):
    seq: int
    at: datetime
    level: Level
    message: str


class RunLogs(BaseModel):
    """`next` is the cursor to go on from, also where nothing more is there yet."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "logs": [
                        {
                            "seq": 2,
                            "at": "2026-11-21T11:43:40.086747Z",
                            "level": "info",
                            "message": "plan.1 by team_leader with practice is done (359 tokens in, 229 out, 0 USD)",
                        }
                    ],
                    "next": 2,
                }
            ]
        }
    )

    logs: list[LogLine]
    next: int


class RunEvents(BaseModel):
    """Frames as every socket sends them; `next` is the workspace seq to go on from."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {
                            "event_type": "progress",
                            "timestamp": "2026-11-21T11:43:39.311652Z",
                            "seq": 9,
                            "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
                            "task_id": "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23",
                            "run_id": "01a1fdeb-4f25-7a67-9d73-cb2475345e05",
                            "run_seq": 5,
                            "data": {"step": 1, "total_steps": 4, "current_phase": "work", "progress_percent": 30},
                        }
                    ],
                    "next": 9,
                }
            ]
        }
    )

    events: list[JsonObject]
    next: int


class ArtifactView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01a1fdeb-5244-737b-b70e-11fca7e994dd",
                    "name": "s1.md",
                    "version": 1,
                    "media_type": "text/markdown",
                    "size": 327,
                    "sha256": "b2b6fc747b64de69a2505a4a021ffbb416ad785d5c1aed9c7d66cea785f3a1a2",
                    "created_at": "2026-11-21T11:43:40.100255Z",
                }
            ]
        }
    )

    id: str
    name: str
    version: int
    media_type: str
    size: int
    sha256: str
    created_at: datetime


class ArtifactPage(Page):
    artifacts: list[ArtifactView]
