"""The application's life: opens what it stands on, wires the rooms together, works, and closes it all again.

With `app` and `wiring` the only module that knows every room.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from fastapi import FastAPI

from folkmoot import __version__
from folkmoot.accounts.authentication import Accounts, AccountSettings
from folkmoot.accounts.exposure import check_exposure, open_admin_token
from folkmoot.accounts.secret_key import open_secret_key
from folkmoot.agents.definitions import ensure_definitions
from folkmoot.agents.hosting import give_up, say_alive
from folkmoot.agents.lifecycle import Lifecycle
from folkmoot.agents.loading import load_classes
from folkmoot.agents.operations import Operations
from folkmoot.agents.registry import AgentRegistry
from folkmoot.agents.residents import Residents
from folkmoot.agents.upkeep import looked_after
from folkmoot.automation.postman import Postman
from folkmoot.core_agents.driving import DrivingExecutor
from folkmoot.core_agents.offers import OFFERS
from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.server import Manner, name_of
from folkmoot.db.sessions import Sessions
from folkmoot.engine.dispatch import CONCURRENCY, Dispatcher
from folkmoot.engine.holder import HeldByAnother, Holder
from folkmoot.engine.hosts import HostInfo
from folkmoot.engine.liveness import Liveness, PostgresLiveness, SoleProcess
from folkmoot.engine.local import LocalDispatcher
from folkmoot.engine.queue import QueueDispatcher
from folkmoot.events.bus import Bus
from folkmoot.events.couriers import PostgresCourier, RedisCourier
from folkmoot.events.follow import EventHub
from folkmoot.events.log import store
from folkmoot.events.relay import Alone, Relay, ServerRelay
from folkmoot.kernel.errors import BadRequest, Unavailable
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.safety import check_cache, chosen_secret, warnings
from folkmoot.kernel.settings import Settings, reveal
from folkmoot.kernel.signals import when_asked_to_end
from folkmoot.kernel.supervisor import Supervisor, every
from folkmoot.kernel.tracing import Tracer
from folkmoot.knowledge.library import Library
from folkmoot.knowledge.search import Search
from folkmoot.llm.cache import open_cache
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.settings import llm_settings
from folkmoot.migrations.upgrade import upgrade
from folkmoot.providers.catalogue import ModelCatalogue
from folkmoot.providers.vault import Vault
from folkmoot.realtime.company import Company
from folkmoot.realtime.places import Places
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.moves import number_events
from folkmoot.runs.sweep import stay_known, work_forever
from folkmoot.runtime import Runtime
from folkmoot.surface import Place, SharedContextService, Surface
from folkmoot.tasks.operation_executor import OperationExecutor
from folkmoot.tools.mcp.hub import McpHub
from folkmoot.tools.mcp.processes import Processes
from folkmoot.tools.mcp.reaching import Links
from folkmoot.tools.mcp.stdio import Program
from folkmoot.tools.registry import ToolRegistry
from folkmoot.usage.budgets import BudgetRules
from folkmoot.usage.covered import LOOK_SECONDS as COVERED_SECONDS
from folkmoot.wiring import BUDGET_SCOPES, Chore, Means, chores, open_engine, open_manners, open_tools
from folkmoot.workspaces.lookup import WorkspaceLookup
from folkmoot.workspaces.service import ensure_default
from folkmoot.workspaces.stay import Stays

GRACE_SECONDS = 5.0
"""How long calls in flight may take to end before their runs are handed back."""

_log = logging.getLogger(__name__)


class UnknownKinds(BadRequest):
    """There are no such kinds of runs"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What a process is (server, worker, command), and what runs it takes: None is all kinds it can work on.

    One that takes none still works on the replies that it was asked for.
    """

    kind: str = "server"
    kinds: frozenset[str] | None = None
    concurrency: int = CONCURRENCY


SERVER = Duty()


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How the application was asked for; see create_app."""

    settings: Settings
    address: str | None
    works: bool
    is_insecure: bool
    is_private: bool
    duty: Duty

    def me(self, host_id: str) -> HostInfo:
        """This process, as others see it."""
        kind = self.duty.kind if self.works else "guest"
        return HostInfo(host_id, self.address, kind, f"{socket.gethostname()} {os.getpid()}"[:255])

    @property
    def host(self) -> str:
        """The name or address it listens on, as far as it was told."""
        return (urlsplit(self.address).hostname if self.address else None) or self.settings.api_host

    def warnings(self) -> list[str]:
        """Raises WrongSetting for what is refused."""
        return [] if self.is_private else warnings(self.settings, self.host)


