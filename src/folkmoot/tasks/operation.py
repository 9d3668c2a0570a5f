"""An operation: one agent does one thing, by its class or in one turn of its language model. Pure."""

import re
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.agents.turn import Turn, TurnPlan
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import Json, JsonObject, dumps
from folkmoot.runs.journal import Action, End, Entry, Fault, Settlement, Use, fault_of

CALL, TURN = "call", "turn"

_SENTENCES = {
    "timeout": ("timeout", "The operation did not end in time"),
    "call_limit": ("call_limit", "The operation made as many calls of a language model as one run may"),
    "budget": ("budget_exhausted", "The budget of the run is used up"),
}
_NO_WORD = re.compile(r"\W+")


class Speaker(BaseModel):
    """Who is asked, as it was when the run began: an agent, or a role that somebody made up for it."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str = ""
    instructions: str = ""
    agent_id: str | None = None
    models: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    knowledge_tags: tuple[str, ...] = ()
    max_tokens: Annotated[int, Field(ge=1)] = 4096
    temperature: float | None = None
    output_schema: JsonObject | None = None
    agent_type: str = ""
    may_delegate: bool = False


class OperationInput(BaseModel):
    """What the journal's first entry holds. `method` is that of the agent's class, where it has one for this."""

    model_config = ConfigDict(frozen=True)

    speaker: Speaker
    text: str
    documents: tuple[str, ...] = ()
    parameters: JsonObject = Field(default_factory=dict)
    method: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationState:
    given: OperationInput
    turn: Turn
    value: JsonObject | None = None
    fault: Fault | None = None
    models: tuple[str, ...] = ()


def method_of(operation: str) -> str:
    """What a class calls the method that does it: on_ and the operation in lower case, other signs as underscores."""
    return f"on_{_NO_WORD.sub('_', operation).strip('_').lower()}"


def text_of(operation: str, parameters: JsonObject) -> str:
    """What a language model is told that does it."""
    given = dumps(parameters) if parameters else "none"
    return f"Do this: {operation}\n\nParameters: {given}\n\nAnswer with its result alone."


class OperationProcedure:
    """One call of a class, or one turn, and the run is over."""

    def begin(self, entry: Entry) -> OperationState:
        given = OperationInput.model_validate(entry.data["input"])
        speaker = given.speaker
        plan = TurnPlan(
            key=TURN,
            role="agent",
            recipe={"kind": "operation"},
            agent_id=speaker.agent_id,
            max_tokens=speaker.max_tokens,
        )
        return OperationState(given=given, turn=Turn(plan=plan))

    def apply(self, state: OperationState, entry: Entry) -> OperationState:
        if state.given.method is not None:
            return _called(state, entry)
        turn = state.turn.apply(entry)
        return state if turn is state.turn else replace(state, turn=turn, models=_models(state, entry))

    def wanted(self, state: OperationState) -> tuple[Action, ...]:
        if (fault := state.fault or state.turn.fault) is not None:
            return (_failed(fault),)
        if state.value is not None:
            return (End(status="completed", stop_reason="returned", result=state.value),)
        if state.turn.answer is not None:
            said = state.turn.answer.text
            return (End(status="completed", stop_reason="answered", result=_result(state, said), said=said),)
        return state.turn.wanted() if state.given.method is None else (_use(state, state.given.method),)

    def facts(self, state: OperationState, entry: Entry) -> tuple[Fact, ...]:
        return ()

    def settle(self, state: OperationState, reason: Settlement) -> End:
        if reason not in _SENTENCES:
            return End(status="cancelled", stop_reason=reason)
        code, sentence = _SENTENCES[reason]
        return End(
            status="timeout" if reason == "timeout" else "failed",
            stop_reason=code,
            error_code=code,
            error_message=sentence,
        )


def _use(state: OperationState, method: str) -> Use:
    agent_id = state.given.speaker.agent_id
    return Use(
        key=CALL,
        group=CALL,
        tool=method,
        arguments=state.given.parameters,
        effect="unsafe",
        agent_id=agent_id,
    )


def _called(state: OperationState, entry: Entry) -> OperationState:
    if entry.kind != "done" or entry.key != CALL or state.value is not None or state.fault is not None:
        return state
    fault, value = fault_of(entry), entry.data.get("value")
    if fault is None and not isinstance(value, dict):
        fault = Fault(code="answer_lost", sentence="The journalled answer cannot be read")
    return replace(state, fault=fault, value=value if isinstance(value, dict) else None)


def _models(state: OperationState, entry: Entry) -> tuple[str, ...]:
    """Those that have answered, in order."""
    value = entry.data.get("value")
    answered = value.get("models") if isinstance(value, dict) else None
    names = [name for name in answered if isinstance(name, str)] if isinstance(answered, list) else []
    return tuple(dict.fromkeys((*state.models, *names)))


def _result(state: OperationState, text: str) -> JsonObject:
    models: list[Json] = [*state.models]
    result: JsonObject = {"response": text, "models": models}
    return result if state.turn.output is None else {**result, "output": state.turn.output}


def _failed(fault: Fault) -> End:
    return End(status="failed", stop_reason=fault.code, error_code=fault.code, error_message=fault.sentence)
