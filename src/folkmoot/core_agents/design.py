"""Designing an agent: one question to a language model, the template where that fails, and the agent is made. Pure."""

from dataclasses import dataclass, replace

from pydantic import ValidationError

from folkmoot.agents.turn import Turn, TurnPlan
from folkmoot.core_agents.rules import AgentSpec, DesignInput, SpecSource, template
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Action, End, Entry, Fault, Settlement, Use, fault_of

SPEC, MAKE = "spec", "make"

_SENTENCES = {
    "timeout": ("timeout", "The design did not end in time"),
    "call_limit": ("call_limit", "The design made as many calls of a language model as one run may"),
    "budget": ("budget_exhausted", "The budget of the run is used up"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignState:
    given: DesignInput
    turn: Turn
    made: JsonObject | None = None
    fault: Fault | None = None

    @property
    def spec(self) -> tuple[AgentSpec, SpecSource]:
        """Once the turn is over: what the model designed, else what follows from the request."""
        try:
            return AgentSpec.model_validate(self.turn.output), "llm"
        except ValidationError:
            return template(self.given), "template"


class DesignProcedure:
    """A turn for the spec, a use that makes the agent, the end."""

    def begin(self, entry: Entry) -> DesignState:
        given = DesignInput.model_validate(entry.data["input"])
        plan = TurnPlan(key=SPEC, role="generator", recipe={"kind": SPEC}, agent_id=given.generator_id, output=SPEC)
        return DesignState(given=given, turn=Turn(plan=plan))

    def apply(self, state: DesignState, entry: Entry) -> DesignState:
        if entry.kind != "done" or state.made is not None or state.fault is not None:
            return state
        if entry.key != MAKE:
            turn = state.turn.apply(entry)
            return state if turn is state.turn else replace(state, turn=turn)
        fault, value = fault_of(entry), entry.data.get("value")
        if fault is None and not isinstance(value, dict):
            fault = Fault(code="answer_lost", sentence="The journalled answer cannot be read")
        return replace(state, fault=fault, made=value if isinstance(value, dict) else None)

    def wanted(self, state: DesignState) -> tuple[Action, ...]:
        if state.fault is not None:
            return (_failed(state.fault),)
        if state.made is not None:
            return (End(status="completed", stop_reason="made", result=state.made),)
        return (_make(state),) if state.turn.is_over else state.turn.wanted()

    def facts(self, state: DesignState, entry: Entry) -> tuple[Fact, ...]:
        return ()

    def settle(self, state: DesignState, reason: Settlement) -> End:
        if reason not in _SENTENCES:
            return End(status="cancelled", stop_reason=reason, result=state.made)
        code, sentence = _SENTENCES[reason]
        return End(
            status="timeout" if reason == "timeout" else "failed",
            stop_reason=code,
            result=state.made,
            error_code=code,
            error_message=sentence,
        )


def _make(state: DesignState) -> Use:
    """Made under an id that was given before, so that a repeated use finds what the first has made."""
    spec, source = state.spec
    arguments: JsonObject = {"spec": spec.model_dump(mode="json"), "spec_source": source}
    return Use(
        key=MAKE,
        group=MAKE,
        tool="make_agent",
        arguments=arguments,
        effect="idempotent",
        agent_id=state.given.generator_id,
    )


def _failed(fault: Fault) -> End:
    return End(status="failed", stop_reason=fault.code, error_code=fault.code, error_message=fault.sentence)