@asynccontextmanager
async def lifespan(start: Start, app: FastAPI) -> AsyncIterator[None]:
    settings, address, works = start.settings, start.address, start.works
    async with AsyncExitStack() as stack:
        gateway = _gateway(settings, app.state.tracer, stack)
        stack.push_async_callback(app.state.outgoing.aclose)
        if not settings.is_postgres:
            stack.callback(_hold(settings, address).release)
        await asyncio.to_thread(upgrade, settings.direct_database_url)
        runtime = await _open(settings, start.duty, gateway, stack)
        app.state.accounts = _accounts(start, app, runtime)
        app.state.catalogue = ModelCatalogue(gateway)
        await check_exposure(app.state.accounts, start.host)
        gateway.key_ring = app.state.vault = Vault(runtime.db, app.state.secret_key.derive_all("secrets"))
        postman = app.state.postman = Postman(
            runtime.db, runtime.supervisor, app.state.outgoing, app.state.vault.cipher
        )
        engine = _engine(app, runtime, settings)
        stack.push_async_callback(app.state.mcp.aclose)
        stack.enter_context(_surface(app, engine).opened())
        liveness = _liveness(settings, runtime)
        stack.push_async_callback(liveness.close)
        default = await runtime.db.write(ensure_default, app.state.rooms_above)
        runtime.relay.start(runtime.supervisor, default.workspace_id)
        stack.push_async_callback(runtime.relay.stop)
        lifecycle = _agents(app, runtime, start.me(runtime.host_id))
        operations = _operations(runtime, app.state.tools, lifecycle)
        engine.register(operations)
        engine.register(DrivingExecutor(operations))
        await _become_known(lifecycle, stack)
        if settings.agents_enabled:
            registry = lifecycle.residents.registry
            await load_classes(registry, settings.agent_registry_modules)
            await runtime.db.write(ensure_definitions, (*OFFERS, *registry.offers()))
            recovers = works and start.duty.kind != "worker"
            gone = partial(liveness.gone, is_patient=False)
            await stack.enter_async_context(looked_after(lifecycle, gone, GRACE_SECONDS, works=recovers))
        _stay_known(lifecycle, engine, liveness, stack)
        await _look_for_budgets(runtime, engine, stack)
        if works:
            _start(start, runtime, engine, liveness, stack)
            _keep_house(chores(settings, runtime, engine, postman), runtime, liveness, stack)
        _log.info("Folkmoot %s started on %s; model: %s", __version__, runtime.db.dialect, gateway.describe())
        yield
    _log.info("Folkmoot stopped")


def _gateway(settings: Settings, tracer: Tracer, stack: AsyncExitStack) -> Gateway:
    """With the answers it knows. The last thing that ends is the tracer. Raises WrongSetting."""
    if tracer.is_on:
        stack.push_async_callback(asyncio.to_thread, tracer.close)
    check_cache(settings)
    gateway = Gateway(llm_settings(settings))
    gateway.tracer = tracer
    stack.push_async_callback(gateway.aclose)
    gateway.cache = open_cache(settings.mgx_cache_backend, reveal(settings.redis_url))
    if gateway.cache is not None:
        stack.push_async_callback(gateway.cache.aclose)
    return gateway


def _accounts(start: Start, app: FastAPI, runtime: Runtime) -> Accounts:
    """Raises SecretNotKept."""
    settings = start.settings
    previous = [secret.get_secret_value() for secret in settings.previous_secret_keys]
    secret_key = open_secret_key(chosen_secret(settings, start.host), previous, settings.data_dir)
    app.state.secret_key = secret_key
    how = AccountSettings(
        access_key=secret_key.derive("access tokens"),
        admin_token=open_admin_token(settings.data_dir),
        metrics_token=reveal(settings.metrics_token),
        origins=frozenset(settings.backend_cors_origins),
        is_required=settings.auth == "required",
        is_insecure=start.is_insecure,
        is_private=start.is_private,
    )
    return Accounts(runtime.db, runtime.supervisor, how)


