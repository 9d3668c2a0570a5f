"""The verbs of tasks: give, change, delete one, and run it. The team behind it is known to its executor only."""

from typing import cast

import sqlalchemy as sa

from folkmoot.agents.queries import find_agent
from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, Invalid
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.idempotency import RequestKey, recall, remember
from folkmoot.runs.queries import get_run
from folkmoot.runs.service import NewRun, RunHasEnded, Starts, cancel_run, start_run
from folkmoot.runs.tables import Run
from folkmoot.tasks.events import TaskCreated
from folkmoot.tasks.queries import TASK_COLUMNS, hold_task, live_runs, task_view
from folkmoot.tasks.rules import AD_HOC, TaskDefaults, name_from
from folkmoot.tasks.schemas import NewTask, NewTaskRun, TaskChange, TaskConfig
from folkmoot.tasks.tables import Task
from folkmoot.usage.schemas import RunBudget

KIND, OPERATION = "team", "task"
"""Kinds of runs: a team's, and one agent's on an operation."""

_LIMITS = ("max_rounds", "max_revision_rounds", "memory_size")
_INSERT = sa.insert(Task).returning(*TASK_COLUMNS)
_CHANGEABLE = ("name", "description", "config", "team", "team_agents", "priority", "budget", *_LIMITS, "updated_at")
_CHANGE = (
    sa.update(Task)
    .where(Task.id == sa.bindparam("this_task"))
    .values({TASK_COLUMNS[name]: sa.bindparam(f"new_{name}", type_=TASK_COLUMNS[name].type) for name in _CHANGEABLE})
    .returning(*TASK_COLUMNS)
)
_DELETE = sa.delete(Task).where(Task.id == sa.bindparam("this_task"))


class TaskIsLive(Conflict):
    """A run of the task is live"""

    hint = "Wait for its end, or cancel it first"


class OperationNeedsAgent(Invalid):
    """An operation is done by one agent: the task's team has to be a list of its id, number or slug alone"""


def create_task(tx: Tx, engine: RunEngine, scope: Scope, new: NewTask, defaults: TaskDefaults) -> Task:
    """Raises OperationNeedsAgent, and what `open` refuses: NoSuchTeam, NoSuchAgent, NoSuchDocument, ..."""
    at = now()
    given = new.model_dump(mode="json", exclude_none=True)
    limits = {name: given.get(name, getattr(defaults, name)) for name in _LIMITS}
    row: dict[str, object] = dict.fromkeys(TASK_COLUMNS.keys())
    row |= dict.fromkeys(("total_runs", "successful_runs", "failed_runs"), 0)
    row |= {
        "id": new_id(),
        "workspace_id": scope.workspace_id,
        "project_id": scope.project_id,
        "name": new.name or name_from(new.description or ""),
        "description": new.description or new.name,
        "config": new.config.model_dump(mode="json"),
        "priority": new.priority,
        "budget": given.get("budget"),
        "status": "pending",
        "created_at": at,
        "updated_at": at,
        **limits,
        **_team_columns(new.team),
    }
    _check(tx, engine, scope, row)
    task = tx.write_returning(Task, _INSERT, **row)
    assert task is not None
    view = task_view(task).model_dump(mode="json")
    tx.emit(scope.workspace_id, TaskCreated(task_id=task.id, name=task.name, task=view))
    record(tx, scope.actor, "create_task", ("task", task.id), scope.workspace_id, team=task.team)
    return task


def change_task(tx: Tx, engine: RunEngine, scope: Scope, task_id: str, change: TaskChange) -> Task:
    """Raises NoSuchTask, TaskIsLive, and what `create_task` raises."""
    task = hold_task(tx, scope, task_id)
    _check_idle(tx, scope, task)
    row: dict[str, object] = {name: getattr(task, name) for name in _CHANGEABLE}
    row |= change.model_dump(mode="json", exclude_none=True)
    row |= {"updated_at": now(), **({} if change.team is None else _team_columns(change.team))}
    _check(tx, engine, scope, row)
    changed = tx.write_returning(Task, _CHANGE, this_task=task.id, **{f"new_{name}": row[name] for name in _CHANGEABLE})
    assert changed is not None
    view = task_view(changed).model_dump(mode="json")
    fact = ResourceChanged(resource="task", id=task.id, change="updated", view=view)
    tx.emit(scope.workspace_id, fact, task_id=task.id)
    changes = sorted(change.model_fields_set)
    record(tx, scope.actor, "change_task", ("task", task.id), scope.workspace_id, changed=[*changes])
    return changed


