"""Every SELECT of agents."""

from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.agents.rules import CORE_SLUGS, FIRST_NUMBER, as_number, is_slug
from folkmoot.agents.tables import Agent, AgentDefinition, AgentInstance, AgentNumbers
from folkmoot.db.tx import Tx
from folkmoot.engine.hosts import alive_since
from folkmoot.engine.tables import Host
from folkmoot.kernel.errors import NotFound, Unavailable, existing
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import LARGEST_INTEGER
from folkmoot.kernel.scope import Scope
from folkmoot.runs.rules import FINAL, RunStatus
from folkmoot.runs.tables import Run, RunAgent

DEFINITION_COLUMNS = AgentDefinition.__table__.columns
INSTANCE_COLUMNS = AgentInstance.__table__.columns

_HERE = AgentInstance.workspace_id == sa.bindparam("workspace_id")
_IS_GONE = sa.and_(
    AgentDefinition.is_hosted,
    AgentInstance.host_id.is_not(None),
    sa.or_(Host.seen_at.is_(None), Host.seen_at <= sa.bindparam("alive_since", type_=Host.__table__.c.seen_at.type)),
)
# The same as rules.shown_status, for the database to filter by.
_SHOWN = sa.case(
    (sa.and_(AgentInstance.status.not_in(("error", "offline")), _IS_GONE), "offline"),
    (sa.and_(AgentInstance.running_runs > 0, AgentInstance.status.in_(("idle", "active"))), "busy"),
    else_=AgentInstance.status,
)
# Newest run first along the index; only for an agent that is known to be in one.
_CURRENT_RUN = (
    sa.select(RunAgent.run_id)
    .join(Run, Run.id == RunAgent.run_id)
    .where(RunAgent.agent_id == AgentInstance.id, Run.status == RunStatus.RUNNING)
    .order_by(RunAgent.run_id.desc())
    .limit(1)
    .correlate(AgentInstance)
    .scalar_subquery()
)
# What a designed agent says of itself goes before what its definition says.
_DESCRIPTION = sa.func.coalesce(AgentInstance.own_description, AgentDefinition.description).label("description")
_CAPABILITIES = sa.func.coalesce(AgentInstance.own_capabilities, AgentDefinition.capabilities).label("capabilities")
_WITH_DEFINITION = sa.join(AgentInstance, AgentDefinition, AgentDefinition.id == AgentInstance.definition_id)
_WITH_HOST = _WITH_DEFINITION.outerjoin(Host, Host.id == AgentInstance.host_id)
_AGENTS = sa.select(
    *INSTANCE_COLUMNS,
    AgentDefinition.agent_type,
    _DESCRIPTION,
    _CAPABILITIES,
    AgentDefinition.slug.label("definition_slug"),
    AgentDefinition.is_hosted,
    Host.seen_at,
    sa.case((AgentInstance.running_runs > 0, _CURRENT_RUN)).label("current_run_id"),
).select_from(_WITH_HOST)
# What it takes to speak to an agent, for the path of every message.
_SPEAKERS = sa.select(
    *(INSTANCE_COLUMNS[name] for name in ("id", "project_id", "name", "status", "running_runs", "config", "host_id")),
    AgentDefinition.agent_type,
    _DESCRIPTION,
    AgentDefinition.is_hosted,
    Host.seen_at,
).select_from(_WITH_HOST)
_Ways = dict[Literal["id", "number", "slug"], sa.Select[Any]]


def _ways(found: sa.Select[Any]) -> _Ways:
    """The ways in which a caller may name one of them."""
    return {
        "id": found.where(_HERE, AgentInstance.id == sa.bindparam("ref")),
        "number": found.where(_HERE, AgentInstance.number == sa.bindparam("ref")),
        "slug": found.where(_HERE, AgentInstance.slug == sa.bindparam("ref")),
    }


