"""Every SELECT of tasks."""

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.events.queries import latest_seq
from folkmoot.kernel.errors import NotFound, existing
from folkmoot.kernel.scope import Scope
from folkmoot.runs.rules import FINAL
from folkmoot.runs.tables import Run
from folkmoot.tasks.rules import success_rate
from folkmoot.tasks.schemas import TaskView
from folkmoot.tasks.tables import Task

TASK_COLUMNS = Task.__table__.columns

_TASK = sa.select(*TASK_COLUMNS).where(Task.id == sa.bindparam("id"), Task.workspace_id == sa.bindparam("workspace_id"))
_HELD = _TASK.with_for_update()
_LIVE = sa.select(Run.id).where(
    Run.task_id == sa.bindparam("task_id"),
    Run.workspace_id == sa.bindparam("workspace_id"),
    Run.status.not_in(sorted(FINAL)),
)


class NoSuchTask(NotFound):
    """Task not found"""


def find_task(tx: Tx, scope: Scope, task_id: str) -> Task | None:
    return tx.first(Task, _TASK, id=task_id.lower(), workspace_id=scope.workspace_id)


def get_task(tx: Tx, scope: Scope, task_id: str) -> Task:
    """Raises NoSuchTask, for another workspace's task too."""
    return existing(find_task(tx, scope, task_id), NoSuchTask)


def hold_task(tx: Tx, scope: Scope, task_id: str) -> Task:
    """As `get_task`, and nobody else changes the task, or starts a run of it, until the unit ends."""
    return existing(tx.first(Task, _HELD, id=task_id.lower(), workspace_id=scope.workspace_id), NoSuchTask)


def next_run_number(tx: Tx, scope: Scope, task_id: str) -> int | None:
    """The number of the task's next run, and nobody else takes it until the unit ends; None where the task is gone."""
    task = tx.first(Task, _HELD, id=task_id, workspace_id=scope.workspace_id)
    return None if task is None else task.total_runs + 1


def live_runs(tx: Tx, scope: Scope, task_id: str) -> list[str]:
    """Ids of the task's runs that have not ended."""
    return [row.id for row in tx.all(Run, _LIVE, task_id=task_id.lower(), workspace_id=scope.workspace_id)]


def list_tasks(tx: Tx, scope: Scope, status: str | None, skip: int, limit: int) -> tuple[list[TaskView], int]:
    """A page of the workspace's tasks, newest first, and how many there are."""
    where = [Task.workspace_id == scope.workspace_id]
    if status is not None:
        where.append(Task.status == status)
    total: int = tx.scalar(sa.select(sa.func.count()).select_from(Task).where(*where))
    found = sa.select(*TASK_COLUMNS).where(*where).order_by(Task.id.desc()).offset(skip).limit(limit)
    return [task_view(task) for task in tx.all(Task, found)], total


def show_task(tx: Tx, scope: Scope, task_id: str, *, with_cursor: bool) -> TaskView:
    """Raises NoSuchTask."""
    cursor = latest_seq(tx, scope.workspace_id) if with_cursor else None
    return task_view(get_task(tx, scope, task_id), cursor)


def task_view(task: Task, cursor: int | None = None) -> TaskView:
    shown = {name: getattr(task, name) for name in TaskView.model_fields if name in TASK_COLUMNS}
    shown["team"] = task.team_agents or task.team
    rate = success_rate(task.successful_runs, task.failed_runs)
    return TaskView.model_validate({**shown, "success_rate": rate, "cursor": cursor})