def _hold(settings: Settings, address: str | None) -> Holder:
    """Raises HeldByAnother."""
    holder = Holder.try_acquire(settings.data_dir, address)
    if holder is None:
        raise HeldByAnother
    return holder


async def _open(settings: Settings, duty: Duty, gateway: Gateway, stack: AsyncExitStack) -> Runtime:
    """What the process holds open; the stack closes it in the reverse order."""
    supervisor, host_id = Supervisor(), new_id()
    relay = _relay(settings, host_id)
    bus = Bus(relay)
    hooks = Hooks(before_commit=(number_events,), store=store, published=bus.wake)
    db: Database = connect(settings.database_url, hooks, settings.db_pool_size, _manner(settings, host_id))
    await db.open()
    stack.push_async_callback(db.close)
    stack.push_async_callback(supervisor.stop)
    dispatcher: Dispatcher = LocalDispatcher(supervisor, duty.concurrency)
    if settings.is_postgres:
        dispatcher = QueueDispatcher(settings.direct_database_url, supervisor, duty.concurrency)
    stack.push_async_callback(dispatcher.close)
    hub = EventHub(db, supervisor, bus)
    hub.start()
    stack.callback(hub.close)
    return Runtime(
        db=db,
        hub=hub,
        gateway=gateway,
        dispatcher=dispatcher,
        supervisor=supervisor,
        relay=relay,
        host_id=host_id,
    )


def _manner(settings: Settings, host_id: str) -> Manner:
    is_pooled = settings.database_direct_url is not None
    return Manner(name_of(host_id), settings.db_statement_timeout_seconds, is_pooled=is_pooled)


def _relay(settings: Settings, host_id: str) -> Relay:
    """How the processes of an installation hear of each other at once."""
    if settings.redis_url is not None:
        return ServerRelay(host_id, RedisCourier(settings.redis_url.get_secret_value()))
    return ServerRelay(host_id, PostgresCourier(settings.direct_database_url)) if settings.is_postgres else Alone()


def _engine(app: FastAPI, runtime: Runtime, settings: Settings) -> RunEngine:
    tools = _tools(app, runtime, settings)
    engine = open_engine(runtime, settings, tools)
    engine.tracer = app.state.tracer
    app.state.runtime = runtime
    app.state.engine = engine
    app.state.budget_rules = BudgetRules(engine.budgets, BUDGET_SCOPES)
    app.state.library = Library(engine, Search(runtime.db, runtime.gateway))
    app.state.tools = tools
    app.state.workspaces = WorkspaceLookup(runtime.db)
    app.state.places = Places(runtime.db, runtime.supervisor)
    app.state.company = Company(runtime)
    app.state.stays = Stays(runtime.db, runtime.supervisor, partial(_is_local, app))
    return engine


def _tools(app: FastAPI, runtime: Runtime, settings: Settings) -> ToolRegistry:
    """Raises ToolPackageFailed."""
    state = app.state
    means = Means(
        outgoing=state.outgoing,
        contexts=state.context_settings,
        mailboxes=state.mailboxes,
        embedder=runtime.gateway,
        artifacts=state.artifact_files,
        runs_python=settings.run_python_enabled,
    )
    tools = open_tools(means)
    programs = [
        Program(one.name, one.command, tuple(one.args), one.environment()) for one in settings.mcp_stdio_servers
    ]
    links, processes = Links(state.outgoing, state.vault.cipher), Processes(programs, runtime.supervisor)
    state.mcp = McpHub(runtime.db, links, processes)
    tools.sources.append(state.mcp)
    return tools


async def _is_local(app: FastAPI) -> bool:
    """Whether whoever was let in as the local owner still would be."""
    accounts: Accounts = app.state.accounts
    return accounts.settings.is_private or await accounts.is_local()


def _surface(app: FastAPI, engine: RunEngine) -> Surface:
    """What other software finds on `app.state`, or by the names that `folkmoot` exports."""
    surface = Surface(Place(engine, app.state.workspaces, app.state.task_defaults, app.state.runtime.gateway))
    engine.register(surface.functions)
    engine.observers.append(surface.functions)
    app.state.hold = surface.hold
    app.state.team_provider = surface.team_provider
    app.state.task_runner = surface.task_runner
    app.state.context_service = SharedContextService(app.state.context_settings)
    return surface


