"""The verbs of the core agents: make them, have Driver do a task, have Generator make an agent."""

from folkmoot.agents.definitions import defaults_of
from folkmoot.agents.queries import find_agent, get_agent
from folkmoot.agents.rules import CORE, AgentStatus
from folkmoot.agents.service import insert_agent
from folkmoot.agents.transitions import lock_workspace
from folkmoot.audit.service import record
from folkmoot.core_agents.delegation import DESIGN, OPERATOR
from folkmoot.core_agents.offers import DRIVER, GENERATOR
from folkmoot.core_agents.queries import count_core_agents, definition_from_code
from folkmoot.core_agents.schemas import (
    DynamicAgentMade,
    Initialized,
    NewDynamicAgent,
    OperatorAnswer,
    OperatorPending,
    OperatorTask,
    SystemState,
)
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import BadGateway, Conflict, Problem, Unavailable
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.citing import cited_in
from folkmoot.knowledge.samples import ensure_sample
from folkmoot.runs.approval_queries import pending_approvals, show_approval
from folkmoot.runs.approval_schemas import ApprovalView
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.idempotency import RequestKey, recall, remember
from folkmoot.runs.queries import get_run
from folkmoot.runs.rules import FINAL, STANDING, RunStatus
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run

WAIT_SECONDS = 300.0
"""How long a request waits for its run; after it the run goes on without the request."""

DEADLINE_SECONDS = 86_400
_TITLE_CHARACTERS = 120


class OperatorFailed(BadGateway):
    """Driver could not do the task"""


class OperatorTimedOut(BadGateway):
    """Driver did not do the task in time"""

    status = 504


class OperatorCancelled(Conflict):
    """The task was cancelled"""


class DesignFailed(BadGateway):
    """The agent could not be made"""


class DesignRefused(Conflict):
    """The agent was designed and cannot be made"""


async def initialize_agents(db: Database, scope: Scope) -> Initialized:
    """Driver, Creator, Generator and the sample knowledge: what is there already stays as it is."""
    made = await db.write(_make_core_agents, scope)
    new_pages = await ensure_sample(db, scope)
    is_new = bool(made or new_pages)
    return Initialized(
        status="initialized" if is_new else "already_initialized",
        message="The core agents are ready" if is_new else "The core agents were ready already",
        agents=dict.fromkeys(CORE, "initialized"),
    )


def _make_core_agents(tx: Tx, scope: Scope) -> list[str]:
    """The slugs of those that were not there yet."""
    lock_workspace(tx, scope.workspace_id)
    missing = [(number, slug) for number, slug in enumerate(CORE, 1) if find_agent(tx, scope, str(number)) is None]
    for number, slug in missing:
        definition = definition_from_code(tx, slug)
        columns: dict[str, object] = {
            "project_id": scope.project_id,
            "number": number,
            "slug": slug,
            "name": definition.name,
            "config": defaults_of(definition),
            "status": AgentStatus.IDLE,
            "origin": {"kind": "core", "by": {"kind": scope.actor.kind, "id": scope.actor.id}},
        }
        made = insert_agent(tx, scope, definition, columns)
        record(tx, scope.actor, "initialize_agents", ("agent", made.id), scope.workspace_id, slug=slug)
    return [slug for _, slug in missing]


async def system_state(db: Database, scope: Scope | None) -> SystemState:
    """What the database says when it is asked now; without a scope it could not be asked where the caller is."""
    if scope is None:
        return SystemState(agents_initialized=False, database="unreachable")
    try:
        count = await db.read(count_core_agents, scope)
    except Unavailable:
        return SystemState(agents_initialized=False, database="unreachable")
    return SystemState(agents_initialized=count == len(CORE), database="connected")


