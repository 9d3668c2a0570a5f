"""The core agents over HTTP: their beginning, a task for Driver, an agent from Generator."""

from fastapi import APIRouter, Depends, Response

from folkmoot.agents.queries import NotInitialized
from folkmoot.agents.routes import enabled_agents
from folkmoot.agents.service import AgentsDisabled
from folkmoot.agents.transitions import TooManyAgents
from folkmoot.core_agents import service
from folkmoot.core_agents.deps import HereIfReached, IdempotencyKey
from folkmoot.core_agents.schemas import (
    DynamicAgentMade,
    Initialized,
    NewDynamicAgent,
    OperatorAnswer,
    OperatorPending,
    OperatorTask,
    SystemState,
)
from folkmoot.core_agents.service import (
    DesignFailed,
    DesignRefused,
    OperatorCancelled,
    OperatorFailed,
    OperatorTimedOut,
)
from folkmoot.http.deps import Db
from folkmoot.http.problems import problems
from folkmoot.llm.faults import UnknownModel
from folkmoot.runs.deps import Engine
from folkmoot.runs.idempotency import KeyInUse, KeyReused, request_key
from folkmoot.workspaces.deps import Here

router = APIRouter(prefix="/api")


@router.get("/status", tags=["health"])
async def get_status(db: Db, scope: HereIfReached) -> SystemState:
    """Whether the API runs, the workspace has its core agents, and the database answers."""
    return await service.system_state(db, scope)


@router.post("/init", tags=["agents"], dependencies=[Depends(enabled_agents)], responses=problems(AgentsDisabled))
async def initialize_agents(db: Db, here: Here) -> Initialized:
    """Make Driver, Creator, Generator and the sample knowledge in the workspace; again it changes nothing."""
    return await service.initialize_agents(db, here)


@router.post(
    "/agents/task",
    tags=["agents"],
    dependencies=[Depends(enabled_agents)],
    response_model=OperatorAnswer,
    responses={
        202: {"model": OperatorPending, "description": "Driver waits for a person, or goes on without the request"},
        **problems(
            NotInitialized,
            AgentsDisabled,
            UnknownModel,
            KeyReused,
            KeyInUse,
            OperatorCancelled,
            OperatorFailed,
            OperatorTimedOut,
        ),
    },
)
async def do_operator_task(
    engine: Engine, here: Here, new: OperatorTask, idempotency_key: IdempotencyKey = None
) -> OperatorAnswer | Response:
    """Give Driver a task and wait for its result, for at most 300 seconds."""
    key = request_key(idempotency_key, "POST /api/agents/task", new)
    answer = await service.do_operator_task(engine, here, new, key)
    if isinstance(answer, OperatorAnswer):
        return answer
    headers = {"Location": f"/api/runs/{answer.run_id}"}
    return Response(answer.model_dump_json(), 202, headers, "application/json")


@router.post(
    "/agents/create",
    status_code=201,
    tags=["agents"],
    dependencies=[Depends(enabled_agents)],
    responses=problems(
        NotInitialized, AgentsDisabled, UnknownModel, TooManyAgents, KeyReused, KeyInUse, DesignRefused, DesignFailed
    ),
)
async def create_dynamic_agent(
    engine: Engine, here: Here, new: NewDynamicAgent, response: Response, idempotency_key: IdempotencyKey = None
) -> DynamicAgentMade:
    """Have Generator design an agent for a role, and make it."""
    key = request_key(idempotency_key, "POST /api/agents/create", new)
    made = await service.create_dynamic_agent(engine, here, new, key)
    response.headers["Location"] = f"/api/agents/{made.agent.id}"
    return made
