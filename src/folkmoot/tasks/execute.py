"""Have one agent do one thing and wait for it: a task and a run of it, answered as one result."""

from datetime import datetime
from typing import ClassVar

from folkmoot.agents.queries import get_agent
from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import iso, now
from folkmoot.kernel.errors import BadGateway, Conflict, Problem
from folkmoot.kernel.scope import Scope
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.idempotency import RequestKey, recall
from folkmoot.runs.queries import get_run
from folkmoot.runs.rules import FINAL, RunStatus
from folkmoot.runs.tables import Run
from folkmoot.tasks.rules import TaskDefaults
from folkmoot.tasks.schemas import NewOperation, NewTask, NewTaskRun, TaskConfig, TaskResult
from folkmoot.tasks.service import create_task, run_task

DEFAULT_SECONDS = 300
"""How long an operation may take where nobody said."""

_PATIENCE_SECONDS = 5.0
"""How much longer than the run may take is waited for its end to be written."""


class OperationFailed(BadGateway):
    """The operation failed"""


class OperationTimedOut(BadGateway):
    """The operation did not end in time"""

    status: ClassVar[int] = 504


class OperationCancelled(Conflict):
    """The operation was cancelled"""


async def execute_operation(
    engine: RunEngine, scope: Scope, ref: str, new: NewOperation, key: RequestKey | None, defaults: TaskDefaults
) -> TaskResult:
    """Raises NoSuchAgent, NotInitialized, KeyReused; with the result in `task_result` OperationFailed,
    OperationTimedOut, also where the run waits for somebody longer than that, and OperationCancelled.
    """
    started, agent_id = await engine.database.write(_start, engine, scope, (ref, new), key, defaults)
    seconds = new.timeout_seconds or DEFAULT_SECONDS
    return _answer(await engine.wait(scope, started.id, seconds + _PATIENCE_SECONDS), agent_id)


def _start(
    tx: Tx,
    engine: RunEngine,
    scope: Scope,
    wanted: tuple[str, NewOperation],
    key: RequestKey | None,
    defaults: TaskDefaults,
) -> tuple[Run, str]:
    """The run, and the agent's id."""
    ref, new = wanted
    agent = get_agent(tx, scope, ref)
    if key is not None and (known := recall(tx, scope, key)) is not None:
        return get_run(tx, scope, known), agent.id
    task = NewTask(
        name=new.operation,
        config=TaskConfig(operation=new.operation, parameters=new.parameters),
        team=[agent.id],
        priority=new.priority or "normal",
    )
    made = create_task(tx, engine, scope, task, defaults)
    seconds = new.timeout_seconds or DEFAULT_SECONDS
    run = run_task(tx, engine, scope, NewTaskRun(task_id=made.id, deadline_seconds=seconds), key)
    record(tx, scope.actor, "execute_operation", ("agent", agent.id), scope.workspace_id, run_id=run.id)
    return run, agent.id


def _answer(run: Run, agent_id: str) -> TaskResult:
    if run.status == RunStatus.COMPLETED:
        return _result(run, agent_id, "completed", None)
    if run.status == RunStatus.CANCELLED:
        raise _with_result(OperationCancelled, _result(run, agent_id, "failed", "The operation was cancelled"))
    if run.status == RunStatus.TIMEOUT or run.status not in FINAL:
        sentence = run.error_message or f"The run is {run.status} and goes on without this request"
        raise _with_result(OperationTimedOut, _result(run, agent_id, "timeout", sentence))
    raise _with_result(OperationFailed, _result(run, agent_id, "failed", run.error_message))


def _with_result(problem: type[Problem], result: TaskResult) -> Problem:
    return problem(result.error, task_result=result.model_dump(mode="json"))


def _result(run: Run, agent_id: str, status: str, error: str | None) -> TaskResult:
    ended: datetime = run.completed_at or now()
    took = None if run.started_at is None else round((ended - run.started_at).total_seconds(), 3)
    return TaskResult.model_validate(
        {
            "task_id": run.task_id,
            "run_id": run.id,
            "status": status,
            "result": run.result,
            "error": error,
            "agent_used": agent_id,
            "timestamp": iso(ended),
            "execution_time_seconds": took,
        }
    )
