"""Health over HTTP."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from folkmoot import __version__
from folkmoot.http import figures
from folkmoot.http.deps import Process
from folkmoot.http.problems import problems
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.ops.health import NotReady, check, dependencies, versions
from folkmoot.ops.queries import live_runs
from folkmoot.ops.schemas import Details, Figures, Health, Queue, Readiness
from folkmoot.runs.deps import Engine

router = APIRouter(prefix="/api/health", tags=["health"])
root = APIRouter(include_in_schema=False)


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


@router.get("")
async def get_health() -> Health:
    """Always cheap: touches nothing."""
    return Health(timestamp=now(), version=__version__)


@router.get("/live")
async def get_liveness() -> Health:
    """The process answers."""
    return Health(timestamp=now(), version=__version__)


@router.get("/ready", responses=problems(NotReady))
async def get_readiness(process: Process) -> Readiness:
    """The database answers and the engine works; else 503 with the failing part named."""
    found = await dependencies(process)
    check(found)
    return Readiness(timestamp=now(), dependencies=found)


@router.get("/status")
async def get_health_status(request: Request, process: Process, engine: Engine) -> Details:
    """Versions, uptime, dependencies with latency, queue depth; answers 200 whatever it says."""
    found = await dependencies(process)
    is_ready = all(dependency.ok for dependency in found)
    seen: figures.Figures = request.app.state.figures
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
        queue=None if counted is None else Queue(**counted, here=len(engine.drivers)),
        figures=Figures(
            total_requests=seen.total_requests,
            avg_response_time=seen.avg_response_time,
            error_count=seen.error_count,
            uptime_seconds=seen.uptime_seconds,
            peak_concurrent_connections=seen.peak_concurrent_connections,
            current_connections=seen.current_connections,
        ),
    )
