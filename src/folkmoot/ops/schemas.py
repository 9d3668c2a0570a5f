"""Health on the wire."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from folkmoot.agents.schemas import AgentStatusView


class Health(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "healthy",
                    "timestamp": "2026-11-21T11:43:39.164355Z",
                    "service": "folkmoot",
                    "version": "0.1.0",
                }
            ]
        }
    )

    status: Literal["healthy"] = "healthy"
    timestamp: datetime
    service: str = "folkmoot"
    version: str


class Dependency(BaseModel):
    """`latency_ms` is how long it took to answer, null where it did not."""

    name: str
    ok: bool
    latency_ms: float | None
    detail: str | None = None


class Readiness(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "timestamp": "2026-11-21T11:43:39.173582Z",
                    "dependencies": [{"name": "database", "ok": True, "latency_ms": 0.44, "detail": None}],
                }
            ]
        }
    )

    status: Literal["ready"] = "ready"
    timestamp: datetime
    dependencies: list[Dependency]


class Queue(BaseModel):
    """Runs by how they stand, over all workspaces; `here` is what this process works on."""

    pending: int
    running: int
    paused: int
    awaiting_approval: int
    here: int


class Figures(BaseModel):
    """As /system/status shows them; avg_response_time in seconds over the last 1000 requests."""

    total_requests: int
    avg_response_time: float
    error_count: int
    uptime_seconds: int
    peak_concurrent_connections: int
    current_connections: int


class Details(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "timestamp": "2026-11-21T11:43:39.164355Z",
                    "service": "folkmoot",
                    "versions": {"folkmoot": "0.1.0", "python": "3.11.7"},
                    "uptime_seconds": 61,
                    "database": "sqlite",
                    "model": "practice:practice",
                    "host_id": "01a1fdeb-4e21-7817-87a6-f36ffff09882",
                    "dependencies": [{"name": "database", "ok": True, "latency_ms": 0.44, "detail": None}],
                    "queue": {"pending": 0, "running": 1, "paused": 0, "awaiting_approval": 0, "here": 1},
                    "figures": {
                        "total_requests": 12,
                        "avg_response_time": 0.004,
                        "error_count": 0,
                        "uptime_seconds": 61,
                        "peak_concurrent_connections": 2,
                        "current_connections": 1,
                    },
                }
            ]
        }
    )

    status: Literal["ready", "not_ready"]
    timestamp: datetime
    service: str = "folkmoot"
    versions: dict[str, str]
    uptime_seconds: int
    database: str
    model: str
    host_id: str
    dependencies: list[Dependency]
    queue: Queue | None
    figures: Figures


class SystemStatus(BaseModel):
    """The agents of the workspace by id; the figures are the server's, over all workspaces."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "system_status": "operational",
                    "timestamp": "2026-11-21T11:43:39.164355Z",
                    "agents": {
                        "01a1fdeb-528c-795c-a298-63e88eb6eb82": {
                            "agent_id": "01a1fdeb-528c-795c-a298-63e88eb6eb82",
                            "agent_name": "Ada",
                            "agent_type": "assistant",
                            "status": "active",
                            "capabilities": ["chat"],
                            "task_count": 1,
                            "success_count": 1,
                            "error_count": 0,
                            "success_rate": 1.0,
                            "avg_task_duration": 0.9,
                            "created_at": "2026-11-21T11:43:40.174309Z",
                            "last_active_at": "2026-11-21T11:43:40.217977Z",
                            "current_run_id": "01a1fdeb-4f25-7a67-9d73-cb2475345e05",
                            "last_error": "The model did not answer",
                        }
                    },
                    "api_metrics": {
                        "total_requests": 12,
                        "avg_response_time": 0.004,
                        "error_count": 0,
                        "uptime_seconds": 61,
                        "peak_concurrent_connections": 2,
                        "current_connections": 1,
                    },
                }
            ]
        }
    )

    system_status: Literal["operational"] = "operational"
    timestamp: datetime
    agents: dict[str, AgentStatusView]
    api_metrics: Figures
