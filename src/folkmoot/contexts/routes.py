"""Contexts over HTTP: those of an agent, and those the agents of a project share."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.agents.routes import AgentRef, enabled_agents
from folkmoot.agents.service import AgentsDisabled
from folkmoot.contexts import queries, reading, service
from folkmoot.contexts.queries import Named, NoSuchContextVersion, OfAgent, OfProject
from folkmoot.contexts.rules import DEFAULT_NAME
from folkmoot.contexts.schemas import (
    AgentRollback,
    ContextPage,
    ContextView,
    NewAgentContextVersion,
    NewContextVersion,
    PatchOperation,
    ReaderPage,
    Rollback,
    RollbackView,
    VersionPage,
    VersionView,
)
from folkmoot.contexts.service import (
    Change,
    ContextNotJson,
    ContextSettings,
    ContextTooLarge,
    UnknownVersion,
    VersionConflict,
)
from folkmoot.contexts.views import context_view, reader_view, rollback_view, summary_of
from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.http.text import Line
from folkmoot.kernel.json import LARGEST_INTEGER, dumps
from folkmoot.runs.queries import NoSuchRun
from folkmoot.workspaces.deps import Here
from folkmoot.workspaces.queries import NoSuchProject


async def _settings(connection: HTTPConnection) -> ContextSettings:
    settings: ContextSettings = connection.app.state.context_settings
    return settings


class JsonPatch(JSONResponse):
    """RFC 6902."""

    media_type = "application/json-patch+json"

    def render(self, content: object) -> bytes:
        return dumps(content).encode()


Settings = Annotated[ContextSettings, Depends(_settings)]
ContextName = Annotated[Line, Query(description="The context's name")]
SharedName = Annotated[Line, Path(description="The context's name")]
ProjectId = Annotated[str, Path(max_length=255, description="The project's id")]
Version = Annotated[int | None, Query(ge=0, le=LARGEST_INTEGER, description="Default: the current version")]
VersionNumber = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
Since = Annotated[int, Query(alias="from", ge=0, le=LARGEST_INTEGER, description="0 is the empty context")]
Until = Annotated[int | None, Query(alias="to", ge=0, le=LARGEST_INTEGER, description="Default: the current version")]
ReadingRun = Annotated[Line | None, Query(description="The run that reads: it will be listed as a reader")]

_OF_AGENT = (NoSuchAgent, NotInitialized, AgentsDisabled)
_AT_VERSION = (NoSuchContextVersion, NoSuchRun)
_WRITING = (NoSuchRun, VersionConflict, ContextTooLarge, ContextNotJson)

router = APIRouter(prefix="/api", tags=["contexts"])
_ENABLED = [Depends(enabled_agents)]


def _change(new: NewContextVersion) -> Change:
    return Change(new.data, new.change_description, new.created_by, new.expected_version, new.run_id)


@router.get("/agents/{agent_id}/contexts", dependencies=_ENABLED, responses=problems(*_OF_AGENT))
async def list_contexts(db: Db, here: Here, paging: Paging, agent_id: AgentRef) -> ContextPage:
    """The agent's contexts by name."""
    rows, total = await db.read_long(queries.list_contexts, here, OfAgent(agent_id), paging.skip, paging.limit)
    return ContextPage(contexts=[summary_of(row) for row in rows], total=total, skip=paging.skip, limit=paging.limit)


@router.get("/agents/{agent_id}/context", dependencies=_ENABLED, responses=problems(*_OF_AGENT, *_AT_VERSION))
async def read_context(
    db: Db,
    here: Here,
    agent_id: AgentRef,
    context_name: ContextName = DEFAULT_NAME,
    version: Version = None,
    run_id: ReadingRun = None,
) -> ContextView:
    """What the agent keeps under the name; made empty, at version 0, when it is first read."""
    return context_view(await reading.open_context(db, here, Named(OfAgent(agent_id), context_name), version, run_id))


@router.post("/agents/{agent_id}/context", dependencies=_ENABLED, responses=problems(*_OF_AGENT, *_WRITING))
async def write_context(
    db: Db, here: Here, settings: Settings, agent_id: AgentRef, new: NewAgentContextVersion
) -> ContextView:
    """Write the whole state as the next version."""
    named = Named(OfAgent(agent_id), new.context_name)
    return context_view(await db.write(service.write_named_context, here, named, _change(new), settings))


@router.post(
    "/agents/{agent_id}/context/rollback", dependencies=_ENABLED, responses=problems(UnknownVersion, *_OF_AGENT)
)
async def rollback_context(db: Db, here: Here, agent_id: AgentRef, to: AgentRollback) -> RollbackView:
    """Make an older version the current one; the next write is numbered after the newest all the same."""
    return rollback_view(
        await service.roll_back(db, here, Named(OfAgent(agent_id), to.context_name), to.target_version)
    )


@router.get("/agents/{agent_id}/context/versions", dependencies=_ENABLED, responses=problems(*_OF_AGENT))
async def list_context_versions(
    db: Db, here: Here, paging: Paging, agent_id: AgentRef, context_name: ContextName = DEFAULT_NAME
) -> VersionPage:
    """Who wrote which version and why, newest first."""
    named = Named(OfAgent(agent_id), context_name)
    rows, total = await db.read_long(reading.version_history, here, named, paging.skip, paging.limit)
    found = [VersionView.model_validate(row) for row in rows]
    return VersionPage(versions=found, total=total, skip=paging.skip, limit=paging.limit)


