"""How a workspace's agents and the server are: what `/system/status` answers and `/ws/agent-updates` repeats."""

from folkmoot.agents.queries import list_agents
from folkmoot.agents.schemas import AgentStatusView
from folkmoot.agents.service import status_view
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.http.figures import Figures
from folkmoot.kernel.clock import now
from folkmoot.kernel.scope import Scope
from folkmoot.ops.schemas import Figures as FiguresView
from folkmoot.ops.schemas import SystemStatus

_ALL = 1_000_000


async def system_status(db: Database, figures: Figures, scope: Scope) -> SystemStatus:
    """Raises what the database raises."""
    agents = await db.read_long(_statuses, scope)
    return SystemStatus(timestamp=now(), agents=agents, api_metrics=figures_view(figures))


def figures_view(figures: Figures) -> FiguresView:
    return FiguresView(**{name: getattr(figures, name) for name in FiguresView.model_fields})


def _statuses(tx: Tx, scope: Scope) -> dict[str, AgentStatusView]:
    """By id, ordered by number."""
    return {agent.id: status_view(agent) for agent in list_agents(tx, scope, {}, 0, _ALL)[0]}
