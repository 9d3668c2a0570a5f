"""The Python surface: what other software calls in the process of an application, and how it finds that."""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypedDict, Unpack

from folkmoot.accounts.deps import CurrentUser, get_current_user
from folkmoot.agents.base import BaseAgent
from folkmoot.agents.queries import NoSuchAgent, get_agent
from folkmoot.agents.registry import AgentRegistry
from folkmoot.agents.rules import AgentStatus
from folkmoot.agents.tables import AgentDefinition, AgentInstance
from folkmoot.contexts import queries as contexts
from folkmoot.contexts import reading as context_reading
from folkmoot.contexts import service as context_service
from folkmoot.contexts.queries import Named, NoSuchContext, OfAgent, OfProject
from folkmoot.contexts.rules import ContextRollbackState
from folkmoot.contexts.service import Change, ContextSettings
from folkmoot.contexts.tables import AgentContext, AgentContextVersion
from folkmoot.db.sessions import Session
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.runs.rules import RunStatus
from folkmoot.tasks.functions import Function, Functions, FunctionStatus, name_of, work_of
from folkmoot.tasks.processor import TaskProcessor
from folkmoot.tasks.rules import DEFAULT_TEAM
from folkmoot.teams.provider import Place, TeamProvider, TeamResult
from folkmoot.teams.schemas import AgentSeat, RoleSeat, TeamSpec
from folkmoot.teams.team import Consent, Limits, Person
from folkmoot.tools.registry import Tool, ToolContext, typed_tool

TaskStatus = RunStatus

__all__ = [
    "AgentContext",
    "AgentContextVersion",
    "AgentDefinition",
    "AgentInstance",
    "AgentRegistry",
    "AgentSeat",
    "AgentStatus",
    "BackgroundTaskRunner",
    "BaseAgent",
    "Consent",
    "ContextRollbackState",
    "CurrentUser",
    "Limits",
    "MGXStyleTeam",
    "MGXTeamProvider",
    "NoRunningApp",
    "Person",
    "Place",
    "RoleSeat",
    "SharedContextService",
    "Surface",
    "TaskProcessor",
    "TaskStatus",
    "TeamProvider",
    "TeamSpec",
    "Tool",
    "ToolContext",
    "get_current_user",
    "get_task_processor",
    "get_task_runner",
    "get_team_provider",
    "typed_tool",
]


class NoRunningApp(Problem):
    """No Folkmoot application is running here"""

    hint = "Call this in a request, an agent or a background function of the application, or in its lifespan"


class WriteOptions(TypedDict, total=False):
    """How a context is written: on top of which version, by whom, in which run; and where it must be."""

    expected_version: int | None
    created_by: str | None
    run_id: str | None
    workspace_id: str | None
    project_id: str | None


class MGXStyleTeam:
    """A team that plans, works in rounds, reviews and sums up; `slug` is its name in Folkmoot."""

    slug = DEFAULT_TEAM

    def __init__(self, max_rounds: int | None = None, max_revision_rounds: int | None = None) -> None:
        """What is not given is the application's default."""
        self.max_rounds = max_rounds
        self.max_revision_rounds = max_revision_rounds

    async def run(self, task: str, *, workspace_id: str | None = None) -> TeamResult:
        """As `TeamProvider.run_task`. Raises NoRunningApp too."""
        return await get_team_provider().run_task(task, team=self, workspace_id=workspace_id)


MGXTeamProvider = TeamProvider


class BackgroundTaskRunner:
    """Coroutines and functions in the background, each recorded as a run of kind `function`."""

    def __init__(self, place: Place, functions: Functions) -> None:
        self._place = place
        self._functions = functions

    async def submit(
        self,
        coro: Coroutine[object, object, object] | Function,
        name: str | None = None,
        *,
        workspace_id: str | None = None,
    ) -> str:
        """Begin it at once; answers the task's id, which is its run's. A function is called in a thread.

        Raises TooManyFunctions, TooManyLiveReplies, NoSuchWorkspace; the coroutine is then closed.
        """
        work = work_of(coro)
        try:
            scope = await self._place.scope(workspace_id)
        except Problem:
            work.discard()
            raise
        return (await self._functions.start(scope, name or name_of(coro), work)).id

    async def get_status(self, task_id: str, *, workspace_id: str | None = None) -> FunctionStatus | None:
        """None for an id that is no background task's."""
        return await self._functions.status(await self._place.scope(workspace_id), task_id)


