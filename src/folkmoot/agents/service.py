"""The verbs of agents."""

from dataclasses import dataclass

import sqlalchemy as sa

from folkmoot.agents.queries import (
    INSTANCE_COLUMNS,
    count_online,
    current_run_id,
    get_agent,
    get_definition,
    next_number,
    taken_slugs,
)
from folkmoot.agents.rules import AgentStatus, shown_status, slug_of
from folkmoot.agents.schemas import AgentConfig, AgentStatusView, AgentView, DefinitionView, NewAgent
from folkmoot.agents.tables import Agent, AgentDefinition, AgentInstance
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.json_schema import errors_of
from folkmoot.kernel.scope import Scope
from folkmoot.llm.gateway import Gateway
from folkmoot.workspaces.tables import Project, Workspace

_LOCK_WORKSPACE = sa.select(Workspace.id).where(Workspace.id == sa.bindparam("workspace_id")).with_for_update()
_PROJECT = sa.select(Project.id).where(
    Project.workspace_id == sa.bindparam("workspace_id"), Project.id == sa.bindparam("project_id")
)
_INSERT = sa.insert(AgentInstance)


class AgentConfigInvalid(Invalid):
    """The agent's config does not fit the definition's config_schema"""


class TooManyAgents(Conflict):
    """The workspace has as many agents as it may"""


class AgentsDisabled(Unavailable):
    """Agents are switched off"""

    retryable = False
    hint = "Set AGENTS_ENABLED=true"


class NoSuchProject(NotFound):
    """Project not found"""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """AGENTS_ENABLED and AGENT_MAX_CONCURRENCY: instances of a workspace that are not offline."""

    is_enabled: bool = True
    most_online: int = 10


def create_agent(tx: Tx, scope: Scope, settings: AgentSettings, gateway: Gateway, new: NewAgent) -> AgentView:
    """Raises NoSuchDefinition, NoSuchProject, AgentConfigInvalid, UnknownModel, TooManyAgents."""
    definition = get_definition(tx, scope, id=new.definition_id, slug=new.definition_slug)
    project_id = new.project_id or scope.project_id
    if tx.scalar(_PROJECT, workspace_id=scope.workspace_id, project_id=project_id) is None:
        raise NoSuchProject
    _check_config(definition, new.config, gateway)
    tx.scalar(_LOCK_WORKSPACE, workspace_id=scope.workspace_id)
    if count_online(tx, scope) >= settings.most_online:
        raise TooManyAgents(
            f"This workspace may have {settings.most_online} agents that are not offline",
            limit=settings.most_online,
        )
    name = new.name or definition.name
    row: dict[str, object] = {
        **dict.fromkeys(INSTANCE_COLUMNS.keys()),
        **dict.fromkeys(("task_count", "success_count", "error_count", "busy_milliseconds", "running_runs"), 0),
        "id": new_id(),
        "workspace_id": scope.workspace_id,
        "project_id": project_id,
        "definition_id": definition.id,
        "number": next_number(tx, scope),
        "slug": slug_of(name, taken_slugs(tx, scope)),
        "name": name,
        "status": AgentStatus.ACTIVE if new.activate else AgentStatus.IDLE,
        "config": new.config,
        "state": {},
        "origin": {"kind": "definition", "by": {"kind": scope.actor.kind, "id": scope.actor.id}},
        "created_at": now(),
        "updated_at": now(),
    }
    tx.write(_INSERT, row)
    made = agent_view(get_agent(tx, scope, str(row["id"])))
    shown: JsonObject = made.model_dump(mode="json")
    changed = ResourceChanged(resource="agent", id=made.id, change="created", view=shown)
    tx.emit(scope.workspace_id, changed, agent_id=made.id)
    return made


def _check_config(definition: AgentDefinition, config: JsonObject, gateway: Gateway) -> None:
    errors: list[Json] = []
    for error in errors_of(definition.config_schema, config):
        place = error["loc"]
        errors.append({**error, "loc": ["body", "config", *(place if isinstance(place, list) else ())]})
    if errors:
        raise AgentConfigInvalid(errors=errors)
    gateway.check(AgentConfig.model_validate(config).preferred_models)


def agent_status(tx: Tx, scope: Scope, ref: str) -> AgentStatusView:
    """Raises NoSuchAgent, NotInitialized."""
    agent = get_agent(tx, scope, ref)
    ended = agent.success_count + agent.error_count
    return AgentStatusView(
        agent_id=agent.id,
        agent_name=agent.name,
        agent_type=agent.agent_type,
        status=shown_status(agent.status, agent.running_runs),
        capabilities=agent.capabilities,
        task_count=agent.task_count,
        success_count=agent.success_count,
        error_count=agent.error_count,
        success_rate=agent.success_count / ended if ended else 0.0,
        avg_task_duration=agent.busy_milliseconds / 1000 / agent.task_count if agent.task_count else 0.0,
        created_at=agent.created_at,
        last_active_at=agent.last_active_at,
        current_run_id=current_run_id(tx, scope, agent.id) if agent.running_runs else None,
        last_error=agent.last_error,
    )


def agent_view(agent: Agent) -> AgentView:
    names = AgentView.model_fields.keys() - {"type", "status"}
    return AgentView(
        type=agent.agent_type,
        status=shown_status(agent.status, agent.running_runs),
        **{name: getattr(agent, name) for name in names},
    )


def definition_view(definition: AgentDefinition) -> DefinitionView:
    names = DefinitionView.model_fields.keys() - {"metadata"}
    return DefinitionView(metadata=definition.meta_data, **{name: getattr(definition, name) for name in names})
