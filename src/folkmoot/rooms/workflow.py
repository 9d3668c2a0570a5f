"""An agent's turn in a room: a summary where one is due, one turn, an approval where it only proposes, publication."""

from dataclasses import dataclass, replace
from typing import Final

from folkmoot.agents.turn import Turn, TurnPlan
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.rooms.events import RoomStep
from folkmoot.runs.journal import Action, Ask, End, Entry, Settlement, fault_of

MOST_ATTEMPTS = 3
"""How often a proposal is made anew after it was not published."""

APPROVAL_SECONDS = 86_400
SUMMARY = "summary"
_SUMMARY_TOKENS, _REPLY_TOKENS, _REVIEW_TOKENS = 1024, 4096, 1024
_SETTLED: Final = {
    "timeout": "The turn ran out of time",
    "call_limit": "The turn made as many calls of a language model as a run may",
    "budget": "A budget is used up",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """The state of a turn in a room. `asked` is the run's input; `turns` are the attempts, `feedback` on all but the
    last of them; `review` is the instructor's look at the last, `decision` what was decided about it.
    """

    asked: JsonObject
    summing: Turn | None
    turns: tuple[Turn, ...]
    review: Turn | None
    feedback: tuple[str, ...] = ()
    decision: str | None = None
    models: tuple[str, ...] = ()

    @property
    def turn(self) -> Turn:
        return self.turns[-1]

    @property
    def text(self) -> str:
        """What the agent has to say, once its turn is over."""
        return self.turn.answer.text.strip() if self.turn.answer is not None else ""

    @property
    def is_proposal(self) -> bool:
        return self.asked.get("is_proposal") is True

    @property
    def published(self) -> str | None:
        """What the room is to hear, once that is certain."""
        if not self.turn.is_over or not self.text:
            return None
        return self.text if not self.is_proposal or self.decision == "approve" else None


class RoomReplyProcedure:
    """Pure: who reviews, what is summarised and whether it is a proposal was decided when the turn was given."""

    def begin(self, entry: Entry) -> Speaking:
        given = entry.data["input"]
        asked = given if isinstance(given, dict) else {}
        summing = None
        if isinstance(asked.get("summarise_upto"), int):
            summing = Turn(plan=_plan(asked, SUMMARY, "summariser", _SUMMARY_TOKENS, limit=1))
        return Speaking(asked=asked, summing=summing, turns=(_attempt(asked, 1),), review=_review(asked, 1))

    def apply(self, state: Speaking, entry: Entry) -> Speaking:
        if entry.kind != "done":
            return state
        if state.summing is not None and not state.summing.is_over:
            return replace(state, summing=state.summing.apply(entry))
        turn = state.turn.apply(entry)
        if turn is not state.turn:
            return replace(state, turns=(*state.turns[:-1], turn), models=_models(state, entry))
        if not turn.is_over or state.decision is not None:
            return state
        if entry.key == _ask_key(state):
            return _decided(state, entry.data.get("value"))
        review = state.review.apply(entry) if state.review is not None else None
        return _reviewed(replace(state, review=review)) if review is not state.review else state

    def wanted(self, state: Speaking) -> tuple[Action, ...]:
        if state.summing is not None and not state.summing.is_over:
            return state.summing.wanted()
        if not state.turn.is_over:
            return state.turn.wanted()
        if not state.is_proposal or state.decision is not None or not state.text:
            return (_end(state),)
        return (_ask(state), *(state.review.wanted() if state.review is not None else ()))

    def facts(self, state: Speaking, entry: Entry) -> tuple[Fact, ...]:
        by = entry.data.get("by")
        tool = by.get("tool") if isinstance(by, dict) else None
        if entry.kind != "done" or not isinstance(tool, str):
            return ()
        value = entry.data.get("value")
        is_error = fault_of(entry) is not None or (isinstance(value, dict) and value.get("is_error") is True)
        step = RoomStep(agent_id=str(state.asked.get("agent_id")), tool=tool, key=entry.key, is_error=is_error)
        return (step,)

    def settle(self, state: Speaking, reason: Settlement) -> End:
        if reason == "cancelled":
            return End(status="cancelled", stop_reason=reason, result=_result(state))
        return End(
            status="timeout" if reason == "timeout" else "failed",
            stop_reason=reason,
            result=_result(state),
            error_code=reason,
            error_message=_SETTLED.get(reason, "The turn was stopped"),
        )


def _plan(asked: JsonObject, key: str, role: str, max_tokens: int, limit: int = 12) -> TurnPlan:
    agent_id = asked.get("instructor_id") if role == "instructor" else asked.get("agent_id")
    return TurnPlan(
        key=key,
        role=role,
        recipe={"kind": role, "room_id": asked.get("room_id"), "upto": asked.get("upto")},
        agent_id=str(agent_id),
        output="verdict" if role == "instructor" else None,
        max_tokens=max_tokens,
        limit=limit,
    )


def _attempt(asked: JsonObject, number: int) -> Turn:
    return Turn(plan=_plan(asked, f"reply{number}", "agent", _REPLY_TOKENS))


def _review(asked: JsonObject, number: int) -> Turn | None:
    """An instructor's, where there is one: a person and the instructor are asked at once, and the first decides."""
    if asked.get("is_proposal") is not True or not isinstance(asked.get("instructor_id"), str):
        return None
    return Turn(plan=_plan(asked, f"review{number}", "instructor", _REVIEW_TOKENS, limit=1))


def _ask_key(state: Speaking) -> str:
    return f"publish{len(state.turns)}"


def _ask(state: Speaking) -> Ask:
    name = str(state.asked.get("agent_name"))
    return Ask(
        key=_ask_key(state),
        group=f"publish{len(state.turns)}",
        subject="message",
        question=f"May {name} say this in the room?",
        detail={"text": state.text, "room_id": state.asked.get("room_id"), "agent_name": name},
        expires_seconds=APPROVAL_SECONDS,
        may_revise=len(state.turns) < MOST_ATTEMPTS,
        agent_id=str(state.asked.get("agent_id")),
    )


def _decided(state: Speaking, value: object) -> Speaking:
    told = value if isinstance(value, dict) else {}
    if told.get("decision") == "reject" and told.get("revise") is True:
        return _again(state, str(told.get("feedback") or ""))
    return replace(state, decision=str(told.get("decision")))


def _reviewed(state: Speaking) -> Speaking:
    """An instructor who could not be asked decides nothing: then a person does."""
    output = state.review.output if state.review is not None and state.review.is_over else None
    if output is None:
        return state
    if output.get("publish") is True:
        return replace(state, decision="approve")
    return _again(state, str(output.get("reason") or ""))


def _again(state: Speaking, feedback: str) -> Speaking:
    number = len(state.turns) + 1
    if number > MOST_ATTEMPTS:
        return replace(state, decision="reject")
    return replace(
        state,
        turns=(*state.turns, _attempt(state.asked, number)),
        review=_review(state.asked, number),
        feedback=(*state.feedback, feedback),
    )


def _models(state: Speaking, entry: Entry) -> tuple[str, ...]:
    value = entry.data.get("value")
    answered = value.get("models") if isinstance(value, dict) else None
    names = [name for name in answered if isinstance(name, str)] if isinstance(answered, list) else []
    return tuple(dict.fromkeys((*state.models, *names)))


def _result(state: Speaking) -> JsonObject:
    ids: JsonObject = {name: state.asked.get(name) for name in ("room_id", "agent_id")}
    return {**ids, "is_published": state.published is not None}


def _end(state: Speaking) -> End:
    fault = state.turn.fault
    if fault is not None:
        return End(
            status="failed",
            stop_reason="model_failed",
            result=_result(state),
            error_code=fault.code,
            error_message=fault.sentence,
        )
    if not state.text:
        reason = "silent"
    elif state.is_proposal:
        reason = {"approve": "approved", "expired": "expired"}.get(str(state.decision), "rejected")
    else:
        reason = "said"
    return End(status="completed", stop_reason=reason, result=_result(state), said=state.published or "")
