"""Units: what a design begins with, and the agent that comes of it."""

from datetime import timedelta

from folkmoot.agents.queries import find_agent, get_agent
from folkmoot.agents.rules import AgentStatus
from folkmoot.agents.schemas import AgentConfig
from folkmoot.agents.service import AgentSettings, insert_agent
from folkmoot.agents.tables import Agent
from folkmoot.agents.transitions import check_cap, lock_workspace, status_of
from folkmoot.audit.service import record
from folkmoot.core_agents.offers import DYNAMIC, GENERATOR
from folkmoot.core_agents.queries import definition_from_code
from folkmoot.core_agents.rules import AgentSpec, DesignInput, SpecSource, instructions_of, prompt_hash
from folkmoot.core_agents.schemas import DynamicAgent, NewDesign
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Actor, Scope

_ROLE_CHARACTERS = 255

Designed = tuple[AgentSpec, SpecSource]


def open_design(tx: Tx, scope: Scope, settings: AgentSettings, new: NewDesign) -> DesignInput:
    """Raises NotInitialized, TooManyAgents, NoSuchAgent."""
    generator = get_agent(tx, scope, GENERATOR)
    check_cap(tx, scope, settings.most_online)
    maker = None if new.maker is None else get_agent(tx, scope, new.maker)
    theirs = None if maker is None else AgentConfig.model_validate(maker.config)
    own = AgentConfig.model_validate(generator.config)
    by = scope.actor if maker is None else Actor("agent", maker.id, maker.name)
    return DesignInput(
        role=new.role,
        capabilities=tuple(dict.fromkeys(new.capabilities)),
        reason=new.reason,
        name=new.name,
        ttl_seconds=new.ttl_seconds,
        agent_id=new_id(),
        generator_id=generator.id,
        generator_name=generator.name,
        instructions=own.instructions,
        models=own.preferred_models,
        by={"kind": by.kind, "id": by.id, "name": by.name},
        maker_tools=None if theirs is None else tuple(theirs.tools),
        maker_budget=None if theirs is None or theirs.budget is None else theirs.budget.model_dump(mode="json"),
    )


def make_agent(
    tx: Tx, scope: Scope, settings: AgentSettings, given: DesignInput, designed: Designed, run_id: str
) -> JsonObject:
    """The agent, as it is; made once, however often it is asked for. Raises TooManyAgents."""
    lock_workspace(tx, scope.workspace_id)
    known = find_agent(tx, scope, given.agent_id)
    if known is None:
        check_cap(tx, scope, settings.most_online)
        known = _insert(tx, scope, given, designed, run_id)
    return _answer(known, designed[1])


def _insert(tx: Tx, scope: Scope, given: DesignInput, designed: Designed, run_id: str) -> Agent:
    spec, source = designed
    criteria: list[Json] = [*spec.success_criteria]
    origin: JsonObject = {
        "kind": "design",
        "by": {"kind": given.by["kind"], "id": given.by["id"]},
        "run_id": run_id,
        "reason": given.reason,
        "spec_source": source,
        "success_criteria": criteria,
        "prompt_sha256": prompt_hash(spec),
    }
    columns: dict[str, object] = {
        "id": given.agent_id,
        "project_id": scope.project_id,
        "name": given.name or spec.name,
        "role": given.role[:_ROLE_CHARACTERS],
        "own_description": f"{spec.role}: {given.reason}",
        "own_capabilities": [*dict.fromkeys((*given.capabilities, *spec.capabilities))],
        "config": _config(given, spec),
        "status": AgentStatus.ACTIVE,
        "origin": origin,
        "ttl_at": None if given.ttl_seconds is None else now() + timedelta(seconds=given.ttl_seconds),
    }
    made = insert_agent(tx, scope, definition_from_code(tx, DYNAMIC), columns)
    by = Actor("agent" if given.by["kind"] == "agent" else "user", given.by["id"], given.by["name"])
    record(tx, by, "create_dynamic_agent", ("agent", made.id), scope.workspace_id, run_id=run_id, spec_source=source)
    return made


def _config(given: DesignInput, spec: AgentSpec) -> JsonObject:
    tools: list[Json] = [*spec.tools]
    config: JsonObject = {"instructions": instructions_of(spec), "tools": tools}
    if spec.model is not None:
        config["model"] = spec.model
    if given.maker_budget is not None:
        config["budget"] = given.maker_budget
    return config


def _answer(agent: Agent, source: SpecSource) -> JsonObject:
    shown = DynamicAgent(
        id=agent.id,
        number=agent.number,
        name=agent.name,
        role=agent.role or "",
        type=agent.agent_type,
        status=status_of(agent),
        description=agent.description,
    )
    return {
        "agent": {**shown.model_dump(mode="json"), "slug": agent.slug},
        "spec_source": source,
        "message": f"{agent.name} is agent {agent.number}",
    }
