"""Health on the wire."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
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
    status: Literal["ready"] = "ready"
    timestamp: datetime
    dependencies: list[Dependency]


class Queue(BaseModel):
    """Runs by how they stand, over all workspaces; `here` is what this process works on."""

    pending: int
    running: int
    paused: int
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