async def delete_task(engine: RunEngine, scope: Scope, task_id: str, *, cancel_first: bool) -> None:
    """The task goes, its runs stay. Raises NoSuchTask, TaskIsLive."""
    if cancel_first:
        for run_id in await engine.database.read(live_runs, scope, task_id):
            try:
                await cancel_run(engine, scope, run_id)
            except RunHasEnded:
                continue
    await engine.database.write(remove_task, scope, task_id)


def remove_task(tx: Tx, scope: Scope, task_id: str) -> None:
    task = hold_task(tx, scope, task_id)
    _check_idle(tx, scope, task)
    tx.write(_DELETE, {"this_task": task.id})
    fact = ResourceChanged(resource="task", id=task.id, change="deleted", view=None)
    tx.emit(scope.workspace_id, fact, task_id=task.id)
    record(tx, scope.actor, "delete_task", ("task", task.id), scope.workspace_id)


def run_task(
    tx: Tx,
    engine: RunEngine,
    scope: Scope,
    new: NewTaskRun,
    key: RequestKey | None,
    conversation_id: str | None = None,
) -> Run:
    """Start a run of the task, or answer the one this key has started; `conversation_id` is where it is reported.

    Raises NoSuchTask, KeyReused, and what the team's `open` refuses.
    """
    if key is not None and (known := recall(tx, scope, key)) is not None:
        return get_run(tx, scope, known)
    task = hold_task(tx, scope, new.task_id)
    kind, given = _asked(_overridden(task, new))
    budget = new.budget or RunBudget.model_validate(task.budget or {})
    wanted = NewRun(
        kind=kind,
        title=task.name,
        input=given,
        starts=_place(tx, scope, kind, given),
        task_id=task.id,
        conversation_id=conversation_id,
        run_number=task.total_runs + 1,
        priority=new.priority or task.priority,
        deadline_seconds=new.deadline_seconds or budget.seconds,
        budget=budget,
        meta_data=new.metadata,
    )
    run = start_run(tx, engine, scope, wanted)
    record(tx, scope.actor, "start_run", ("run", run.id), scope.workspace_id, task_id=task.id)
    if key is not None:
        remember(tx, scope, key, run.id)
    return run


def check_run(tx: Tx, engine: RunEngine, scope: Scope, new: NewTaskRun) -> None:
    """Start nothing, and raise what `run_task` would."""
    kind, given = _asked(_overridden(hold_task(tx, scope, new.task_id), new))
    engine.executor(kind).open(tx, scope, given)


def _team_columns(team: str | list[str]) -> dict[str, object]:
    return {"team": team, "team_agents": None} if isinstance(team, str) else {"team": AD_HOC, "team_agents": team}


def _overridden(task: Task, new: NewTaskRun) -> dict[str, object]:
    given = new.model_dump(mode="json", exclude_none=True)
    row: dict[str, object] = {name: given.get(name, getattr(task, name)) for name in _LIMITS}
    config = {name: given.get(name, task.config.get(name)) for name in TaskConfig.model_fields}
    teams = {"team": task.team, "team_agents": task.team_agents} if new.team is None else _team_columns(new.team)
    return {"name": task.name, "description": task.description, "config": config, **row, **teams}


def _asked(row: dict[str, object]) -> tuple[str, JsonObject]:
    """The kind of run that a task's row asks for, and what that is started with. Raises OperationNeedsAgent."""
    config = TaskConfig.model_validate(row["config"])
    agents = row["team_agents"]
    settings = config.model_dump(mode="json", exclude={"operation", "parameters"})
    if config.operation is None:
        same = {name: row[name] for name in ("name", "description", *_LIMITS)}
        return KIND, cast("JsonObject", {**same, **settings, "team": agents or row["team"]})
    if not isinstance(agents, list) or len(agents) != 1:
        raise OperationNeedsAgent
    given = {"documents": config.documents, "models": config.models, "parameters": config.parameters or {}}
    return OPERATION, cast("JsonObject", {**given, "agent": agents[0], "operation": config.operation})


def _place(tx: Tx, scope: Scope, kind: str, given: JsonObject) -> Starts:
    """An agent of a class is asked in this process, anything else by whoever is free."""
    if kind != OPERATION:
        return "admission"
    agent = find_agent(tx, scope, str(given["agent"]))
    return "here" if agent is not None and agent.is_hosted else "admission"


def _check(tx: Tx, engine: RunEngine, scope: Scope, row: dict[str, object]) -> None:
    """Whether a run of this task could be started; what `open` makes of the input is not kept."""
    kind, given = _asked(row)
    engine.executor(kind).open(tx, scope, given)


def _check_idle(tx: Tx, scope: Scope, task: Task) -> None:
    if live := live_runs(tx, scope, task.id):
        raise TaskIsLive(run_ids=[*live])
