"""The composition root of the API: which routes and layers there are. What stands behind them opens in `life`."""

import logging
from functools import partial

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from folkmoot import __version__
from folkmoot.accounts.authentication import NotAuthenticated
from folkmoot.accounts.door import CsrfRefused, Door, is_open
from folkmoot.accounts.key_routes import router as keys_router
from folkmoot.accounts.routes import router as logins_router
from folkmoot.accounts.user_routes import router as users_router
from folkmoot.agents.routes import router as agents_router
from folkmoot.agents.service import AgentSettings
from folkmoot.automation.schedule_routes import router as schedules_router
from folkmoot.automation.webhook_routes import router as webhooks_router
from folkmoot.contexts.routes import router as contexts_router
from folkmoot.contexts.service import ContextSettings
from folkmoot.conversations.mailbox import MailboxRules
from folkmoot.conversations.message_routes import router as messages_router
from folkmoot.conversations.ollama_routes import router as ollama_router
from folkmoot.conversations.routes import router as conversations_router
from folkmoot.core_agents.routes import router as core_agents_router
from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.db.tx import Tx
from folkmoot.debates.routes import router as debates_router
from folkmoot.http.body import BodyGuard
from folkmoot.http.docs import add_docs
from folkmoot.http.figures import Figures
from folkmoot.http.local import HostNotLocal, NotLocal, OriginRefused
from folkmoot.http.openapi import Api, operation_id
from folkmoot.http.paths import CanonicalPath
from folkmoot.http.rate_limit import RateLimit
from folkmoot.http.render import add_renderers
from folkmoot.http.requests import Requests
from folkmoot.http.tracing import NotesRoute
from folkmoot.http.within import Within
from folkmoot.kernel.garbage import collect_rarely
from folkmoot.kernel.logs import log_to_stderr
from folkmoot.kernel.settings import Settings, WrongSetting, load_settings, secrets_in
from folkmoot.kernel.telemetry import open_tracer
from folkmoot.kernel.tracing import Tracer
from folkmoot.knowledge.routes import DOCUMENTS
from folkmoot.knowledge.routes import router as knowledge_router
from folkmoot.knowledge.schemas import FORM_BYTES, UPLOAD_BYTES
from folkmoot.life import SERVER, Duty, Start, lifespan
from folkmoot.net.client import GuardedClient, open_client
from folkmoot.ops import routes as ops
from folkmoot.ops.worker_routes import router as workers_router
from folkmoot.providers.model_routes import router as models_router
from folkmoot.providers.routes import router as secrets_router
from folkmoot.realtime.asyncapi import add_asyncapi
from folkmoot.realtime.limits import SocketRules
from folkmoot.realtime.routes import router as events_router
from folkmoot.realtime.socketio import add_socketio
from folkmoot.realtime.sockets import router as sockets_router
from folkmoot.rooms.attachment_routes import ATTACHMENTS
from folkmoot.rooms.attachment_routes import router as room_attachments_router
from folkmoot.rooms.member_routes import router as room_members_router
from folkmoot.rooms.membership import leave_rooms, own_local_rooms
from folkmoot.rooms.routes import router as rooms_router
from folkmoot.runs.approval_routes import router as approvals_router
from folkmoot.runs.artifact_files import FOLDER, ArtifactFiles
from folkmoot.runs.artifact_routes import router as artifacts_router
from folkmoot.runs.queries import count_live
from folkmoot.runs.routes import router as runs_router
from folkmoot.runs.service import make_slots
from folkmoot.runs.timeline_routes import router as timeline_router
from folkmoot.tasks.queries import get_task, next_run_number
from folkmoot.tasks.routes import router as tasks_router
from folkmoot.tasks.rules import TaskDefaults
from folkmoot.teams.routes import router as teams_router
from folkmoot.tools.mcp.routes import router as mcp_router
from folkmoot.tools.routes import router as tools_router
from folkmoot.usage.routes import router as usage_router
from folkmoot.workspaces.above import RoomsAbove
from folkmoot.workspaces.deps import SelectorsDisagree
from folkmoot.workspaces.lookup import RoleTooLow
from folkmoot.workspaces.member_routes import router as members_router
from folkmoot.workspaces.people_routes import router as people_router
from folkmoot.workspaces.queries import NoSuchWorkspace
from folkmoot.workspaces.routes import router as workspaces_router

