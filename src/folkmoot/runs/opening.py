"""Beginning to wait: the entry `waiting` and the row that will wake the run are written in one unit."""

from collections.abc import Sequence

from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.runs.append import NewEntry, worker_append
from folkmoot.runs.asking import ask
from folkmoot.runs.folded import Folded
from folkmoot.runs.journal import Ask, End, Spawn
from folkmoot.runs.ports import Engine
from folkmoot.runs.rules import RunStatus
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run


def waiting_entry(action: Ask | Spawn) -> NewEntry:
    what = "person" if isinstance(action, Ask) else "child"
    data: JsonObject = {"for": what, "ref": new_id()}
    if isinstance(action, Ask) and action.about is not None:
        data["about"] = action.about
    return NewEntry("waiting", action.key, data, action)


def append_and_open(
    tx: Tx, engine: Engine, known: Folded, entries: Sequence[NewEntry], end: End | None = None
) -> Folded:
    """As `worker_append`, and the approval or the child run that an entry `waiting` names exists from then on.

    Raises what the child's kind refuses.
    """
    after = worker_append(tx, engine, known, entries, end)
    if after.run.status != RunStatus.RUNNING:
        return after
    for new in entries:
        match new.action:
            case Ask() as action if new.kind == "waiting":
                ask(tx, after.run, action, str(new.data["ref"]))
            case Spawn() as action if new.kind == "waiting":
                _start_child(tx, engine, after.run, action, str(new.data["ref"]))
            case _:
                continue
    return after


def _start_child(tx: Tx, engine: Engine, parent: Run, spawn: Spawn, run_id: str) -> None:
    child = NewRun(
        id=run_id,
        kind=spawn.kind,
        title=spawn.title,
        input=spawn.input,
        parent=parent,
        agents=((spawn.agent_id, "agent"),) if spawn.agent_id else (),
    )
    start_run(tx, engine, Scope(parent.workspace_id, parent.project_id, SYSTEM), child)


def not_started(spawn: Spawn, problem: Problem) -> NewEntry:
    """A child that its kind refuses is a child that failed: the parent's procedure decides what then."""
    error: JsonObject = {"code": problem.code, "sentence": problem.detail}
    value: JsonObject = {"run_id": None, "status": "failed", "stop_reason": "not_started", "result": None}
    return NewEntry("done", spawn.key, {"value": {**value, "error": error}}, spawn)