async def do_operator_task(
    engine: RunEngine, scope: Scope, new: OperatorTask, key: RequestKey | None
) -> OperatorAnswer | OperatorPending:
    """Raises NotInitialized, KeyReused, KeyInUse, OperatorFailed, OperatorTimedOut, OperatorCancelled."""
    started = await engine.database.write(_start_task, engine, scope, new, key)
    run = await engine.wait(scope, started.id, WAIT_SECONDS, until=STANDING)
    if run.status not in FINAL:
        return await engine.database.read(_pending, scope, run)
    if run.status == RunStatus.COMPLETED:
        result = run.result or {}
        told: JsonObject = {"success": True, "response": str(result.get("response", "")), **cited_in(result)}
        return OperatorAnswer.model_validate({**told, **_of(run)})
    facts: JsonObject = {"success": False, "response": None, **_of(run)}
    raise _failure(run)(run.error_message, **facts)


def _start_task(tx: Tx, engine: RunEngine, scope: Scope, new: OperatorTask, key: RequestKey | None) -> Run:
    driver = get_agent(tx, scope, DRIVER)
    if key is not None and (known := recall(tx, scope, key)) is not None:
        return get_run(tx, scope, known)
    context = new.context if isinstance(new.context, str) else dumps(new.context) if new.context else ""
    text = f"{new.task}\n\n## Context\n{context}" if context else new.task
    wanted = NewRun(
        kind=OPERATOR,
        title=_title(new.task),
        input={"agent": driver.id, "text": text},
        deadline_seconds=DEADLINE_SECONDS,
    )
    run = _started(tx, engine, scope, wanted, key)
    record(tx, scope.actor, "do_operator_task", ("run", run.id), scope.workspace_id)
    return run


def _started(tx: Tx, engine: RunEngine, scope: Scope, new: NewRun, key: RequestKey | None) -> Run:
    if key is not None:
        remember(tx, scope, key, new.id)
    return start_run(tx, engine, scope, new)


def _of(run: Run) -> dict[str, str]:
    return {"agent": "Driver", "workflow_id": run.id, "run_id": run.id}


def _failure(run: Run) -> type[Problem]:
    match RunStatus(run.status):
        case RunStatus.CANCELLED:
            return OperatorCancelled
        case RunStatus.TIMEOUT:
            return OperatorTimedOut
        case _:
            return OperatorFailed


def _pending(tx: Tx, scope: Scope, run: Run) -> OperatorPending:
    return OperatorPending(status=run.status, waiting_for=run.waiting_for, approvals=_asked(tx, scope, run), **_of(run))


def _asked(tx: Tx, scope: Scope, run: Run) -> list[ApprovalView]:
    return [show_approval(tx, scope, approval_id) for approval_id in pending_approvals(tx, run.id)]


async def create_dynamic_agent(
    engine: RunEngine, scope: Scope, new: NewDynamicAgent, key: RequestKey | None
) -> DynamicAgentMade:
    """Raises NotInitialized, TooManyAgents, KeyReused, KeyInUse, DesignRefused, DesignFailed."""
    started = await engine.database.write(_start_design, engine, scope, new, key)
    run = await engine.wait(scope, started.id, WAIT_SECONDS)
    if run.status == RunStatus.COMPLETED and run.result is not None:
        return DynamicAgentMade.model_validate({"success": True, "run_id": run.id, **run.result})
    facts: JsonObject = {"success": False, "run_id": run.id}
    if run.error_code == "too_many_agents":
        raise DesignRefused(run.error_message, **facts)
    raise DesignFailed(run.error_message or f"The run that makes the agent is {run.status}", **facts)


def _start_design(tx: Tx, engine: RunEngine, scope: Scope, new: NewDynamicAgent, key: RequestKey | None) -> Run:
    get_agent(tx, scope, GENERATOR)
    if key is not None and (known := recall(tx, scope, key)) is not None:
        return get_run(tx, scope, known)
    wanted = NewRun(
        kind=DESIGN, title=_title(new.role), input=new.model_dump(mode="json"), deadline_seconds=DEADLINE_SECONDS
    )
    return _started(tx, engine, scope, wanted, key)


def _title(text: str) -> str:
    return " ".join(text.split())[:_TITLE_CHARACTERS]
