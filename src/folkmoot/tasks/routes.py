"""Tasks over HTTP, and the one door that starts a run of one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from folkmoot.agents.queries import NoSuchAgent, NotInitialized
from folkmoot.agents.routes import AgentRef, enabled_agents
from folkmoot.agents.service import AgentsDisabled
from folkmoot.http.deps import Db
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.knowledge.queries import NoSuchDocument
from folkmoot.llm.faults import UnknownModel
from folkmoot.runs.deps import Engine
from folkmoot.runs.engine import TooManyLiveReplies
from folkmoot.runs.idempotency import KeyInUse, KeyReused, request_key
from folkmoot.runs.schemas import RunView, Status
from folkmoot.runs.views import show_run
from folkmoot.tasks import execute, queries, service
from folkmoot.tasks.deps import Defaults, IdempotencyKey, TaskId
from folkmoot.tasks.execute import OperationCancelled, OperationFailed, OperationTimedOut
from folkmoot.tasks.queries import NoSuchTask, task_view
from folkmoot.tasks.rules import NoSuchTeam
from folkmoot.tasks.schemas import NewOperation, NewTask, NewTaskRun, TaskChange, TaskPage, TaskResult, TaskView
from folkmoot.tasks.service import OperationNeedsAgent, TaskIsLive
from folkmoot.workspaces.deps import Here

RUNS = "/api/runs"


router = APIRouter(tags=["tasks"])

_CANNOT_RUN = (NoSuchDocument, NoSuchTeam, NoSuchAgent, NotInitialized, UnknownModel, OperationNeedsAgent)


@router.get("/api/tasks")
async def list_tasks(db: Db, here: Here, paging: Paging, status: Annotated[Status | None, Query()] = None) -> TaskPage:
    """Newest first."""
    tasks, total = await db.read_long(queries.list_tasks, here, status, paging.skip, paging.limit)
    return TaskPage(tasks=tasks, total=total, skip=paging.skip, limit=paging.limit)


@router.post("/api/tasks", status_code=201, responses=problems(*_CANNOT_RUN))
async def create_task(
    new: NewTask, db: Db, engine: Engine, here: Here, defaults: Defaults, response: Response
) -> TaskView:
    """A task starts nothing; `POST /api/runs` does."""
    task = await db.write(service.create_task, engine, here, new, defaults)
    response.headers["Location"] = f"/api/tasks/{task.id}"
    return task_view(task)


@router.get("/api/tasks/{task_id}", responses=problems(NoSuchTask))
async def get_task(db: Db, here: Here, task_id: TaskId, with_cursor: Annotated[bool, Query()] = False) -> TaskView:
    return await db.read(queries.show_task, here, task_id, with_cursor=with_cursor)


@router.patch(
    "/api/tasks/{task_id}",
    responses=problems(NoSuchTask, TaskIsLive, *_CANNOT_RUN),
)
async def change_task(change: TaskChange, db: Db, engine: Engine, here: Here, task_id: TaskId) -> TaskView:
    """Not while a run of it is live."""
    return task_view(await db.write(service.change_task, engine, here, task_id, change))


@router.delete("/api/tasks/{task_id}", status_code=204, responses=problems(NoSuchTask, TaskIsLive))
async def delete_task(
    engine: Engine,
    here: Here,
    task_id: TaskId,
    cancel: Annotated[bool, Query(description="Cancel live runs first")] = False,
) -> None:
    """Its runs are kept."""
    await service.delete_task(engine, here, task_id, cancel_first=cancel)


@router.post(
    RUNS,
    status_code=202,
    responses=problems(NoSuchTask, KeyReused, KeyInUse, TooManyLiveReplies, *_CANNOT_RUN),
)
async def start_run(
    new: NewTaskRun,
    db: Db,
    engine: Engine,
    here: Here,
    response: Response,
    idempotency_key: IdempotencyKey = None,
    wait: Annotated[float, Query(ge=0, le=300, description="Seconds to wait for the run's end")] = 0,
) -> RunView:
    """Start a run of a task: the run, as it is after `wait` seconds or at its end."""
    key = request_key(idempotency_key, f"POST {RUNS}", new)
    run = await db.write(service.run_task, engine, here, new, key)
    response.headers["Location"] = f"{RUNS}/{run.id}"
    await engine.wait(here, run.id, wait)
    return await db.read(show_run, here, run.id, with_cursor=False)


@router.post(
    "/api/agents/{agent_id}/execute",
    tags=["agents"],
    dependencies=[Depends(enabled_agents)],
    responses=problems(
        NoSuchAgent,
        NotInitialized,
        AgentsDisabled,
        UnknownModel,
        KeyReused,
        KeyInUse,
        TooManyLiveReplies,
        OperationCancelled,
        OperationFailed,
        OperationTimedOut,
    ),
)
async def execute_operation(
    agent_id: AgentRef,
    new: NewOperation,
    engine: Engine,
    here: Here,
    defaults: Defaults,
    idempotency_key: IdempotencyKey = None,
) -> TaskResult:
    """Have the agent do it and wait: its class, where that has a method for it, else its language model."""
    body = new.model_dump(mode="json", exclude_unset=True)
    key = request_key(idempotency_key, f"POST /api/agents/{agent_id}/execute", body)
    return await execute.execute_operation(engine, here, agent_id, new, key, defaults)
