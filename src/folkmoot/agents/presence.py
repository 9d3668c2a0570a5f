"""Keeping agents' busy state and totals in step with the runs they take part in, in the same unit."""

import sqlalchemy as sa

from folkmoot.agents.queries import INSTANCE_COLUMNS
from folkmoot.agents.rules import shown_status
from folkmoot.agents.tables import AgentInstance
from folkmoot.agents.transitions import say_status
from folkmoot.db.tx import Tx
from folkmoot.runs.ports import Engine
from folkmoot.runs.rules import FINAL, RunStatus
from folkmoot.runs.tables import Run, RunAgent

_TOLD = (
    "id",
    "workspace_id",
    "status",
    "running_runs",
    "last_error",
    "task_count",
    "success_count",
    "error_count",
    "busy_milliseconds",
    "last_active_at",
    "updated_at",
)
"""What `say_status` tells of an agent: the rest of its row is its configuration."""
_UPDATE = (
    sa.update(AgentInstance)
    .where(AgentInstance.id == RunAgent.agent_id, RunAgent.run_id == sa.bindparam("run"))  # joined: a list takes longer
    .values(
        running_runs=AgentInstance.running_runs + sa.bindparam("running"),
        task_count=AgentInstance.task_count + sa.bindparam("ended"),
        success_count=AgentInstance.success_count + sa.bindparam("succeeded"),
        error_count=AgentInstance.error_count + sa.bindparam("failed"),
        busy_milliseconds=AgentInstance.busy_milliseconds + sa.bindparam("milliseconds"),
        last_active_at=sa.bindparam("at", type_=INSTANCE_COLUMNS.last_active_at.type),
    )
    .returning(*(INSTANCE_COLUMNS[name] for name in _TOLD))
)


class Presence:
    """Observes runs: an agent is busy while one of its runs is running."""

    def status_changed(self, tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
        """Bump the agents of the run; say so where the status they show flips."""
        is_over = run.status in FINAL and previous not in FINAL
        running = (run.status == RunStatus.RUNNING) - (previous == RunStatus.RUNNING)
        if not running and not is_over:
            return
        took = (run.completed_at - run.started_at).total_seconds() if run.completed_at and run.started_at else 0
        agents = tx.write_returning_all(
            AgentInstance,
            _UPDATE,
            run=run.id,
            running=running,
            ended=int(is_over),
            succeeded=int(is_over and run.status == RunStatus.COMPLETED),
            failed=int(is_over and run.status in (RunStatus.FAILED, RunStatus.TIMEOUT)),
            milliseconds=round(took * 1000) if is_over else 0,
            at=tx.at,
        )
        for agent in sorted(agents, key=lambda agent: agent.id):
            was_running = agent.running_runs - running
            if bool(was_running) == bool(agent.running_runs):
                continue
            before, after = (shown_status(agent.status, runs) for runs in (was_running, agent.running_runs))
            say_status(tx, agent, before, after, {"current_run_id": run.id if agent.running_runs else None})
