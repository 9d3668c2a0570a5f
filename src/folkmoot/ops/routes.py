"""Health, metrics and the audit log over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from folkmoot import __version__
from folkmoot.accounts.deps import AdminsOnly, administrator, state_reader
from folkmoot.audit.export import MEDIA_TYPES, Format, export
from folkmoot.audit.queries import list_entries
from folkmoot.audit.schemas import AuditLog
from folkmoot.audit.views import page_of
from folkmoot.http.deps import Db, Process
from folkmoot.http.download import Download
from folkmoot.http.paging import LIMIT
from folkmoot.http.problems import problems
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.metrics import MEDIA_TYPE
from folkmoot.ops.deps import Filters, Seen
from folkmoot.ops.health import NotReady, check, dependencies, versions
from folkmoot.ops.metrics import metrics
from folkmoot.ops.queries import live_runs
from folkmoot.ops.schemas import Details, Health, Queue, Readiness, SystemStatus
from folkmoot.ops.status import figures_view, system_status
from folkmoot.runs.deps import Engine
from folkmoot.tools.deps import Tools
from folkmoot.workspaces.deps import Here, HereAsAdmin

router = APIRouter(prefix="/api")
root = APIRouter(include_in_schema=False)

_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            MEDIA_TYPES["jsonl"]: {"example": '{"verb": "change_agent", "object_kind": "agent"}\n'},
            MEDIA_TYPES["csv"]: {"example": "id,at,actor_kind\r\n"},
        },
        "description": "A file with one entry a line",
    }
}
After = Annotated[str | None, Query(pattern=r"^[0-9a-f-]{36}$", description="Answer only what comes after this entry")]
Limit = Annotated[int, Query(ge=1, le=LIMIT)]
AsFile = Annotated[Format, Query(alias="format")]


@root.get("/")
async def get_root(request: Request) -> Response:
    """What this is; a browser is shown the documentation."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/docs")
    links: JsonObject = {"docs": "/docs", "redoc": "/redoc", "openapi": "/openapi.json", "health": "/api/health"}
    return Response(
        dumps({"name": "Folkmoot", "version": __version__, "status": "running", "links": links}),
        media_type="application/json",
    )


@root.get("/metrics", dependencies=[Depends(state_reader)])
async def get_metrics(process: Process, engine: Engine, tools: Tools, seen: Seen) -> Response:
    """Prometheus text."""
    return Response(await metrics(process, engine, tools, seen), headers={"Content-Type": MEDIA_TYPE})


@router.get("/health", tags=["health"])
async def get_health() -> Health:
    """Always cheap: touches nothing."""
    return Health(timestamp=now(), version=__version__)


@router.get("/health/live", tags=["health"])
async def get_liveness() -> Health:
    """The process answers."""
    return Health(timestamp=now(), version=__version__)


@router.get("/health/ready", tags=["health"], responses=problems(NotReady))
async def get_readiness(process: Process) -> Readiness:
    """The database answers and the engine works; else 503 with the failing part named."""
    found = await dependencies(process)
    check(found)
    return Readiness(timestamp=now(), dependencies=found)


@router.get("/health/status", tags=["health"], dependencies=[Depends(state_reader)], responses=problems(AdminsOnly))
async def get_health_status(process: Process, engine: Engine, seen: Seen) -> Details:
    """Versions, uptime, dependencies with latency, queue depth; answers 200 whatever it says."""
    found = await dependencies(process)
    is_ready = all(dependency.ok for dependency in found)
    counted = await process.db.read_long(live_runs) if is_ready else None
    return Details(
        status="ready" if is_ready else "not_ready",
        timestamp=now(),
        versions=versions(),
        uptime_seconds=seen.uptime_seconds,
        database=process.db.dialect,
        model=process.gateway.default_model,
        host_id=process.host_id,
        dependencies=found,
        queue=None if counted is None else Queue(**counted.by_status, here=len(engine.drivers)),
        figures=figures_view(seen),
    )


@router.get("/system/status", tags=["health"])
async def get_system_status(db: Db, here: Here, seen: Seen) -> SystemStatus:
    """The workspace's agents and how they have done, and the server's figures."""
    return await system_status(db, seen, here)


@router.get("/audit", tags=["audit"])
async def list_audit_entries(
    db: Db, here: HereAsAdmin, wanted: Filters, after: After = None, limit: Limit = 50
) -> AuditLog:
    """Who did what in the workspace, newest first."""
    return page_of(await db.read_long(list_entries, here.workspace_id, wanted, after, limit), limit)


@router.get("/audit/export", tags=["audit"], response_class=Response, responses=_EXPORT)
async def export_audit_entries(
    process: Process, here: HereAsAdmin, wanted: Filters, as_file: AsFile = "jsonl"
) -> Response:
    """All of the workspace's entries that are wanted, newest first, as a file."""
    parts = export(process.db, here.workspace_id, wanted, as_file)
    return Download(parts, f"audit.{as_file}", MEDIA_TYPES[as_file], process.supervisor)


@router.get(
    "/audit/installation",
    tags=["audit"],
    dependencies=[Depends(administrator)],
    responses=problems(AdminsOnly),
)
async def list_installation_audit_entries(db: Db, wanted: Filters, after: After = None, limit: Limit = 50) -> AuditLog:
    """Who did what that concerns no workspace, such as logins and users, newest first."""
    return page_of(await db.read_long(list_entries, None, wanted, after, limit), limit)
