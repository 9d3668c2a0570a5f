"""The verbs that make more of an agent: another like it, and a definition that others can be made of."""

from datetime import timedelta

import sqlalchemy as sa

from folkmoot.agents.queries import (
    DEFINITION_COLUMNS,
    definition_of,
    find_own_definition,
    get_agent,
    get_own_definition,
    is_definition_used,
)
from folkmoot.agents.rules import FIRST_NUMBER, AgentStatus, is_name_of_class
from folkmoot.agents.schemas import DefinitionView, NewClone, NewExport
from folkmoot.agents.service import AgentSettings, definition_view, insert_agent
from folkmoot.agents.tables import Agent, AgentDefinition
from folkmoot.agents.transitions import check_cap, lock_agent, lock_workspace
from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope

_FROM = "exported_from"
_INSERT = sa.insert(AgentDefinition)
_THIS = AgentDefinition.id == sa.bindparam("this_definition")
_REPLACED = ("name", "description", "capabilities", "config_schema", "updated_at")
_REPLACE = (
    sa.update(AgentDefinition)
    .where(_THIS)
    .values({name: sa.bindparam(f"new_{name}", type_=DEFINITION_COLUMNS[name].type) for name in _REPLACED})
)
_DELETE = sa.delete(AgentDefinition).where(_THIS)


class CoreAgentIsOne(Conflict):
    """A core agent is neither cloned nor exported"""


class ClassNotExported(Conflict):
    """An agent of a class is not exported: what it is stands in its class"""


class DefinitionExists(Conflict):
    """The workspace has another definition with this slug"""


class DefinitionInUse(Conflict):
    """There are agents of this definition"""


class SlugReserved(Invalid):
    """A definition cannot have this slug"""


def clone_agent(tx: Tx, scope: Scope, settings: AgentSettings, ref: str, new: NewClone) -> Agent:
    """Another agent with the same configuration; conversations and contexts stay with the first.

    Raises NoSuchAgent, NotInitialized, CoreAgentIsOne, TooManyAgents.
    """
    lock_workspace(tx, scope.workspace_id)
    agent = _held(tx, scope, ref)
    check_cap(tx, scope, settings.most_online)
    names = ("project_id", "role", "own_description", "own_capabilities", "config")
    columns: dict[str, object] = {name: getattr(agent, name) for name in names}
    columns |= {
        "name": new.name or agent.name,
        "status": AgentStatus.IDLE if agent.is_hosted else AgentStatus.ACTIVE,
        "origin": {"kind": "clone", "of": agent.id, "by": {"kind": scope.actor.kind, "id": scope.actor.id}},
        "ttl_at": None if new.ttl_seconds is None else now() + timedelta(seconds=new.ttl_seconds),
    }
    made = insert_agent(tx, scope, definition_of(tx, agent), columns)
    record(tx, scope.actor, "clone_agent", ("agent", made.id), scope.workspace_id, of=agent.id)
    return made


def export_agent(tx: Tx, scope: Scope, ref: str, new: NewExport) -> DefinitionView:
    """The agent as a definition of this workspace; exported again, the definition is brought up to date.

    Raises NoSuchAgent, NotInitialized, CoreAgentIsOne, ClassNotExported, SlugReserved, DefinitionExists.
    """
    agent = _held(tx, scope, ref)
    if agent.is_hosted:
        raise ClassNotExported
    slug = new.slug or agent.slug
    if not is_name_of_class(slug):
        raise SlugReserved
    known = find_own_definition(tx, scope, slug)
    if known is not None and known.meta_data.get(_FROM) != agent.id:
        raise DefinitionExists(slug=slug)
    said: dict[str, object] = {
        "name": new.name or agent.name,
        "description": new.description or agent.description,
        "capabilities": [*agent.capabilities],
        "config_schema": _with_defaults(definition_of(tx, agent).config_schema, agent.config),
        "updated_at": now(),
    }
    definition_id = new_id() if known is None else known.id
    if known is None:
        tx.write(_INSERT, _row(scope, agent, {**said, "id": definition_id, "slug": slug}))
    else:
        tx.write(_REPLACE, {"this_definition": known.id, **{f"new_{name}": value for name, value in said.items()}})
    view = definition_view(get_own_definition(tx, scope, definition_id))
    shown: JsonObject = view.model_dump(mode="json")
    change = "created" if known is None else "updated"
    told = ResourceChanged(resource="definition", id=view.id, change=change, view=shown)  # type: ignore[arg-type]
    tx.emit(scope.workspace_id, told)
    record(tx, scope.actor, "export_agent", ("agent", agent.id), scope.workspace_id, definition=slug)
    return view


def delete_agent_definition(tx: Tx, scope: Scope, definition_id: str) -> None:
    """Raises NoSuchDefinition, also for one that is not this workspace's own, and DefinitionInUse."""
    definition = get_own_definition(tx, scope, definition_id)
    if is_definition_used(tx, definition.id):
        raise DefinitionInUse
    tx.write(_DELETE, {"this_definition": definition.id})
    tx.emit(scope.workspace_id, ResourceChanged(resource="definition", id=definition.id, change="deleted", view=None))
    about = ("definition", definition.id)
    record(tx, scope.actor, "delete_agent_definition", about, scope.workspace_id, slug=definition.slug)


def _held(tx: Tx, scope: Scope, ref: str) -> Agent:
    agent = lock_agent(tx, scope, get_agent(tx, scope, ref).id)
    if agent.number < FIRST_NUMBER:
        raise CoreAgentIsOne
    return agent


def _row(scope: Scope, agent: Agent, said: dict[str, object]) -> dict[str, object]:
    return {
        **said,
        "workspace_id": scope.workspace_id,
        "agent_type": agent.agent_type,
        "meta_data": {_FROM: agent.id},
        "is_enabled": True,
        "is_hosted": False,
        "class_gone_at": None,
        "created_at": now(),
    }


def _with_defaults(schema: JsonObject, config: JsonObject) -> JsonObject:
    """What an agent of the definition begins with is what this one has now."""
    known = schema.get("properties")
    properties: JsonObject = {**known} if isinstance(known, dict) else {}
    for name, value in config.items():
        rule = properties.get(name)
        properties[name] = {**(rule if isinstance(rule, dict) else {}), "default": value}
    return {**schema, "properties": properties}
