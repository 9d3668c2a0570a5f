"""Every SELECT of the core agents."""

import sqlalchemy as sa

from folkmoot.agents.queries import definitions_from_code, list_agents
from folkmoot.agents.rules import FIRST_NUMBER, AgentStatus
from folkmoot.agents.tables import Agent, AgentDefinition, AgentInstance
from folkmoot.agents.transitions import status_of
from folkmoot.core_agents.rules import MOST_DEPTH
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import find_run_row
from folkmoot.runs.tables import Run

MOST_ALLIES = 200

_COUNT = sa.select(sa.func.count()).select_from(AgentInstance)
_CORE = _COUNT.where(AgentInstance.workspace_id == sa.bindparam("workspace_id"), AgentInstance.number < FIRST_NUMBER)


def count_core_agents(tx: Tx, scope: Scope) -> int:
    count: int = tx.scalar(_CORE, workspace_id=scope.workspace_id)
    return count


def definition_from_code(tx: Tx, slug: str) -> AgentDefinition:
    """Also one that users are not offered."""
    return next(known for known in definitions_from_code(tx) if known.slug == slug)


def allies_of(tx: Tx, scope: Scope, agent_id: str | None) -> list[Agent]:
    """Whom an agent can give work to, by number: all others that are not offline."""
    agents, _ = list_agents(tx, scope, {}, 0, MOST_ALLIES)
    return [agent for agent in agents if agent.id != agent_id and status_of(agent) != AgentStatus.OFFLINE]


def depth_of(tx: Tx, run: Run) -> int:
    """How many runs are above it, counted up to the most that may be."""
    depth = 0
    above = run.parent_run_id
    while above is not None and depth < MOST_DEPTH:
        depth += 1
        parent = find_run_row(tx, above)
        above = None if parent is None else parent.parent_run_id
    return depth
