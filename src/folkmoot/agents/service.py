"""The verbs of agents."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from pydantic import ValidationError

from folkmoot.agents.definitions import defaults_of
from folkmoot.agents.queries import (
    INSTANCE_COLUMNS,
    definition_of,
    find_agent,
    get_agent,
    get_definition,
    live_run_id,
    take_number,
    taken_slugs,
)
from folkmoot.agents.rules import FIRST_NUMBER, AgentStatus, slug_of
from folkmoot.agents.schemas import (
    AgentChange,
    AgentConfig,
    AgentDetail,
    AgentStatusView,
    AgentView,
    AgentWarning,
    DefinitionView,
    NewAgent,
)
from folkmoot.agents.tables import Agent, AgentDefinition, AgentInstance
from folkmoot.agents.transitions import (
    VERBS,
    Move,
    Process,
    Result,
    begin,
    check_cap,
    check_class,
    is_to_change,
    lock_agent,
    lock_workspace,
    set_state,
    settle,
    status_of,
    totals_of,
)
from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid, Unavailable
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.json_schema import errors_of
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.validation import reasons
from folkmoot.llm.gateway import Gateway
from folkmoot.providers.queries import own_providers
from folkmoot.tools.registry import ToolRegistry
from folkmoot.tools.service import unknown_tools
from folkmoot.usage.budgets import Allowance, forget_budgets, keep_budget
from folkmoot.usage.rules import BudgetScope
from folkmoot.usage.schemas import AgentBudget
from folkmoot.workspaces.queries import get_project

_INSERT = sa.insert(AgentInstance)
_CHANGE = (
    sa.update(AgentInstance)
    .where(AgentInstance.id == sa.bindparam("this_agent"))
    .values(
        name=sa.bindparam("new_name"),
        config=sa.bindparam("new_config", type_=INSTANCE_COLUMNS.config.type),
        updated_at=sa.bindparam("at", type_=INSTANCE_COLUMNS.updated_at.type),
    )
)
_DELETE = sa.delete(AgentInstance).where(AgentInstance.id == sa.bindparam("this_agent"))


class AgentConfigInvalid(Invalid):
    """The agent's config does not fit the definition's config_schema"""


class CoreAgent(Conflict):
    """A core agent is not deleted"""


class AgentInRun(Conflict):
    """The agent takes part in a run that has not ended"""


class AgentsDisabled(Unavailable):
    """Agents are switched off"""

    retryable = False
    hint = "Set AGENTS_ENABLED=true"


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """AGENTS_ENABLED and AGENT_MAX_CONCURRENCY: instances of a workspace that are not offline."""

    is_enabled: bool = True
    most_online: int = 10


@dataclass(frozen=True, slots=True)
class Terms:
    """What a verb of an agent depends on beside the database."""

    settings: AgentSettings
    gateway: Gateway
    process: Process


@dataclass(frozen=True, slots=True)
class Done:
    """An agent after a verb, and the hooks that are still to be called for it."""

    agent: Agent
    definition: AgentDefinition
    move: Move | None


def create_agent(tx: Tx, scope: Scope, terms: Terms, new: NewAgent) -> Done:
    """Raises NoSuchDefinition, NoSuchProject, AgentConfigInvalid, UnknownModel, TooManyAgents, AgentClassMissing."""
    definition = get_definition(tx, scope, id=new.definition_id, slug=new.definition_slug)
    project_id = get_project(tx, scope, new.project_id or scope.project_id).id
    check_class(is_hosted=definition.is_hosted and new.activate, slug=definition.slug, process=terms.process)
    config = {**defaults_of(definition), **new.config}
    _check_config(tx, scope, definition, config, terms.gateway)
    lock_workspace(tx, scope.workspace_id)
    check_cap(tx, scope, terms.settings.most_online)
    wanted = AgentStatus.ACTIVE if new.activate else AgentStatus.IDLE
    status = AgentStatus.IDLE if definition.is_hosted else wanted
    given: dict[str, object] = {"project_id": project_id, "name": new.name, "config": config, "status": status}
    made = insert_agent(tx, scope, definition, given)
    about = ("agent", made.id)
    record(tx, scope.actor, "create_agent", about, scope.workspace_id, definition=definition.slug)
    if status == wanted:
        return Done(made, definition, None)
    move = begin(tx, made, wanted, terms.process)
    return Done(get_agent(tx, scope, made.id), definition, move)


def insert_agent(tx: Tx, scope: Scope, definition: AgentDefinition, given: dict[str, object]) -> Agent:
    """Make an agent of what was checked, and tell of it: by columns, in which id, number, slug and origin may stand."""
    name = str(given["name"] or definition.name)
    row: dict[str, object] = {
        **dict.fromkeys(INSTANCE_COLUMNS.keys()),
        **dict.fromkeys(("task_count", "success_count", "error_count", "busy_milliseconds", "running_runs"), 0),
        "id": new_id(),
        "origin": {"kind": "definition", "by": {"kind": scope.actor.kind, "id": scope.actor.id}},
        **given,
        "workspace_id": scope.workspace_id,
        "definition_id": definition.id,
        "number": given.get("number") or take_number(tx, scope),
        "slug": given.get("slug") or slug_of(name, taken_slugs(tx, scope)),
        "name": name,
        "state": {},
        "created_at": now(),
        "updated_at": now(),
    }
    tx.write(_INSERT, row)
    made = get_agent(tx, scope, str(row["id"]))
    _keep_budget(tx, scope, made, {})
    _say_changed(tx, made, "created")
    return made


def change_agent(tx: Tx, scope: Scope, terms: Terms, agent_id: str, change: AgentChange) -> Done:
    """Name, config and status at once or not at all.

    Raises NoSuchAgent, AgentConfigInvalid, UnknownModel, IllegalAgentStatus, TooManyAgents, AgentClassMissing.
    """
    if change.status is not None:
        lock_workspace(tx, scope.workspace_id)
    agent = lock_agent(tx, scope, agent_id)
    definition = definition_of(tx, agent)
    name, config = change.name or agent.name, agent.config
    if change.config is not None:
        merged = {**config, **change.config}
        config = {key: value for key, value in merged.items() if value is not None}
        _check_config(tx, scope, definition, config, terms.gateway)
    moves = change.status is not None and is_to_change(
        tx, scope, agent, change.status, terms.process, terms.settings.most_online
    )
    if is_new := (name, config) != (agent.name, agent.config):
        tx.write(_CHANGE, {"this_agent": agent.id, "new_name": name, "new_config": config, "at": now()})
        before, agent = agent.config, get_agent(tx, scope, agent.id)
        _keep_budget(tx, scope, agent, before)
        _say_changed(tx, agent, "updated")
    move = begin(tx, agent, change.status, terms.process) if change.status is not None and moves else None
    if is_new or moves:
        _record_change(tx, scope, agent.id, change)
    return Done(get_agent(tx, scope, agent.id), definition, move)


def _record_change(tx: Tx, scope: Scope, agent_id: str, change: AgentChange) -> None:
    """A status alone is a verb of its own, by whichever route it was asked for."""
    asked = sorted(change.model_fields_set)
    verb = VERBS.get(change.status) if change.status is not None and asked == ["status"] else None
    about = ("agent", agent_id)
    if verb is not None:
        record(tx, scope.actor, f"{verb}_agent", about, scope.workspace_id)
    else:
        record(tx, scope.actor, "change_agent", about, scope.workspace_id, changed=[*asked], status=change.status)


def delete_agent(tx: Tx, scope: Scope, agent_id: str) -> None:
    """Its conversations go with it; runs it took part in stay. Raises NoSuchAgent, CoreAgent, AgentInRun."""
    agent = lock_agent(tx, scope, agent_id)
    if agent.number < FIRST_NUMBER:
        raise CoreAgent
    run_id = live_run_id(tx, scope, agent.id)
    if run_id is not None:
        raise AgentInRun(run_id=run_id)
    tx.write(_DELETE, {"this_agent": agent.id})
    forget_budgets(tx, scope, BudgetScope.AGENT, agent.id)
    gone = ResourceChanged(resource="agent", id=agent.id, change="deleted", view=None)
    tx.emit(scope.workspace_id, gone, agent_id=agent.id)
    record(tx, scope.actor, "delete_agent", ("agent", agent.id), scope.workspace_id, slug=agent.slug)


def settle_agent(tx: Tx, scope: Scope, agent_id: str, host_id: str, result: Result) -> bool:
    """As `settle`; where the object keeps something else of its own now, that is told too."""
    before = find_agent(tx, scope, agent_id)
    is_settled = settle(tx, scope, agent_id, host_id, result)
    after = find_agent(tx, scope, agent_id)
    if is_settled and before is not None and after is not None and before.state != after.state:
        _say_changed(tx, after, "updated")
    return is_settled


def _keep_budget(tx: Tx, scope: Scope, agent: Agent, before: JsonObject) -> None:
    """What the config says of a budget is a row of its own, which counts what all runs of the agent take."""
    if agent.config.get("budget") == before.get("budget"):
        return
    wanted = AgentConfig.model_validate(agent.config).budget or AgentBudget()
    allowance = Allowance(
        scope_kind=BudgetScope.AGENT,
        scope_id=agent.id,
        usd=wanted.usd,
        tokens=wanted.tokens,
        on_exceeded=wanted.on_exceeded,
    )
    keep_budget(tx, scope, allowance)


def keep_state(tx: Tx, scope: Scope, agent_id: str, state: JsonObject) -> None:
    """What the object keeps of its own now is stored and told, where it is something else than before."""
    agent = find_agent(tx, scope, agent_id)
    if agent is None or agent.state == state:
        return
    set_state(tx, agent_id, state)
    _say_changed(tx, lock_agent(tx, scope, agent_id), "updated")


def _say_changed(tx: Tx, agent: Agent, change: Literal["created", "updated"]) -> None:
    shown: JsonObject = agent_view(agent).model_dump(mode="json")
    changed = ResourceChanged(resource="agent", id=agent.id, change=change, view=shown)
    tx.emit(agent.workspace_id, changed, agent_id=agent.id)


def _check_config(tx: Tx, scope: Scope, definition: AgentDefinition, config: JsonObject, gateway: Gateway) -> None:
    errors: list[Json] = []
    for error in errors_of(definition.config_schema, config):
        place = error["loc"]
        errors.append({**error, "loc": ["body", "config", *(place if isinstance(place, list) else ())]})
    if errors:
        raise AgentConfigInvalid(errors=errors)
    try:
        preferred = AgentConfig.model_validate(config).preferred_models
    except ValidationError as error:  # what no schema says, such as which texts are decimal numbers
        raise AgentConfigInvalid(errors=reasons(error, "body", "config")) from error
    if preferred:
        gateway.check(preferred, own_providers(tx, scope))


def agent_status(tx: Tx, scope: Scope, ref: str) -> AgentStatusView:
    """Raises NoSuchAgent, NotInitialized."""
    return status_view(get_agent(tx, scope, ref))


def status_view(agent: Agent) -> AgentStatusView:
    names = ("capabilities", "agent_type", "created_at", "last_error", "current_run_id")
    shown = {"agent_id": agent.id, "agent_name": agent.name, "status": status_of(agent), **totals_of(agent)}
    return AgentStatusView.model_validate({**shown, **{name: getattr(agent, name) for name in names}})


def agent_view(agent: Agent) -> AgentView:
    names = AgentView.model_fields.keys() - {"type", "status", "last_heartbeat"}
    return AgentView(
        type=agent.agent_type,
        status=status_of(agent),
        last_heartbeat=agent.seen_at or agent.last_heartbeat,
        **{name: getattr(agent, name) for name in names},
    )


async def agent_detail(tools: ToolRegistry, scope: Scope, view: AgentView) -> AgentDetail:
    """With what of its config has no effect now."""
    unknown = await unknown_tools(tools, scope, tools_named(view.config))
    warnings = [unknown_tool(name) for name in unknown]
    return AgentDetail.model_validate({**dict(view), "warnings": warnings})


def tools_named(config: JsonObject) -> list[str]:
    """By a config that may be a class's own, which nobody has checked."""
    named = config.get("tools")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def unknown_tool(name: str) -> AgentWarning:
    sentence = f"There is no tool {name} here now; it is passed over"
    if name.endswith("*"):
        sentence = f"No tool here has a name that begins with {name[:-1]} now"
    return AgentWarning(code="unknown_tool", sentence=sentence, tool=name)


def definition_view(definition: AgentDefinition) -> DefinitionView:
    names = DefinitionView.model_fields.keys() - {"metadata"}
    return DefinitionView(metadata=definition.meta_data, **{name: getattr(definition, name) for name in names})
