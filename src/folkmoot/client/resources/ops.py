"""What operations of ops answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class Dependency(Resource):
    """`latency_ms` is how long it took to answer, null where it did not."""

    name: str
    ok: bool
    latency_ms: float | None
    detail: str | None = None


class Figures(Resource):
    """As /system/status shows them; avg_response_time in seconds over the last 1000 requests."""

    total_requests: int
    avg_response_time: float
    error_count: int
    uptime_seconds: int
    peak_concurrent_connections: int
    current_connections: int


class Queue(Resource):
    """Runs by how they stand, over all workspaces; `here` is what this process works on."""

    pending: int
    running: int
    paused: int
    awaiting_approval: int
    here: int


class Details(Resource):
    status: str
    timestamp: datetime
    service: str | None = None
    versions: JsonObject
    uptime_seconds: int
    database: str
    model: str
    host_id: str
    dependencies: list[Dependency]
    queue: Queue | None
    figures: Figures


class Health(Resource):
    status: str | None = None
    timestamp: datetime
    service: str | None = None
    version: str


class Readiness(Resource):
    status: str | None = None
    timestamp: datetime
    dependencies: list[Dependency]


class SystemStatus(Resource):
    """The agents of the workspace by id; the figures are the server's, over all workspaces."""

    system_status: str | None = None
    timestamp: datetime
    agents: JsonObject
    api_metrics: Figures


class Worker(Resource):
    """A process: `kind` is server, worker, command or guest, of which only the last works on no runs."""

    id: str
    kind: str
    name: str | None
    address: str | None
    is_draining: bool
    live_runs: int
    seen_at: datetime
    created_at: datetime


class WorkerList(Resource):
    workers: list[Worker]