@router.get(
    "/agents/{agent_id}/context/diff",
    dependencies=_ENABLED,
    response_class=JsonPatch,
    response_model=list[PatchOperation],
    responses=problems(*_OF_AGENT, NoSuchContextVersion),
)
async def compare_context_versions(
    db: Db, here: Here, agent_id: AgentRef, since: Since, until: Until = None, context_name: ContextName = DEFAULT_NAME
) -> JsonPatch:
    """The JSON Patch (RFC 6902) that makes one version into the other."""
    return JsonPatch(await reading.compare_versions(db, here, Named(OfAgent(agent_id), context_name), since, until))


@router.get(
    "/agents/{agent_id}/context/versions/{version}/readers",
    dependencies=_ENABLED,
    responses=problems(*_OF_AGENT, NoSuchContextVersion),
)
async def list_context_readers(
    db: Db,
    here: Here,
    paging: Paging,
    agent_id: AgentRef,
    version: VersionNumber,
    context_name: ContextName = DEFAULT_NAME,
) -> ReaderPage:
    """The runs that have read the version, the last to come first."""
    named = Named(OfAgent(agent_id), context_name)
    rows, total = await db.read_long(reading.version_readers, here, named, version, paging.skip, paging.limit)
    found = [reader_view(row) for row in rows]
    return ReaderPage(readers=found, total=total, skip=paging.skip, limit=paging.limit)


@router.get("/projects/{project_id}/contexts", responses=problems(NoSuchProject))
async def list_project_contexts(db: Db, here: Here, paging: Paging, project_id: ProjectId) -> ContextPage:
    """The contexts that the project's agents share, by name."""
    rows, total = await db.read_long(queries.list_contexts, here, OfProject(project_id), paging.skip, paging.limit)
    return ContextPage(contexts=[summary_of(row) for row in rows], total=total, skip=paging.skip, limit=paging.limit)


@router.get("/projects/{project_id}/contexts/{name}", responses=problems(NoSuchProject, *_AT_VERSION))
async def read_project_context(
    db: Db, here: Here, project_id: ProjectId, name: SharedName, version: Version = None, run_id: ReadingRun = None
) -> ContextView:
    """What the agents of the project share under the name; made empty, at version 0, when it is first read."""
    return context_view(await reading.open_context(db, here, Named(OfProject(project_id), name), version, run_id))


@router.post("/projects/{project_id}/contexts/{name}", responses=problems(NoSuchProject, *_WRITING))
async def write_project_context(
    db: Db, here: Here, settings: Settings, project_id: ProjectId, name: SharedName, new: NewContextVersion
) -> ContextView:
    """Write the whole state as the next version."""
    named = Named(OfProject(project_id), name)
    return context_view(await db.write(service.write_named_context, here, named, _change(new), settings))


@router.post("/projects/{project_id}/contexts/{name}/rollback", responses=problems(UnknownVersion, NoSuchProject))
async def rollback_project_context(
    db: Db, here: Here, project_id: ProjectId, name: SharedName, to: Rollback
) -> RollbackView:
    """Make an older version the current one; the next write is numbered after the newest all the same."""
    return rollback_view(await service.roll_back(db, here, Named(OfProject(project_id), name), to.target_version))


@router.get("/projects/{project_id}/contexts/{name}/versions", responses=problems(NoSuchProject))
async def list_project_context_versions(
    db: Db, here: Here, paging: Paging, project_id: ProjectId, name: SharedName
) -> VersionPage:
    """Who wrote which version and why, newest first."""
    named = Named(OfProject(project_id), name)
    rows, total = await db.read_long(reading.version_history, here, named, paging.skip, paging.limit)
    found = [VersionView.model_validate(row) for row in rows]
    return VersionPage(versions=found, total=total, skip=paging.skip, limit=paging.limit)


@router.get(
    "/projects/{project_id}/contexts/{name}/diff",
    response_class=JsonPatch,
    response_model=list[PatchOperation],
    responses=problems(NoSuchProject, NoSuchContextVersion),
)
async def compare_project_context_versions(
    db: Db, here: Here, project_id: ProjectId, name: SharedName, since: Since, until: Until = None
) -> JsonPatch:
    """The JSON Patch (RFC 6902) that makes one version into the other."""
    return JsonPatch(await reading.compare_versions(db, here, Named(OfProject(project_id), name), since, until))


@router.get(
    "/projects/{project_id}/contexts/{name}/versions/{version}/readers",
    responses=problems(NoSuchProject, NoSuchContextVersion),
)
async def list_project_context_readers(
    db: Db, here: Here, paging: Paging, project_id: ProjectId, name: SharedName, version: VersionNumber
) -> ReaderPage:
    """The runs that have read the version, the last to come first."""
    named = Named(OfProject(project_id), name)
    rows, total = await db.read_long(reading.version_readers, here, named, version, paging.skip, paging.limit)
    found = [reader_view(row) for row in rows]
    return ReaderPage(readers=found, total=total, skip=paging.skip, limit=paging.limit)