_AGENT, _SPEAKER = _ways(_AGENTS), _ways(_SPEAKERS)
_FILTERS = {
    "status": sa.bindparam("status") == _SHOWN,
    "project_id": AgentInstance.project_id == sa.bindparam("project_id"),
    "agent_type": AgentDefinition.agent_type == sa.bindparam("agent_type"),
}
_INSTANCES = (
    sa.select(*(_SHOWN.label("status") if column.name == "status" else column for column in INSTANCE_COLUMNS))
    .select_from(_WITH_HOST)
    .where(_HERE)
    .order_by(AgentInstance.number)
)
_BY_ID_ALONE = sa.select(*INSTANCE_COLUMNS).where(AgentInstance.id == sa.bindparam("agent_id"))

_USABLE = sa.and_(
    AgentDefinition.is_enabled,
    sa.or_(AgentDefinition.workspace_id.is_(None), AgentDefinition.workspace_id == sa.bindparam("workspace_id")),
)
_DEFINITIONS = sa.select(*DEFINITION_COLUMNS).where(_USABLE)
# A workspace's own definition comes before one from code that has the same slug.
_OWN_FIRST = AgentDefinition.workspace_id.is_(None)
_DEFINITION_BY_ID = _DEFINITIONS.where(AgentDefinition.id == sa.bindparam("ref"))
_DEFINITION_BY_SLUG = _DEFINITIONS.where(AgentDefinition.slug == sa.bindparam("ref")).order_by(_OWN_FIRST)
_OWN = sa.select(*DEFINITION_COLUMNS).where(AgentDefinition.workspace_id == sa.bindparam("workspace_id"))
_OWN_BY_ID = _OWN.where(AgentDefinition.id == sa.bindparam("ref"))
_OWN_BY_SLUG = _OWN.where(AgentDefinition.slug == sa.bindparam("ref"))
_USES = sa.select(sa.func.count()).select_from(AgentInstance).where(AgentInstance.definition_id == sa.bindparam("ref"))
_DEFINITION_OF = sa.select(*DEFINITION_COLUMNS).where(AgentDefinition.id == sa.bindparam("definition_id"))
_FROM_CODE = sa.select(*DEFINITION_COLUMNS).where(AgentDefinition.workspace_id.is_(None)).order_by(AgentDefinition.slug)
_TAKEN_SLUGS = sa.select(AgentInstance.slug).where(_HERE)
_NEXT = {"last": AgentNumbers.last + 1}
_NEXT_NUMBER = {
    "sqlite": sqlite.insert(AgentNumbers)
    .on_conflict_do_update(index_elements=["workspace_id"], set_=_NEXT)
    .returning(AgentNumbers.last),
    "postgresql": postgresql.insert(AgentNumbers)
    .on_conflict_do_update(index_elements=["workspace_id"], set_=_NEXT)
    .returning(AgentNumbers.last),
}
_ONLINE = (
    sa.select(sa.func.count())
    .select_from(AgentInstance)
    .where(_HERE, AgentInstance.status != "offline", AgentInstance.number >= FIRST_NUMBER)
)
# Along the runs that are live, of which a workspace has few, not along all an agent ever took part in.
_LIVE_RUN = (
    sa.select(Run.id)
    .join(RunAgent, sa.and_(RunAgent.run_id == Run.id, RunAgent.agent_id == sa.bindparam("agent_id")))
    .where(
        Run.workspace_id == sa.bindparam("workspace_id"),
        Run.status.in_(sorted(set(RunStatus) - FINAL)),
    )
    .limit(1)
)
_LIVING_ON = (
    sa.select(*INSTANCE_COLUMNS).where(AgentInstance.host_id == sa.bindparam("host")).order_by(AgentInstance.id)
)
_HOSTED = _AGENTS.where(AgentDefinition.is_hosted, AgentInstance.status.not_in(("error", "offline"))).order_by(
    AgentInstance.id
)
_EXPIRED = (
    sa.select(*INSTANCE_COLUMNS)
    .where(AgentInstance.ttl_at.is_not(None), AgentInstance.ttl_at <= sa.bindparam("at"))
    .order_by(AgentInstance.ttl_at)
    .limit(500)
)


