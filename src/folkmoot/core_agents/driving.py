"""Runs of kind `operator`: an agent sees to it that a task is done, with others, with people, and says how it goes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from folkmoot.agents.turn import Turn
from folkmoot.core_agents.delegation import ASK_OPERATOR, CREATE_AGENT, DELEGATE, DESIGN, FINISH, OPERATOR
from folkmoot.db.tx import Tx
from folkmoot.events.facts import WorkflowUpdate
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.journal import Action, Call, End, Entry, Live, Outcome, Settlement, Use
from folkmoot.runs.tables import Run
from folkmoot.tasks.operation import OperationProcedure, OperationState
from folkmoot.tasks.operation_executor import OperationExecutor

CALLS = 24
"""Calls of the language model in the turn of an operator: every delegation may take one, and more than it."""

_EXCERPT = 300
_STEPS = {DELEGATE: "piece of work", CREATE_AGENT: "design", ASK_OPERATOR: "question"}

Word = Literal["started", "delegated", "creating_agent", "asking", "step_done", "step_failed", "finished", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivingState:
    """An operation, and the result that ended it where it was said by `finish`. The workflow is the run."""

    workflow_id: str
    operation: OperationState
    result: str | None = None

    @property
    def turn(self) -> Turn:
        return self.operation.turn


class DrivingProcedure:
    """One turn with others; `finish` ends it, or its last word does."""

    def __init__(self) -> None:
        self._operation = OperationProcedure()

    def begin(self, entry: Entry) -> DrivingState:
        operation = self._operation.begin(entry)
        turn = replace(operation.turn, plan=replace(operation.turn.plan, limit=CALLS))
        return DrivingState(workflow_id=str(entry.data["seed"]), operation=replace(operation, turn=turn))

    def apply(self, state: DrivingState, entry: Entry) -> DrivingState:
        if state.result is not None:
            return state
        operation = self._operation.apply(state.operation, entry)
        if operation is state.operation:
            return state
        finished = next((way for way in _ways(entry) if way.get("how") == FINISH), None)
        return replace(state, operation=operation, result=None if finished is None else str(finished.get("result")))

    def wanted(self, state: DrivingState) -> tuple[Action, ...]:
        if state.result is None:
            return self._operation.wanted(state.operation)
        result: JsonObject = {"response": state.result, "models": [*state.operation.models]}
        return (End(status="completed", stop_reason="finished", result=result, said=state.result),)

    def facts(self, state: DrivingState, entry: Entry) -> tuple[Fact, ...]:
        told = (
            WorkflowUpdate(workflow_id=state.workflow_id, status=word, message=message)
            for word, message in _said(state, entry)
        )
        return tuple(told)

    def settle(self, state: DrivingState, reason: Settlement) -> End:
        return self._operation.settle(state.operation, reason)


class DrivingExecutor:
    """Runs of kind `operator`: what is done in one is done as in those of kind `task`."""

    kind = OPERATOR
    version = 1
    takes_slot = True
    procedure = DrivingProcedure()

    def __init__(self, operations: OperationExecutor) -> None:
        self._operations = operations

    def open(self, tx: Tx, scope: Scope, given: JsonObject) -> JsonObject:
        return self._operations.open(tx, scope, given)

    def project(self, tx: Tx, run: Run, before: DrivingState, after: DrivingState, entry: Entry) -> None:
        self._operations.project(tx, run, before.operation, after.operation, entry)

    async def perform(self, run: Run, state: DrivingState, action: Call | Use, live: Live) -> Outcome:
        return await self._operations.perform(run, state.operation, action, live)


def _said(state: DrivingState, entry: Entry) -> Iterator[tuple[Word, str]]:
    """How the workflow goes, after an entry that the state holds already."""
    name = state.operation.given.speaker.name
    if entry.kind == "begun":
        yield "started", f"{name} has taken the task"
    if entry.kind != "done":
        return
    if state.result is not None:
        yield "finished", f"{name} has finished"
    elif (fault := state.turn.fault) is not None:
        yield "failed", fault.sentence[:_EXCERPT]
    elif state.turn.answer is not None:
        yield "finished", f"{name} has finished"
    elif not _is_answer(entry):
        yield _outcome(state, entry)
    else:
        for way in _ways(entry):
            yield from _step(way)


def _step(way: JsonObject) -> Iterator[tuple[Word, str]]:
    match way:
        case {"how": "spawn", "kind": kind, "title": title} if kind == DESIGN:
            yield "creating_agent", f"An agent is designed: {title}"[:_EXCERPT]
        case {"how": "spawn", "agent_name": agent, "title": title}:
            yield "delegated", f"{agent}: {title}"[:_EXCERPT]
        case {"how": "ask", "question": question}:
            yield "asking", str(question)[:_EXCERPT]


def _outcome(state: DrivingState, entry: Entry) -> tuple[Word, str]:
    """Of a tool call's end; it has a result, which says whether it went wrong."""
    result = state.turn.results.get(entry.key)
    what = _STEPS.get(result.name, "call of a tool") if result is not None else "call of a tool"
    is_error = result is not None and result.is_error
    return ("step_failed", f"A {what} has failed") if is_error else ("step_done", f"A {what} has been answered")


def _is_answer(entry: Entry) -> bool:
    return ".t" not in entry.key


def _ways(entry: Entry) -> Iterator[JsonObject]:
    value = entry.data.get("value")
    ways = value.get("ways") if isinstance(value, dict) else None
    for way in ways if isinstance(ways, list) else []:
        if isinstance(way, dict):
            yield way
