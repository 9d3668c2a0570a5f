"""Agents over HTTP: definitions, instances and their status."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from starlette.requests import HTTPConnection

from folkmoot.agents import queries, service
from folkmoot.agents.queries import NoSuchAgent, NoSuchDefinition, NotInitialized
from folkmoot.agents.rules import AgentStatus
from folkmoot.agents.schemas import AgentPage, AgentStatusView, AgentView, DefinitionPage, NewAgent
from folkmoot.agents.service import (
    AgentConfigInvalid,
    AgentsDisabled,
    AgentSettings,
    NoSuchProject,
    TooManyAgents,
    agent_view,
    definition_view,
)
from folkmoot.http.deps import Db, Models
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.llm.faults import UnknownModel
from folkmoot.workspaces.deps import Here


async def enabled_agents(connection: HTTPConnection) -> AgentSettings:
    """Raises AgentsDisabled."""
    settings: AgentSettings = connection.app.state.agent_settings
    if not settings.is_enabled:
        raise AgentsDisabled
    return settings


AgentRef = Annotated[str, Path(max_length=255, description="The agent's id, number or slug")]
Settings = Annotated[AgentSettings, Depends(enabled_agents)]
_NOT_FOUND = problems(NoSuchAgent, NotInitialized, AgentsDisabled)

router = APIRouter(prefix="/api/agents", tags=["agents"], dependencies=[Depends(enabled_agents)])


@router.get("/definitions", responses=problems(AgentsDisabled))
async def list_agent_definitions(db: Db, here: Here, paging: Paging) -> DefinitionPage:
    """What agents can be made of."""
    rows, total = await db.read_long(queries.list_definitions, here, paging.skip, paging.limit)
    found = [definition_view(row) for row in rows]
    return DefinitionPage(definitions=found, total=total, skip=paging.skip, limit=paging.limit)


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
        NoSuchDefinition, NoSuchProject, AgentConfigInvalid, UnknownModel, TooManyAgents, AgentsDisabled
    ),
)
async def create_agent(
    db: Db, here: Here, settings: Settings, models: Models, new: NewAgent, response: Response
) -> AgentView:
    """Make an agent of a definition."""
    made = await db.write(service.create_agent, here, settings, models, new)
    response.headers["Location"] = f"/api/agents/{made.id}"
    return made


@router.get("/{agent_id}", responses=_NOT_FOUND)
async def get_agent(db: Db, here: Here, agent_id: AgentRef) -> AgentView:
    return agent_view(await db.read(queries.get_agent, here, agent_id))


@router.get("/{agent_id}/status", responses=_NOT_FOUND)
async def get_agent_status(db: Db, here: Here, agent_id: AgentRef) -> AgentStatusView:
    """What the agent is doing, and how it has done so far."""
    return await db.read(service.agent_status, here, agent_id)