class NoSuchAgent(NotFound):
    """Agent not found"""


class NoSuchDefinition(NotFound):
    """Agent definition not found"""


class NotInitialized(Unavailable):
    """The core agents are not initialized"""

    retryable = False
    hint = "Call /api/init first"


def find_agent(tx: Tx, scope: Scope, ref: str) -> Agent | None:
    """The agent with this id, number or slug."""
    return _find(tx, scope, ref, _AGENT)


def find_speaker(tx: Tx, scope: Scope, ref: str) -> Agent | None:
    """As `find_agent`, with only what it takes to speak to it: name, description, config, and what its status shows."""
    return _find(tx, scope, ref, _SPEAKER)


def _find(tx: Tx, scope: Scope, ref: str, ways: _Ways) -> Agent | None:
    ref = ref.strip().lower()
    number = as_number(ref)
    if number is not None:
        value = min(number, LARGEST_INTEGER)
        return tx.first(Agent, ways["number"], workspace_id=scope.workspace_id, ref=value)
    if is_id(ref):
        return tx.first(Agent, ways["id"], workspace_id=scope.workspace_id, ref=ref)
    return tx.first(Agent, ways["slug"], workspace_id=scope.workspace_id, ref=ref) if is_slug(ref) else None


def get_agent(tx: Tx, scope: Scope, ref: str) -> Agent:
    """The agent with this id, number or slug. Raises NoSuchAgent; for a core agent before init NotInitialized."""
    return _known(find_agent(tx, scope, ref), ref)


def get_speaker(tx: Tx, scope: Scope, ref: str) -> Agent:
    """As `find_speaker`. Raises what `get_agent` does."""
    return _known(find_speaker(tx, scope, ref), ref)


def _known(agent: Agent | None, ref: str) -> Agent:
    if agent is not None:
        return agent
    number = as_number(ref.strip())
    if ref.strip().lower() in CORE_SLUGS or (number is not None and 0 < number < FIRST_NUMBER):
        raise NotInitialized
    raise NoSuchAgent


def list_agents(tx: Tx, scope: Scope, filters: dict[str, str], skip: int, limit: int) -> tuple[list[Agent], int]:
    """By number, with the total. Filters: status (as shown), project_id, agent_type."""
    conditions = (_HERE, *(_FILTERS[name] for name in filters))
    values: dict[str, object] = {"workspace_id": scope.workspace_id, **filters}
    if "status" in filters:
        values["alive_since"] = alive_since()
    source = _WITH_HOST if filters.keys() & {"status", "agent_type"} else AgentInstance.__table__
    total = tx.scalar(sa.select(sa.func.count()).select_from(source).where(*conditions), **values)
    # The page is cut out first, so that what is skipped is never joined with anything.
    page = sa.select(AgentInstance.id).select_from(source).where(*conditions).order_by(AgentInstance.number)
    window = page.offset(skip).limit(limit).correlate(None)
    return tx.all(Agent, _AGENTS.where(AgentInstance.id.in_(window)).order_by(AgentInstance.number), **values), total


def list_instances(
    tx: Tx, workspace_id: str, project_id: str | None = None, status: str | None = None
) -> list[AgentInstance]:
    """All agents of a workspace by number, each with the status it shows as its status."""
    given = {"project_id": project_id, "status": status}
    filters = {name: value for name, value in given.items() if value is not None}
    found = _INSTANCES.where(*(_FILTERS[name] for name in filters))
    return tx.all(AgentInstance, found, workspace_id=workspace_id, alive_since=alive_since(), **filters)


def find_instance(tx: Tx, agent_id: str) -> AgentInstance | None:
    """By id alone: for code of the operator's, which acts for no workspace."""
    return tx.first(AgentInstance, _BY_ID_ALONE, agent_id=agent_id)


