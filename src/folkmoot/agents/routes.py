"""Agents over HTTP: definitions, instances and their status."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from starlette.requests import HTTPConnection

from folkmoot.agents import copies, queries, service
from folkmoot.agents.copies import (
    ClassNotExported,
    CoreAgentIsOne,
    DefinitionExists,
    DefinitionInUse,
    SlugReserved,
)
from folkmoot.agents.lifecycle import HookFailed, Lifecycle
from folkmoot.agents.queries import NoSuchAgent, NoSuchDefinition, NotInitialized
from folkmoot.agents.rules import AgentStatus, IllegalAgentStatus
from folkmoot.agents.schemas import (
    AgentChange,
    AgentDetail,
    AgentPage,
    AgentStatusView,
    DefinitionPage,
    DefinitionView,
    NewAgent,
    NewClone,
    NewExport,
)
from folkmoot.agents.service import (
    AgentConfigInvalid,
    AgentInRun,
    AgentsDisabled,
    AgentSettings,
    CoreAgent,
    Terms,
    agent_detail,
    agent_view,
    definition_view,
)
from folkmoot.agents.transitions import AgentClassMissing, TooManyAgents
from folkmoot.http.deps import Db, Models
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.llm.faults import UnknownModel
from folkmoot.tools.deps import Tools
from folkmoot.workspaces.deps import Here
from folkmoot.workspaces.queries import NoSuchProject


async def enabled_agents(connection: HTTPConnection) -> AgentSettings:
    """Raises AgentsDisabled."""
    settings: AgentSettings = connection.app.state.agent_settings
    if not settings.is_enabled:
        raise AgentsDisabled
    return settings


async def _lifecycle(connection: HTTPConnection) -> Lifecycle:
    lifecycle: Lifecycle = connection.app.state.lifecycle
    return lifecycle


Lives = Annotated[Lifecycle, Depends(_lifecycle)]


async def _terms(
    settings: Annotated[AgentSettings, Depends(enabled_agents)], models: Models, lifecycle: Lives
) -> Terms:
    return Terms(settings, models, lifecycle.process)


AgentRef = Annotated[str, Path(max_length=255, description="The agent's id, number or slug")]
HowThingsAre = Annotated[Terms, Depends(_terms)]
_NOT_FOUND = problems(NoSuchAgent, NotInitialized, AgentsDisabled)
_VERB = (
    NoSuchAgent,
    NotInitialized,
    AgentsDisabled,
    IllegalAgentStatus,
    TooManyAgents,
    AgentClassMissing,
    HookFailed,
)

router = APIRouter(prefix="/api/agents", tags=["agents"], dependencies=[Depends(enabled_agents)])


@router.get("/definitions", responses=problems(AgentsDisabled))
async def list_agent_definitions(db: Db, here: Here, paging: Paging) -> DefinitionPage:
    """What agents can be made of."""
    rows, total = await db.read_long(queries.list_definitions, here, paging.skip, paging.limit)
    found = [definition_view(row) for row in rows]
    return DefinitionPage(definitions=found, total=total, skip=paging.skip, limit=paging.limit)


@router.delete(
    "/definitions/{definition_id}",
    status_code=204,
    responses=problems(NoSuchDefinition, DefinitionInUse, AgentsDisabled),
)
async def delete_agent_definition(
    db: Db, here: Here, definition_id: Annotated[str, Path(max_length=255, description="The definition's id")]
) -> None:
    """Delete a definition of the workspace's own; not while there are agents of it."""
    await db.write(copies.delete_agent_definition, here, definition_id.lower())


@router.get("", responses=problems(AgentsDisabled))
async def list_agents(
    db: Db,
    here: Here,
    paging: Paging,
    status: Annotated[AgentStatus | None, Query()] = None,
    project_id: Annotated[str | None, Query(max_length=36)] = None,
    agent_type: Annotated[str | None, Query(alias="type", max_length=100)] = None,
) -> AgentPage:
    """The workspace's agents by number; `status` filters by the status they show."""
    given = {"status": status, "project_id": project_id, "agent_type": agent_type}
    filters = {name: str(value) for name, value in given.items() if value is not None}
    rows, total = await db.read_long(queries.list_agents, here, filters, paging.skip, paging.limit)
    return AgentPage(agents=[agent_view(row) for row in rows], total=total, skip=paging.skip, limit=paging.limit)