def _liveness(settings: Settings, runtime: Runtime) -> Liveness:
    if settings.is_postgres:
        return PostgresLiveness(settings.direct_database_url, runtime.host_id)
    return SoleProcess(runtime.host_id)


async def _become_known(lifecycle: Lifecycle, stack: AsyncExitStack) -> None:
    """From here on the process owns what it works on: others must find it before."""
    await lifecycle.db.write(say_alive, lifecycle.host)
    stack.push_async_callback(_leave, lifecycle)


async def _leave(lifecycle: Lifecycle) -> None:
    try:
        await lifecycle.db.write(give_up, lifecycle.host.id, is_silent=False)
    except Unavailable as problem:
        _log.warning("the end of this process could not be stored: %s", problem.detail)


def _stay_known(lifecycle: Lifecycle, engine: RunEngine, liveness: Liveness, stack: AsyncExitStack) -> None:
    async def introduce() -> None:
        await lifecycle.db.write(say_alive, lifecycle.host)

    beating = lifecycle.supervisor.start(stay_known(engine, liveness, introduce), "say that this process lives")
    stack.callback(beating.cancel)


async def _look_for_budgets(runtime: Runtime, engine: RunEngine, stack: AsyncExitStack) -> None:
    """Before anything is paid for, and every second: other processes make budgets too."""
    await engine.budgets.look(runtime.db)
    looking = every(COVERED_SECONDS, partial(engine.budgets.look, runtime.db), "looking for budgets")
    stack.callback(runtime.supervisor.start(looking, "look for budgets").cancel)


def _agents(app: FastAPI, runtime: Runtime, host: HostInfo) -> Lifecycle:
    registry = app.state.agent_registry = AgentRegistry()
    residents = Residents(registry, runtime.supervisor)
    app.state.lifecycle = Lifecycle(runtime.db, residents, runtime.supervisor, host)
    app.state.sessions = Sessions(runtime.db)
    lifecycle: Lifecycle = app.state.lifecycle
    return lifecycle


def _operations(runtime: Runtime, tools: ToolRegistry, lifecycle: Lifecycle) -> OperationExecutor:
    """Agents of classes live here, and not where the other executors are wired."""
    operations = Operations(lifecycle.residents, runtime.supervisor)
    return OperationExecutor(runtime.db, runtime.gateway, tools, operations, open_manners(runtime))


def _start(start: Start, runtime: Runtime, engine: RunEngine, liveness: Liveness, stack: AsyncExitStack) -> None:
    """Take up what was interrupted and work; on the way out hand back what is not done. Raises UnknownKinds."""
    kinds = engine.executors.keys() if start.duty.kinds is None else start.duty.kinds
    if unknown := kinds - engine.executors.keys():
        known = ", ".join(sorted(engine.executors))
        raise UnknownKinds(f"There is no kind of runs named {', '.join(sorted(unknown))}; there are {known}")
    stack.push_async_callback(engine.stop, GRACE_SECONDS)
    stack.callback(runtime.supervisor.start(work_forever(engine, liveness, kinds), "work on runs").cancel)
    stack.enter_context(when_asked_to_end(partial(_begin_to_stop, runtime, engine, asyncio.get_running_loop())))


def _keep_house(works: list[Chore], runtime: Runtime, liveness: Liveness, stack: AsyncExitStack) -> None:
    for chore in works:
        keeping = every(chore.seconds, partial(_if_leading, liveness, chore.work), chore.name)
        stack.callback(runtime.supervisor.start(keeping, chore.name).cancel)


async def _if_leading(liveness: Liveness, work: Callable[[], Awaitable[None]]) -> None:
    """One process of an installation keeps house for all."""
    if await liveness.leads():
        await work()


def _begin_to_stop(runtime: Runtime, engine: RunEngine, loop: asyncio.AbstractEventLoop) -> None:
    """A server ends the application only after its requests: those that follow or wait must end by the signal."""

    def stop() -> None:
        runtime.hub.close()
        runtime.supervisor.start(engine.stop(GRACE_SECONDS), "stop")

    loop.call_soon_threadsafe(stop)