_ROUTERS = (  # in the order in which they are tried: what is called most comes first
    messages_router,
    conversations_router,
    runs_router,
    approvals_router,
    artifacts_router,
    timeline_router,
    tasks_router,
    core_agents_router,
    agents_router,
    contexts_router,
    ops.root,
    ops.router,
    workspaces_router,
    members_router,
    logins_router,
    users_router,
    keys_router,
    people_router,
    secrets_router,
    models_router,
    ollama_router,
    knowledge_router,
    workers_router,
    tools_router,
    mcp_router,
    teams_router,
    debates_router,
    rooms_router,
    room_members_router,
    room_attachments_router,
    schedules_router,
    webhooks_router,
    usage_router,
    events_router,
    sockets_router,
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_log = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None,
    address: str | None = None,
    *,
    works: bool = True,
    is_insecure: bool = False,
    is_private: bool = False,
    duty: Duty = SERVER,
) -> FastAPI:
    """The application; `address` is where it answers, for commands that find its lock. Raises WrongSetting.

    One that does not work answers calls and leaves runs alone, also those that were interrupted. An insecure one has
    no door while there are no users; a private one takes everybody for its owner, who alone can reach its socket.
    `duty` says what the process is, and which runs it takes.
    """
    settings = settings or load_settings()
    start = Start(
        settings=settings, address=address, works=works, is_insecure=is_insecure, is_private=is_private, duty=duty
    )
    for sentence in start.warnings():
        _log.warning(sentence)
    app = Api(
        title="Folkmoot",
        version=__version__,
        description="Teams of AI agents and people work, debate and decide",
        lifespan=partial(lifespan, start),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.problems_of_door = (NotAuthenticated, CsrfRefused, NotLocal, HostNotLocal, OriginRefused)
    app.is_open = is_open
    app.problems_of_scope = (NoSuchWorkspace, RoleTooLow, SelectorsDisagree, DatabaseUnavailable)
    _set_state(app, settings)
    for router in _ROUTERS:
        app.include_router(router)
    add_docs(app)
    add_asyncapi(app, _ROUTERS)
    add_socketio(app)
    app.state.routes_of_house = len(app.router.routes)
    add_renderers(app)
    app.user_middleware = _layers(settings, app.state.figures, app.state.tracer)
    return app


def _set_state(app: FastAPI, settings: Settings) -> None:
    """What routes find on `app.state` before the application lives."""
    app.state.figures = Figures()
    app.state.tracer = open_tracer(settings, __version__)
    app.state.agent_settings = AgentSettings(settings.agents_enabled, settings.agent_max_concurrency)
    app.state.context_settings = ContextSettings(settings.agent_context_history_limit)
    app.state.mailboxes = MailboxRules(
        settings.agent_message_ack_window_seconds, settings.agent_message_retention_limit, get_task
    )
    made = (partial(_slots, settings.workspace_max_live_runs),)
    app.state.rooms_above = RoomsAbove(made, count_live, leave_rooms, own_local_rooms)
    app.state.run_number = next_run_number
    app.state.server_secrets = secrets_in(settings)
    app.state.artifact_files = ArtifactFiles(settings.data_dir / FOLDER, settings.artifact_max_bytes)
    app.state.outgoing = _outgoing(settings)
    app.state.task_defaults = TaskDefaults(max_rounds=settings.mgx_max_rounds)
    app.state.socket_rules = SocketRules(settings.socket_messages_per_10_seconds, settings.socket_max_message_bytes)


def app_of_environment() -> FastAPI:
    """The application as environment and `.env` say, logging to stderr; a wrong setting ends it in one line.

    Whoever serves it does so at API_HOST and API_PORT: there commands that find its lock will look for it.
    """
    try:
        settings = load_settings()
        log_to_stderr(settings)
        app = create_app(settings, f"http://{settings.api_host}:{settings.api_port}")
    except WrongSetting as wrong:
        raise SystemExit(f"folkmoot: {wrong}") from None
    collect_rarely()
    return app


def _layers(settings: Settings, figures: Figures, tracer: Tracer) -> list[Middleware]:
    """From the outermost in."""
    origins = settings.backend_cors_origins
    per_minute = settings.rate_limit_per_minute
    limit = [] if per_minute is None else [Middleware(RateLimit, per_minute=per_minute)]
    return [
        Middleware(Requests, figures=figures, is_logged=settings.access_log, tracer=tracer),
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=["*"],
            allow_credentials=True,
            expose_headers=["Location", "X-Request-Id", "X-Response-Time"],
        ),
        Middleware(CanonicalPath),
        Middleware(Door),
        *limit,
        Middleware(BodyGuard, uploads=dict.fromkeys((DOCUMENTS, ATTACHMENTS), UPLOAD_BYTES + FORM_BYTES)),
        Middleware(Within),
        *([Middleware(NotesRoute)] if tracer.is_on else ()),
    ]


def _outgoing(settings: Settings) -> GuardedClient:
    """For every URL that a user or a model can influence. Raises WrongSetting."""
    try:
        return open_client(settings.outgoing_allowed_hosts, __version__)
    except ValueError as wrong:
        raise WrongSetting(f"OUTGOING_ALLOWED_HOSTS: {wrong}") from None


def _slots(cap: int, tx: Tx, workspace_id: str) -> None:
    make_slots(tx, workspace_id, cap)
