"""The composition root: the only module that knows every room, and the only one that builds what they share."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from folkmoot import __version__
from folkmoot.agents.definitions import ensure_definitions
from folkmoot.agents.lifecycle import Lifecycle
from folkmoot.agents.loading import load_classes
from folkmoot.agents.presence import Presence
from folkmoot.agents.registry import AgentRegistry
from folkmoot.agents.residents import Residents
from folkmoot.agents.routes import router as agents_router
from folkmoot.agents.service import AgentSettings
from folkmoot.agents.upkeep import looked_after
from folkmoot.contexts.routes import router as contexts_router
from folkmoot.contexts.service import ContextSettings
from folkmoot.conversations.mailbox import MailboxRules
from folkmoot.conversations.mailbox import prune as prune_mailboxes
from folkmoot.conversations.routes import router as conversations_router
from folkmoot.conversations.workflow import ReplyExecutor
from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import DatabaseUnavailable, Hooks
from folkmoot.db.sessions import Sessions
from folkmoot.db.tx import Tx
from folkmoot.engine.holder import HeldByAnother, Holder
from folkmoot.engine.hosts import HostInfo
from folkmoot.engine.local import LocalDispatcher
from folkmoot.engine.worklock import PostgresWorkLock, SoleProcess, WorkLock
from folkmoot.events.bus import Bus
from folkmoot.events.follow import EventHub
from folkmoot.events.log import store
from folkmoot.http.body import BodyGuard
from folkmoot.http.docs import add_docs
from folkmoot.http.figures import Figures
from folkmoot.http.local import LocalOnly
from folkmoot.http.openapi import Api, operation_id
from folkmoot.http.paths import CanonicalPath
from folkmoot.http.render import add_renderers
from folkmoot.http.requests import Requests
from folkmoot.http.within import Within
from folkmoot.kernel.garbage import collect_rarely
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.logs import log_to_stderr
from folkmoot.kernel.settings import Settings, WrongSetting, load_settings
from folkmoot.kernel.signals import when_asked_to_end
from folkmoot.kernel.supervisor import Supervisor, every
from folkmoot.knowledge.routes import router as knowledge_router
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.settings import llm_settings
from folkmoot.migrations.upgrade import upgrade
from folkmoot.ops import routes as ops
from folkmoot.realtime.websocket import router as sockets_router
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.moves import number_events
from folkmoot.runs.queries import count_live
from folkmoot.runs.routes import router as runs_router
from folkmoot.runs.service import make_slots
from folkmoot.runs.sweep import work_forever
from folkmoot.runtime import Runtime
from folkmoot.surface import Place, SharedContextService, Surface
from folkmoot.tasks.progress import TaskProgress
from folkmoot.tasks.queries import get_task
from folkmoot.tasks.routes import router as tasks_router
from folkmoot.tasks.rules import TaskDefaults
from folkmoot.teams.executor import TeamExecutor
from folkmoot.tools.builtin import builtin_tools
from folkmoot.tools.registry import ToolRegistry
from folkmoot.workspaces.deps import SelectorsDisagree
from folkmoot.workspaces.lookup import WorkspaceLookup
from folkmoot.workspaces.queries import NoSuchWorkspace
from folkmoot.workspaces.removal import finish_removals
from folkmoot.workspaces.routes import router as workspaces_router
from folkmoot.workspaces.service import RoomsAbove, ensure_default

GRACE_SECONDS = 5.0
"""How long calls in flight may take to end before their runs are handed back."""

_ROUTERS = (  # in the order in which they are tried: what is called most comes first
    conversations_router,
    runs_router,
    tasks_router,
    agents_router,
    contexts_router,
    ops.root,
    ops.router,
    workspaces_router,
    knowledge_router,
    sockets_router,
)
HOUSEKEEPING_SECONDS = 30.0
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, address: str | None = None, *, works: bool = True) -> FastAPI:
    """The application; `address` is where it answers, for commands that find its lock. Raises WrongSetting.

    One that does not work answers calls and leaves runs alone, also those that were interrupted.
    """
    settings = settings or load_settings()
    app = Api(
        title="Folkmoot",
        version=__version__,
        description="Teams of AI agents and people work, debate and decide",
        lifespan=partial(_lifespan, settings, address, works),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.problems_of_scope = (NoSuchWorkspace, SelectorsDisagree, DatabaseUnavailable)
    app.state.figures = Figures()
    app.state.agent_settings = AgentSettings(settings.agents_enabled, settings.agent_max_concurrency)
    app.state.context_settings = ContextSettings(settings.agent_context_history_limit)
    app.state.mailboxes = MailboxRules(
        settings.agent_message_ack_window_seconds, settings.agent_message_retention_limit, get_task
    )
    app.state.rooms_above = RoomsAbove((partial(_slots, settings.workspace_max_live_runs),), count_live)
    app.state.task_defaults = TaskDefaults(max_rounds=settings.mgx_max_rounds)
    for router in _ROUTERS:
        app.include_router(router)
    add_docs(app)
    app.state.routes_of_house = len(app.router.routes)
    add_renderers(app)
    app.user_middleware = _layers(settings, app.state.figures)
    return app


def app_of_environment() -> FastAPI:
    """The application as environment and `.env` say, logging to stderr; a wrong setting ends it in one line.

    Whoever serves it does so at API_HOST and API_PORT: there commands that find its lock will look for it.
    """
    try:
        settings = load_settings()
    except WrongSetting as wrong:
        raise SystemExit(f"folkmoot: {wrong}") from None
    log_to_stderr(settings.effective_log_level)
    app = create_app(settings, f"http://{settings.api_host}:{settings.api_port}")
    collect_rarely()
    return app


def _layers(settings: Settings, figures: Figures) -> list[Middleware]:
    """From the outermost in."""
    origins = settings.backend_cors_origins
    return [
        Middleware(Requests, figures=figures),
        Middleware(LocalOnly, origins=origins),
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=["*"],
            allow_credentials=True,
            expose_headers=["Location", "X-Request-Id", "X-Response-Time"],
        ),
        Middleware(CanonicalPath),
        Middleware(BodyGuard),
        Middleware(Within),
    ]


@asynccontextmanager
async def _lifespan(settings: Settings, address: str | None, works: bool, app: FastAPI) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        gateway = Gateway(llm_settings(settings))
        stack.push_async_callback(gateway.aclose)
        if not settings.is_postgres:
            stack.callback(_hold(settings, address).release)
        await asyncio.to_thread(upgrade, settings.database_url)
        runtime = await _open(settings, gateway, stack)
        engine = _engine(app, runtime)
        stack.enter_context(_surface(app, engine).opened())
        lock: WorkLock = SoleProcess(runtime.host_id)
        if settings.is_postgres:
            lock = PostgresWorkLock(settings.database_url, runtime.host_id)
        stack.push_async_callback(lock.close)
        await runtime.db.write(ensure_default, app.state.rooms_above)
        lifecycle = _agents(app, runtime, address)
        if settings.agents_enabled:
            registry = lifecycle.residents.registry
            await load_classes(registry, settings.agent_registry_modules)
            await runtime.db.write(ensure_definitions, registry.offers())
            await stack.enter_async_context(looked_after(lifecycle, lock.gone, GRACE_SECONDS, works=works))
        if works:
            _start(settings, runtime, engine, lock, stack)
        _log.info("Folkmoot %s started on %s; model: %s", __version__, runtime.db.dialect, gateway.describe())
        yield
    _log.info("Folkmoot stopped")


def _hold(settings: Settings, address: str | None) -> Holder:
    """Raises HeldByAnother."""
    holder = Holder.try_acquire(settings.data_dir, address)
    if holder is None:
        raise HeldByAnother
    return holder


async def _open(settings: Settings, gateway: Gateway, stack: AsyncExitStack) -> Runtime:
    """What the process holds open; the stack closes it in the reverse order."""
    bus, supervisor = Bus(), Supervisor()
    hooks = Hooks(before_commit=(number_events, store), published=bus.wake)
    db: Database = connect(settings.database_url, hooks, settings.db_pool_size)
    await db.open()
    stack.push_async_callback(db.close)
    stack.push_async_callback(supervisor.stop)
    hub = EventHub(db, supervisor, bus)
    hub.start()
    stack.callback(hub.close)
    return Runtime(
        db=db,
        hub=hub,
        gateway=gateway,
        dispatcher=LocalDispatcher(supervisor),
        supervisor=supervisor,
        host_id=new_id(),
    )


def _engine(app: FastAPI, runtime: Runtime) -> RunEngine:
    """The sanctioned inversions: who executes, who observes, which tools there are."""
    engine = RunEngine(runtime.db, runtime.dispatcher, runtime.supervisor, runtime.host_id)
    tools = ToolRegistry(builtin_tools())
    engine.register(TeamExecutor(runtime.db, runtime.gateway, tools))
    engine.register(ReplyExecutor(engine, runtime.gateway, tools))
    engine.observers += (TaskProgress(), Presence())
    app.state.runtime = runtime
    app.state.engine = engine
    app.state.tools = tools
    app.state.workspaces = WorkspaceLookup(runtime.db)
    return engine


def _surface(app: FastAPI, engine: RunEngine) -> Surface:
    """What other software finds on `app.state`, or by the names that `folkmoot` exports."""
    surface = Surface(Place(engine, app.state.workspaces, app.state.task_defaults))
    engine.register(surface.functions)
    engine.observers.append(surface.functions)
    app.state.hold = surface.hold
    app.state.team_provider = surface.team_provider
    app.state.task_runner = surface.task_runner
    app.state.context_service = SharedContextService(app.state.context_settings)
    return surface


def _agents(app: FastAPI, runtime: Runtime, address: str | None) -> Lifecycle:
    registry = app.state.agent_registry = AgentRegistry()
    residents = Residents(registry, runtime.supervisor)
    app.state.lifecycle = Lifecycle(runtime.db, residents, runtime.supervisor, HostInfo(runtime.host_id, address))
    app.state.sessions = Sessions(runtime.db)
    lifecycle: Lifecycle = app.state.lifecycle
    return lifecycle


def _slots(cap: int, tx: Tx, workspace_id: str) -> None:
    make_slots(tx, workspace_id, cap)


def _start(settings: Settings, runtime: Runtime, engine: RunEngine, lock: WorkLock, stack: AsyncExitStack) -> None:
    """Take up what was interrupted and work; on the way out hand back what is not done."""
    stack.push_async_callback(engine.stop, GRACE_SECONDS)
    stack.callback(runtime.supervisor.start(work_forever(engine, lock), "work on runs").cancel)
    for name, work in (
        ("finishing deletions", partial(finish_removals, runtime.db)),
        ("pruning mailboxes", partial(prune_mailboxes, runtime.db, settings.agent_message_retention_limit)),
    ):
        stack.callback(runtime.supervisor.start(every(HOUSEKEEPING_SECONDS, work, name), name).cancel)
    stack.enter_context(when_asked_to_end(partial(_begin_to_stop, runtime, engine, asyncio.get_running_loop())))


def _begin_to_stop(runtime: Runtime, engine: RunEngine, loop: asyncio.AbstractEventLoop) -> None:
    """A server ends the application only after its requests: those that follow or wait must end by the signal."""

    def stop() -> None:
        runtime.hub.close()
        runtime.supervisor.start(engine.stop(GRACE_SECONDS), "stop")

    loop.call_soon_threadsafe(stop)