def list_definitions(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[AgentDefinition], int]:
    """Enabled ones, by slug, with the total."""
    total = tx.scalar(
        sa.select(sa.func.count()).select_from(AgentDefinition).where(_USABLE),
        workspace_id=scope.workspace_id,
    )
    ordered = _DEFINITIONS.order_by(AgentDefinition.slug, _OWN_FIRST).offset(skip).limit(limit)
    return tx.all(AgentDefinition, ordered, workspace_id=scope.workspace_id), total


def definitions_from_code(tx: Tx) -> list[AgentDefinition]:
    """Those of all workspaces, also the disabled ones, by slug."""
    return tx.all(AgentDefinition, _FROM_CODE)


def get_definition(tx: Tx, scope: Scope, *, id: str | None, slug: str | None) -> AgentDefinition:
    """An enabled definition. Raises NoSuchDefinition."""
    statement, ref = (_DEFINITION_BY_ID, id) if id is not None else (_DEFINITION_BY_SLUG, slug)
    return existing(tx.first(AgentDefinition, statement, workspace_id=scope.workspace_id, ref=ref), NoSuchDefinition)


def find_own_definition(tx: Tx, scope: Scope, slug: str) -> AgentDefinition | None:
    """One that is private to the workspace."""
    return tx.first(AgentDefinition, _OWN_BY_SLUG, workspace_id=scope.workspace_id, ref=slug)


def get_own_definition(tx: Tx, scope: Scope, definition_id: str) -> AgentDefinition:
    """One that is private to the workspace. Raises NoSuchDefinition."""
    return existing(
        tx.first(AgentDefinition, _OWN_BY_ID, workspace_id=scope.workspace_id, ref=definition_id), NoSuchDefinition
    )


def is_definition_used(tx: Tx, definition_id: str) -> bool:
    return bool(tx.scalar(_USES, ref=definition_id))


def definition_of(tx: Tx, agent: AgentInstance) -> AgentDefinition:
    """What the agent was made of, enabled or not."""
    definition = tx.first(AgentDefinition, _DEFINITION_OF, definition_id=agent.definition_id)
    assert definition is not None, "a definition with agents is never deleted"
    return definition


def taken_slugs(tx: Tx, scope: Scope) -> set[str]:
    return {row.slug for row in tx.all(AgentInstance, _TAKEN_SLUGS, workspace_id=scope.workspace_id)}


def take_number(tx: Tx, scope: Scope) -> int:
    """The next number of the workspace, which nobody else will get."""
    given = tx.write_returning(
        AgentNumbers, _NEXT_NUMBER[tx.dialect], workspace_id=scope.workspace_id, last=FIRST_NUMBER
    )
    assert given is not None, "an upsert always touches its row"
    return given.last


def count_online(tx: Tx, scope: Scope) -> int:
    """Agents that count against the workspace's cap: neither offline nor core."""
    count: int = tx.scalar(_ONLINE, workspace_id=scope.workspace_id)
    return count


def live_run_id(tx: Tx, scope: Scope, agent_id: str) -> str | None:
    """A run that has not ended and that the agent takes part in."""
    found: str | None = tx.scalar(_LIVE_RUN, workspace_id=scope.workspace_id, agent_id=agent_id)
    return found


def living_on(tx: Tx, host_id: str) -> list[AgentInstance]:
    """The agents that live in a process."""
    return tx.all(AgentInstance, _LIVING_ON, host=host_id)


def hosted_agents(tx: Tx) -> list[Agent]:
    """The agents of classes, of all workspaces, that should be at work or ready for it."""
    return tx.all(Agent, _HOSTED)


def expired_agents(tx: Tx, at: datetime) -> list[AgentInstance]:
    """Those whose time is over, at most 500."""
    return tx.all(AgentInstance, _EXPIRED, at=at)