@router.post(
    "",
    status_code=201,
    responses=problems(
        NoSuchDefinition,
        NoSuchProject,
        AgentConfigInvalid,
        UnknownModel,
        TooManyAgents,
        AgentsDisabled,
        AgentClassMissing,
        HookFailed,
    ),
)
async def create_agent(
    lifecycle: Lives, here: Here, terms: HowThingsAre, tools: Tools, new: NewAgent, response: Response
) -> AgentDetail:
    """Make an agent of a definition; one of a class is made even where a hook fails, with status `error`."""
    made = await lifecycle.create(here, terms, new)
    response.headers["Location"] = f"/api/agents/{made.id}"
    return await agent_detail(tools, here, made)


@router.get("/{agent_id}", responses=_NOT_FOUND)
async def get_agent(db: Db, here: Here, tools: Tools, agent_id: AgentRef) -> AgentDetail:
    return await agent_detail(tools, here, agent_view(await db.read(queries.get_agent, here, agent_id)))


@router.get("/{agent_id}/status", responses=_NOT_FOUND)
async def get_agent_status(db: Db, here: Here, agent_id: AgentRef) -> AgentStatusView:
    """What the agent is doing, and how it has done so far."""
    return await db.read(service.agent_status, here, agent_id)


@router.patch("/{agent_id}", responses=problems(*_VERB, AgentConfigInvalid, UnknownModel))
async def change_agent(
    lifecycle: Lives, here: Here, terms: HowThingsAre, tools: Tools, agent_id: AgentRef, change: AgentChange
) -> AgentDetail:
    """Change name, config or status: all of what is asked for, or nothing."""
    return await agent_detail(tools, here, await lifecycle.change(here, terms, agent_id, change))


@router.delete(
    "/{agent_id}",
    status_code=204,
    responses=problems(NoSuchAgent, NotInitialized, AgentsDisabled, CoreAgent, AgentInRun),
)
async def delete_agent(lifecycle: Lives, here: Here, agent_id: AgentRef) -> None:
    """Delete an agent and its conversations; its number is not given again."""
    await lifecycle.delete(here, agent_id)


@router.post("/{agent_id}/activate", responses=problems(*_VERB))
async def activate_agent(
    lifecycle: Lives, here: Here, terms: HowThingsAre, tools: Tools, agent_id: AgentRef
) -> AgentDetail:
    """Let the agent work."""
    change = AgentChange(status=AgentStatus.ACTIVE)
    return await agent_detail(tools, here, await lifecycle.change(here, terms, agent_id, change))


@router.post("/{agent_id}/deactivate", responses=problems(*_VERB))
async def deactivate_agent(
    lifecycle: Lives, here: Here, terms: HowThingsAre, tools: Tools, agent_id: AgentRef
) -> AgentDetail:
    """Let the agent rest: `idle`."""
    change = AgentChange(status=AgentStatus.IDLE)
    return await agent_detail(tools, here, await lifecycle.change(here, terms, agent_id, change))


@router.post("/{agent_id}/shutdown", responses=problems(*_VERB))
async def shutdown_agent(
    lifecycle: Lives, here: Here, terms: HowThingsAre, tools: Tools, agent_id: AgentRef
) -> AgentDetail:
    """End the agent's work: `offline`, and it no longer counts against the workspace's cap."""
    change = AgentChange(status=AgentStatus.OFFLINE)
    return await agent_detail(tools, here, await lifecycle.change(here, terms, agent_id, change))


@router.post(
    "/{agent_id}/clone",
    status_code=201,
    responses=problems(NoSuchAgent, NotInitialized, AgentsDisabled, CoreAgentIsOne, TooManyAgents),
)
async def clone_agent(
    db: Db,
    here: Here,
    terms: HowThingsAre,
    tools: Tools,
    agent_id: AgentRef,
    response: Response,
    new: NewClone | None = None,
) -> AgentDetail:
    """Make another agent with the same configuration; what the first has said and kept stays with it."""
    made = await db.write(copies.clone_agent, here, terms.settings, agent_id, new or NewClone())
    response.headers["Location"] = f"/api/agents/{made.id}"
    return await agent_detail(tools, here, agent_view(made))


@router.post(
    "/{agent_id}/export",
    status_code=201,
    responses=problems(
        NoSuchAgent,
        NotInitialized,
        AgentsDisabled,
        CoreAgentIsOne,
        ClassNotExported,
        SlugReserved,
        DefinitionExists,
    ),
)
async def export_agent(db: Db, here: Here, agent_id: AgentRef, new: NewExport | None = None) -> DefinitionView:
    """Make a definition of the workspace's own of the agent, or bring that of an earlier export up to date."""
    return await db.write(copies.export_agent, here, agent_id, new or NewExport())
