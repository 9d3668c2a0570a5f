"""Work that a room starts, a team's or a debate, and what the room is told of how it goes.

Such a run is the workspace's as any other; that it reports to a room is its `conversation_id`.
"""

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.json import Json, JsonObject, dumps
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.knowledge.citing import cited_in
from folkmoot.rooms.keeping import hold_room, store_message
from folkmoot.rooms.queries import RoomRow, agents_of
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.ports import Engine
from folkmoot.runs.rules import FINAL, RunStatus, WaitingFor
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run
from folkmoot.tasks.rules import TaskDefaults
from folkmoot.tasks.schemas import NewTask, NewTaskRun
from folkmoot.tasks.service import create_task, run_task

DEBATE = "debate"
_LEAST, _MOST = 2, 10
_LONGEST = 8000
_NAMES = 255


class TooFewAgents(Conflict):
    """A debate needs at least two agents in the room"""

    hint = "Add agents to the room first"


def begin_work(
    tx: Tx, engine: RunEngine, scope: Scope, room: RoomRow, command: tuple[str, str], defaults: TaskDefaults
) -> Run:
    """Start what a command says. Raises TooFewAgents, and what the kind's `open` refuses."""
    name, text = command
    if name == DEBATE:
        return _debate(tx, engine, scope, room, text)
    there = Scope(room.workspace_id, room.project_id, scope.actor)
    task = create_task(tx, engine, there, NewTask(description=text), defaults)
    return run_task(tx, engine, there, NewTaskRun(task_id=task.id), None, room.id)


def _debate(tx: Tx, engine: RunEngine, scope: Scope, room: RoomRow, text: str) -> Run:
    """Among the agents of the room, at most ten, those that came first."""
    agents = sorted(agents_of(tx, room.id), key=lambda agent: (agent.created_at, agent.member_id))[:_MOST]
    if len(agents) < _LEAST:
        raise TooFewAgents
    topic = " ".join(text.split())[:2000]
    given: JsonObject = {"debate_topic": topic, "problem_statement": text}
    new = NewRun(
        kind=DEBATE,
        title=topic[:_NAMES],
        input={**given, "selected_agents": [agent.member_id for agent in agents]},
        conversation_id=room.id,
    )
    run = start_run(tx, engine, Scope(room.workspace_id, room.project_id, scope.actor), new)
    record(tx, scope.actor, "start_room_debate", ("room", room.id), scope.workspace_id, run_id=run.id)
    return run


class RoomReports:
    """Observes runs that a room has started: what becomes of them is said in the room, in the same unit."""

    def status_changed(self, tx: Tx, engine: Engine, previous: str | None, run: Run) -> None:
        if run.conversation_id is None or run.kind == "reply":
            return
        sentence = _sentence(previous, run)
        room = hold_room(tx, run.conversation_id) if sentence else None
        if sentence is not None and room is not None:
            store_message(tx, room, SYSTEM, sentence, run_id=run.id, payload=_kept(run))


def _kept(run: Run) -> JsonObject:
    """What a report has beside its text: what the result cites it cites too."""
    return {"kind": "report", "status": run.status, **cited_in(run.result or {})}


def _sentence(previous: str | None, run: Run) -> str | None:
    """What is worth saying of a change; None where it is nothing."""
    name = f"The {'debate' if run.kind == DEBATE else 'task'} “{run.title}”"
    if run.status in FINAL:
        return f"{name} {_end(run)}"
    if previous is None:
        return f"{name} was started."
    match RunStatus(run.status):
        case RunStatus.AWAITING_APPROVAL:
            return f"{name} waits for a person to decide."
        case RunStatus.PAUSED if run.waiting_for != WaitingFor.OPERATOR or previous != RunStatus.PAUSED:
            return f"{name} is paused."
        case RunStatus.RUNNING if previous in (RunStatus.AWAITING_APPROVAL, RunStatus.PAUSED):
            return f"{name} goes on."
        case _:
            return None


def _end(run: Run) -> str:
    result = run.result or {}
    told = _outcome(result)
    match RunStatus(run.status):
        case RunStatus.COMPLETED:
            return f"is completed.{told}"
        case RunStatus.CANCELLED:
            return f"was cancelled.{told}"
        case RunStatus.TIMEOUT:
            return f"ran out of time.{told}"
        case _:
            return f"has failed: {run.error_message or run.stop_reason}.{told}"


def _outcome(result: JsonObject) -> str:
    """The summary of a team's work, or how a debate was decided."""
    parts: list[str] = []
    if isinstance(summary := result.get("summary"), str) and summary.strip():
        parts.append(summary.strip())
    if isinstance(decision := result.get("decision"), dict):
        parts.append(_decision(decision))
    if isinstance(response := result.get("response"), str) and response.strip():
        parts.append(response.strip())
    return "".join(f"\n\n{part}" for part in parts)[:_LONGEST]


def _decision(decision: JsonObject) -> str:
    winner: Json = decision.get("winner")
    if winner is None:
        return f"It came to no winner ({decision.get('type')})."
    return f"Decided: {winner if isinstance(winner, str) else dumps(winner)} ({decision.get('type')})."
