"""Every SELECT of agents."""

import sqlalchemy as sa

from folkmoot.agents.rules import CORE_SLUGS, FIRST_NUMBER, LARGEST_NUMBER, as_number, is_slug
from folkmoot.agents.tables import Agent, AgentDefinition, AgentInstance
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import NotFound, Unavailable
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.scope import Scope
from folkmoot.runs.tables import Run, RunAgent

DEFINITION_COLUMNS = AgentDefinition.__table__.columns
INSTANCE_COLUMNS = AgentInstance.__table__.columns

_HERE = AgentInstance.workspace_id == sa.bindparam("workspace_id")
_SHOWN = sa.case(
    (sa.and_(AgentInstance.running_runs > 0, AgentInstance.status.in_(("idle", "active"))), "busy"),
    else_=AgentInstance.status,
)
_AGENTS = sa.select(
    *INSTANCE_COLUMNS,
    AgentDefinition.agent_type,
    AgentDefinition.description,
    AgentDefinition.capabilities,
).join(AgentDefinition, AgentDefinition.id == AgentInstance.definition_id)
_BY_ID = _AGENTS.where(_HERE, AgentInstance.id == sa.bindparam("ref"))
_BY_NUMBER = _AGENTS.where(_HERE, AgentInstance.number == sa.bindparam("ref"))
_BY_SLUG = _AGENTS.where(_HERE, AgentInstance.slug == sa.bindparam("ref"))

_USABLE = sa.and_(
    AgentDefinition.is_enabled,
    sa.or_(AgentDefinition.workspace_id.is_(None), AgentDefinition.workspace_id == sa.bindparam("workspace_id")),
)
_DEFINITIONS = sa.select(*DEFINITION_COLUMNS).where(_USABLE)
# A workspace's own definition comes before one from code that has the same slug.
_OWN_FIRST = AgentDefinition.workspace_id.is_(None)
_DEFINITION_BY_ID = _DEFINITIONS.where(AgentDefinition.id == sa.bindparam("ref"))
_DEFINITION_BY_SLUG = _DEFINITIONS.where(AgentDefinition.slug == sa.bindparam("ref")).order_by(_OWN_FIRST)
_TAKEN_SLUGS = sa.select(AgentInstance.slug).where(_HERE)
_LAST_NUMBER = sa.select(sa.func.max(AgentInstance.number)).where(_HERE)
_ONLINE = (
    sa.select(sa.func.count())
    .select_from(AgentInstance)
    .where(_HERE, AgentInstance.status != "offline", AgentInstance.number >= FIRST_NUMBER)
)
_CURRENT_RUN = (
    sa.select(Run.id)
    .join(RunAgent, RunAgent.run_id == Run.id)
    .where(
        Run.workspace_id == sa.bindparam("workspace_id"),
        Run.status == "running",
        RunAgent.agent_id == sa.bindparam("agent_id"),
    )
    .order_by(Run.created_at.desc())
    .limit(1)
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
    ref = ref.strip().lower()
    number = as_number(ref)
    if number is not None:
        value = min(number, LARGEST_NUMBER)
        return tx.first(Agent, _BY_NUMBER, workspace_id=scope.workspace_id, ref=value)
    if is_id(ref):
        return tx.first(Agent, _BY_ID, workspace_id=scope.workspace_id, ref=ref)
    return tx.first(Agent, _BY_SLUG, workspace_id=scope.workspace_id, ref=ref) if is_slug(ref) else None


def get_agent(tx: Tx, scope: Scope, ref: str) -> Agent:
    """The agent with this id, number or slug. Raises NoSuchAgent; for a core agent before init NotInitialized."""
    agent = find_agent(tx, scope, ref)
    if agent is not None:
        return agent
    number = as_number(ref.strip())
    if ref.strip().lower() in CORE_SLUGS or (number is not None and 0 < number < FIRST_NUMBER):
        raise NotInitialized
    raise NoSuchAgent


def list_agents(tx: Tx, scope: Scope, filters: dict[str, str], skip: int, limit: int) -> tuple[list[Agent], int]:
    """By number, with the total. Filters: status (as shown), project_id, agent_type."""
    columns = {
        "status": _SHOWN,
        "project_id": AgentInstance.project_id,
        "agent_type": AgentDefinition.agent_type,
    }
    found = _AGENTS.where(_HERE, *(columns[name] == value for name, value in filters.items()))
    total = tx.scalar(sa.select(sa.func.count()).select_from(found.subquery()), workspace_id=scope.workspace_id)
    ordered = found.order_by(AgentInstance.number).offset(skip).limit(limit)
    return tx.all(Agent, ordered, workspace_id=scope.workspace_id), total


def list_definitions(tx: Tx, scope: Scope, skip: int, limit: int) -> tuple[list[AgentDefinition], int]:
    """Enabled ones, by slug, with the total."""
    total = tx.scalar(
        sa.select(sa.func.count()).select_from(AgentDefinition).where(_USABLE),
        workspace_id=scope.workspace_id,
    )
    ordered = _DEFINITIONS.order_by(AgentDefinition.slug, _OWN_FIRST).offset(skip).limit(limit)
    return tx.all(AgentDefinition, ordered, workspace_id=scope.workspace_id), total


def get_definition(tx: Tx, scope: Scope, *, id: str | None, slug: str | None) -> AgentDefinition:
    """An enabled definition. Raises NoSuchDefinition."""
    statement, ref = (_DEFINITION_BY_ID, id) if id is not None else (_DEFINITION_BY_SLUG, slug)
    definition = tx.first(AgentDefinition, statement, workspace_id=scope.workspace_id, ref=ref)
    if definition is None:
        raise NoSuchDefinition
    return definition


def taken_slugs(tx: Tx, scope: Scope) -> set[str]:
    return {row.slug for row in tx.all(AgentInstance, _TAKEN_SLUGS, workspace_id=scope.workspace_id)}


def next_number(tx: Tx, scope: Scope) -> int:
    last: int | None = tx.scalar(_LAST_NUMBER, workspace_id=scope.workspace_id)
    return max(FIRST_NUMBER, (last or 0) + 1)


def count_online(tx: Tx, scope: Scope) -> int:
    """Agents that count against the workspace's cap: neither offline nor core."""
    count: int = tx.scalar(_ONLINE, workspace_id=scope.workspace_id)
    return count


def current_run_id(tx: Tx, scope: Scope, agent_id: str) -> str | None:
    """The newest run the agent is working in."""
    found: str | None = tx.scalar(_CURRENT_RUN, workspace_id=scope.workspace_id, agent_id=agent_id)
    return found
