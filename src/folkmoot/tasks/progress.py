"""Keeping a task's status and totals in step with its runs, in the units that move those."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.runs.ports import Engine
from folkmoot.runs.rules import FINAL, RunStatus
from folkmoot.runs.tables import Run
from folkmoot.tasks.events import TaskCompleted
from folkmoot.tasks.queries import TASK_COLUMNS, task_view
from folkmoot.tasks.tables import Task

_IS_LATEST = Task.total_runs + sa.bindparam("begun", type_=sa.BigInteger()) == sa.bindparam("run_number")
_IS_OVER = sa.bindparam("is_over", type_=sa.Boolean())
_UPDATE = (
    sa.update(Task)
    .where(Task.id == sa.bindparam("this_task"))
    .values(
        status=sa.case((_IS_LATEST, sa.bindparam("new_status", type_=TASK_COLUMNS.status.type)), else_=Task.status),
        total_runs=Task.total_runs + sa.bindparam("begun", type_=sa.BigInteger()),
        successful_runs=Task.successful_runs + sa.bindparam("succeeded"),
        failed_runs=Task.failed_runs + sa.bindparam("failed"),
        last_run_at=sa.func.coalesce(sa.bindparam("begun_at", type_=TASK_COLUMNS.last_run_at.type), Task.last_run_at),
        last_run_duration=sa.case((_IS_OVER, sa.bindparam("seconds", type_=sa.Float())), else_=Task.last_run_duration),
        last_error=sa.case((_IS_OVER, sa.bindparam("error", type_=sa.Text())), else_=Task.last_error),
        updated_at=sa.bindparam("at", type_=TASK_COLUMNS.updated_at.type),
    )
    .returning(*TASK_COLUMNS)
)


class TaskProgress:
    """Observes runs of tasks."""

    def status_changed(self, tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
        if run.task_id is None:
            return
        is_new, is_over = previous is None, run.status in FINAL
        succeeded = run.status == RunStatus.COMPLETED
        task = tx.write_returning(
            Task,
            _UPDATE,
            this_task=run.task_id,
            run_number=run.run_number,
            new_status=run.status,
            begun=int(is_new),
            begun_at=run.created_at if is_new else None,
            succeeded=int(succeeded),
            failed=int(run.status in (RunStatus.FAILED, RunStatus.TIMEOUT)),
            is_over=is_over,
            seconds=_seconds(run),
            error=run.error_message,
            at=now(),
        )
        if task is None:
            return
        view = task_view(task).model_dump(mode="json")
        changed = ResourceChanged(resource="task", id=task.id, change="updated", view=view)
        tx.emit(run.workspace_id, changed, task_id=task.id)
        if succeeded:
            tx.emit(run.workspace_id, _completed(run, run.task_id, task.name), run_id=run.id)


def _seconds(run: Run) -> float | None:
    """From start to end; None for a run that never started."""
    if run.started_at is None or run.completed_at is None:
        return None
    return round((run.completed_at - run.started_at).total_seconds(), 3)


def _completed(run: Run, task_id: str, name: str) -> TaskCompleted:
    summary = (run.result or {}).get("summary")
    told = summary if isinstance(summary, str) else None
    return TaskCompleted(task_id=task_id, name=name, run_number=run.run_number, summary=told)
