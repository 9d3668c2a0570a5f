"""Who takes part in a run, as its kind finds out when the run begins."""

from collections.abc import Mapping

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.runs.queries import run_agents
from folkmoot.runs.tables import Run, RunAgent

_INSERT = sa.insert(RunAgent)


def take_part(tx: Tx, run: Run, agents: Mapping[str, str]) -> None:
    """Agents by id, with the role of each: they are busy while the run is running.

    Where somebody takes part already, who started the run has said who does.
    """
    if agents and not run_agents(tx, run.id):
        tx.write(_INSERT, [{"run_id": run.id, "agent_id": who, "role": role} for who, role in agents.items()])