class SharedContextService:
    """State that agents share, in versions that never change. Each call is committed when it returns.

    `workspace_id` and `project_id`, where they are given, must be the context's: a foreign one is unknown.
    """

    def __init__(self, settings: ContextSettings | None = None) -> None:
        self._settings = settings or ContextSettings()

    async def get_or_create_context(
        self, session: Session, instance_id: str | None, name: str, workspace_id: str, project_id: str | None = None
    ) -> AgentContext:
        """An agent's context of this name; without an agent the project's own.

        Raises NoSuchAgent, NoSuchProject, WrongContextName.
        """
        scope = Scope(workspace_id, project_id or "", SYSTEM)
        return await session.database.write(_get_or_create, scope, instance_id, name)

    async def write_context(
        self,
        session: Session,
        context_id: str,
        data: JsonObject,
        description: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> int:
        """The number of the new version.

        Raises NoSuchContext, VersionConflict, ContextTooLarge, ContextNotJson, NoSuchRun.
        """
        scope = await _scope_of(session, context_id, options.get("workspace_id"), options.get("project_id"))
        change = Change(
            data,
            description,
            created_by=options.get("created_by"),
            expected_version=options.get("expected_version"),
            run_id=options.get("run_id"),
        )
        written = await session.database.write(context_service.write_context, scope, context_id, change, self._settings)
        return written.context.current_version

    async def read_context(
        self,
        session: Session,
        context_id: str,
        version: int | None = None,
        *,
        workspace_id: str | None = None,
        project_id: str | None = None,
    ) -> JsonObject:
        """The data, by default of the current version. Raises NoSuchContext, NoSuchContextVersion."""
        scope = await _scope_of(session, context_id, workspace_id, project_id)
        return (await session.database.read(context_reading.read_context, scope, context_id, version)).data

    async def rollback_to_version(
        self,
        session: Session,
        context_id: str,
        target_version: int,
        *,
        workspace_id: str | None = None,
        project_id: str | None = None,
    ) -> AgentContext:
        """Reads answer the target again. Raises NoSuchContext, UnknownVersion, which the context records."""
        scope = await _scope_of(session, context_id, workspace_id, project_id)
        rolled_back = await session.database.write(
            context_service.rollback_to_version, scope, context_id, target_version
        )
        return context_service.succeeded(rolled_back)

    async def list_versions(
        self,
        session: Session,
        context_id: str,
        *,
        workspace_id: str | None = None,
        project_id: str | None = None,
    ) -> list[AgentContextVersion]:
        """The versions that are kept, newest first. Raises NoSuchContext."""
        scope = await _scope_of(session, context_id, workspace_id, project_id)
        return await session.database.read_long(_versions, scope, context_id)


async def _scope_of(session: Session, context_id: str, workspace_id: str | None, project_id: str | None) -> Scope:
    """Where the context is. Raises NoSuchContext where it is somewhere else than said."""
    return await session.database.read(_find_scope, context_id.lower(), workspace_id, project_id)


def _find_scope(tx: Tx, context_id: str, workspace_id: str | None, project_id: str | None) -> Scope:
    context = contexts.find_context_anywhere(tx, context_id)
    if context is None or context.workspace_id != (workspace_id or context.workspace_id).lower():
        raise NoSuchContext
    if context.project_id != (project_id or context.project_id).lower():
        raise NoSuchContext
    return Scope(context.workspace_id, context.project_id, SYSTEM)


def _get_or_create(tx: Tx, scope: Scope, instance_id: str | None, name: str) -> AgentContext:
    if instance_id is None:
        return context_service.get_or_create_context(tx, scope, Named(OfProject(scope.project_id), name))
    agent = get_agent(tx, scope, instance_id)
    if agent.project_id != (scope.project_id or agent.project_id):
        raise NoSuchAgent
    return context_service.get_or_create_context(tx, scope, Named(OfAgent(agent.id), name))


def _versions(tx: Tx, scope: Scope, context_id: str) -> list[AgentContextVersion]:
    return contexts.list_versions(tx, contexts.get_context(tx, scope, context_id).id)[0]


class Surface:
    """The services of one application, and the context variable by which its code finds them."""

    def __init__(self, place: Place) -> None:
        """Made on the event loop of the application."""
        self.functions = Functions(place.engine, self.hold)
        self.team_provider = TeamProvider(place)
        self.task_runner = BackgroundTaskRunner(place, self.functions)
        self.task_processor = TaskProcessor(self.functions, place.scope)
        self._is_open = False

    @property
    def is_open(self) -> bool:
        return self._is_open

    def hold(self) -> "_Held":
        """Around a request, or a run: a server calls them in other tasks than its lifespan."""
        return _Held(self)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Around the lifespan, whose end may be in another context than its beginning."""
        self._is_open = True
        _current.set(self)
        self.task_processor.start()
        try:
            yield
        finally:
            self.task_processor.stop()
            self.functions.close()
            self._is_open = False


class _Held:
    """A context of every request: as a class it costs a third of what a generator does."""

    __slots__ = ("_surface", "_token")

    def __init__(self, surface: Surface) -> None:
        self._surface = surface

    def __enter__(self) -> None:
        self._token = _current.set(self._surface)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


_current: ContextVar[Surface | None] = ContextVar("folkmoot_surface", default=None)


def _surface() -> Surface:
    surface = _current.get()
    if surface is None or not surface.is_open:
        raise NoRunningApp
    return surface


def get_team_provider() -> TeamProvider:
    """Of the application this is called in. Raises NoRunningApp."""
    return _surface().team_provider


def get_task_runner() -> BackgroundTaskRunner:
    """Of the application this is called in. Raises NoRunningApp."""
    return _surface().task_runner


def get_task_processor() -> TaskProcessor:
    """Of the application this is called in; it is started. Raises NoRunningApp."""
    return _surface().task_processor
