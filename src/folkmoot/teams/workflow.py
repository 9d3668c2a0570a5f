"""A team's run as a pure reducer: plan, rounds of steps, review, revise or stop, summary."""

from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from folkmoot.agents.turn import fault_of
from folkmoot.kernel.facts import Fact
from folkmoot.runs.events import Progress
from folkmoot.runs.journal import Action, Call, End, Entry, Fault, Settlement
from folkmoot.teams.events import AnalysisStarted, PlanMade
from folkmoot.teams.metrics import Spent, spent_of, total
from folkmoot.teams.outcome import SENTENCES, percent, result, steps_done, template
from folkmoot.teams.rules import (
    Plan,
    Standing,
    StopReason,
    Summary,
    Verdict,
    after_review,
    in_order,
    steps_again,
)
from folkmoot.teams.state import Round, TeamInput, TeamState, fingerprint_of, turn_of

F = TypeVar("F", bound=BaseModel)

SUMMARY_KEY = "summary"
ABSTAINED = "abstained"
"""In the value of a call that should have been a form: why no readable one came of it."""

_ENDINGS: dict[Settlement, tuple[str, str]] = {
    "timeout": ("timeout", "The run did not end within its deadline"),
    "call_limit": ("call_limit", "The run made as many calls of language models as one run may"),
}


class TeamProcedure:
    """Plan, work, review, until a stop rule holds; then the summary. A plan's approval belongs after `_planned`."""

    def begin(self, entry: Entry) -> TeamState:
        given = TeamInput.model_validate(entry.data["input"])
        return TeamState(given=given, began_at=entry.at, last_at=entry.at)

    def apply(self, state: TeamState, entry: Entry) -> TeamState:
        if entry.kind == "ended":
            return replace(state, is_over=True)
        if entry.kind != "done" or state.is_over:
            return state
        taken = _take(state, entry)
        return state if taken is state else _metered(taken, entry)

    def wanted(self, state: TeamState) -> tuple[Action, ...]:
        if state.is_over:
            return ()
        if (fault := state.fault or state.step_fault) is not None:
            return (_fail(state, fault),)
        if state.summary is not None and state.stopped is not None:
            return (_finish(state, state.stopped, state.summary),)
        if state.wants_plan:
            return (_ask(state.given.team.lead.slug, _plan_key(state), "plan"),)
        if not state.is_worked:
            return _work(state)
        if state.stopped is None and state.given.team.reviewer is not None:
            return (_ask(state.given.team.reviewer.slug, _review_key(state), "verdict"),)
        return (_ask(state.given.team.lead.slug, SUMMARY_KEY, "summary", closing=True),)

    def facts(self, state: TeamState, entry: Entry) -> tuple[Fact, ...]:
        team = state.given.team
        if entry.kind == "begun":
            return (AnalysisStarted(team=team.slug, speaker=team.lead.name),)
        if entry.kind != "done" or (phase := _phase(entry.key)) is None or not _is_news(state, entry.key):
            return ()
        progress = _progress(state, phase, team.role(_role(state, entry.key)).name)
        if phase == "plan":
            return (PlanMade(plan=state.plan.model_dump(mode="json")), progress)
        return (progress,)

    def settle(self, state: TeamState, reason: Settlement) -> End:
        if reason == "call_limit" and state.stopped is not None:
            return _finish(state, state.stopped, template(state))
        code, sentence = _ENDINGS.get(reason, (None, None))
        return End(
            status="timeout" if reason == "timeout" else "failed" if reason == "call_limit" else "cancelled",
            stop_reason=reason,
            result=result(state, reason, template(state)),
            error_code=code,
            error_message=sentence,
        )


def _take(state: TeamState, entry: Entry) -> TeamState:
    """The state with an entry in it; the same object where nothing waits for that key."""
    if state.wants_plan:
        return _planned(state, entry) if entry.key == _plan_key(state) else state
    if not state.is_worked:
        return _worked(state, entry)
    if state.stopped is not None:
        return _summed(state, entry) if entry.key == SUMMARY_KEY and state.summary is None else state
    return _reviewed(state, entry) if entry.key == _review_key(state) else state


def _planned(state: TeamState, entry: Entry) -> TeamState:
    if (fault := fault_of(entry)) is not None:
        return replace(state, fault=fault)
    plan = _form(entry, Plan)
    if plan is None:
        return replace(state, fault=Fault(code="invalid_plan", sentence="The plan in the journal is unreadable"))
    due = tuple(step.id for step in in_order(plan.steps))
    begun = Round(number=len(state.rounds) + 1, plan=len(state.plans) + 1, due=due)
    return replace(state, plans=(*state.plans, plan), rounds=(*state.rounds, begun))


def _worked(state: TeamState, entry: Entry) -> TeamState:
    match entry.key.split("."):
        case [number, "s", step_id, _, *_] if number == f"r{state.round.number}" and step_id in state.round.due:
            step = state.steps[step_id]
        case _:
            return state
    turn = turn_of(state, step)
    after = turn.apply(entry)
    if after is turn or not state.is_ready(step):
        return state
    worked = replace(state, turns={**state.turns, turn.plan.key: after})
    if worked.is_worked and state.given.team.reviewer is None:
        return replace(worked, stopped="delivered")
    return worked


def _reviewed(state: TeamState, entry: Entry) -> TeamState:
    if (fault := fault_of(entry)) is not None:
        return replace(state, fault=fault)
    verdict = _form(entry, Verdict)
    fingerprint = fingerprint_of(state, verdict) if verdict is not None else None
    standing = Standing(
        rounds=len(state.rounds),
        round_limit=state.round_limit,
        revisions=state.revisions,
        max_revisions=state.given.max_revision_rounds,
        is_stalled=fingerprint is not None and fingerprint == state.fingerprint_before,
        has_replanned=len(state.plans) > 1,
    )
    reviewed = replace(state, verdicts=(*state.verdicts, verdict), fingerprint_before=fingerprint)
    move = after_review(verdict, standing)
    if move == "replan":
        return reviewed
    if move != "revise":
        return replace(reviewed, stopped=move)
    due = steps_again(state.plan, verdict)
    revision = Round(number=len(state.rounds) + 1, plan=len(state.plans), due=due)
    return replace(reviewed, rounds=(*state.rounds, revision))


def _summed(state: TeamState, entry: Entry) -> TeamState:
    return replace(state, summary=_form(entry, Summary) or template(state))


def _form(entry: Entry, type_: type[F]) -> F | None:
    """The form in an entry; None where the answer was a fault or unreadable."""
    value = entry.data.get("value")
    output = value.get("output") if isinstance(value, dict) else None
    if output is None:
        return None
    try:
        return type_.model_validate(output)
    except ValidationError:
        return None


def _work(state: TeamState) -> tuple[Action, ...]:
    """What every step that waits for no other wants next."""
    open_steps = (state.steps[step_id] for step_id in state.round.due if step_id not in state.done)
    return tuple(action for step in open_steps if state.is_ready(step) for action in turn_of(state, step).wanted())


def _ask(role: str, key: str, form: str, *, closing: bool = False) -> Call:
    return Call(key=key, group=key, role=role, recipe={"kind": form}, output=form, closing=closing)


def _fail(state: TeamState, fault: Fault) -> End:
    return End(
        status="failed",
        stop_reason=fault.code,
        result=result(state, fault.code, template(state)),
        error_code=fault.code,
        error_message=fault.sentence,
    )


def _finish(state: TeamState, stopped: StopReason, summary: Summary) -> End:
    is_good = stopped in ("approved", "delivered")
    return End(
        status="completed" if is_good else "failed",
        stop_reason=stopped,
        result=result(state, stopped, summary),
        error_code=None if is_good else stopped,
        error_message=None if is_good else SENTENCES[stopped],
    )


def _plan_key(state: TeamState) -> str:
    return f"plan.{len(state.plans) + 1}"


def _review_key(state: TeamState) -> str:
    return f"r{state.round.number}.review"


def _phase(key: str) -> str | None:
    match key.split("."):
        case ["plan", _]:
            return "plan"
        case [_, "s", *_]:
            return "work"
        case [_, "review"]:
            return "review"
        case ["summary"]:
            return "summary"
        case _:
            return None


def _role(state: TeamState, key: str) -> str:
    """Who speaks under a key that was taken in."""
    team = state.given.team
    match key.split("."):
        case [number, "s", step_id, *_]:
            return state.turns[f"{number}.s.{step_id}"].plan.role
        case [_, "review"] if team.reviewer is not None:
            return team.reviewer.slug
        case _:
            return team.lead.slug


def _metered(state: TeamState, entry: Entry) -> TeamState:
    last_at = max(state.last_at, entry.at)
    spent, phase = spent_of(entry.data.get("usage")), _phase(entry.key)
    if spent is None or phase is None:
        return replace(state, last_at=last_at)
    account = (phase, _role(state, entry.key))
    total_spent = {**state.spent, account: state.spent.get(account, Spent()) + spent}
    return replace(state, last_at=last_at, spent=total_spent)


def _is_news(state: TeamState, key: str) -> bool:
    """Whether the entry of that key, which the state already holds, brought something to an end."""
    match key.split("."):
        case ["plan", number]:
            return number == str(len(state.plans))
        case [number, "s", step_id, call]:
            turn = state.turns.get(f"{number}.s.{step_id}")
            return turn is not None and turn.answer is not None and call == f"m{len(turn.answers)}"
        case [number, "review"]:
            return number[1:].isdigit() and int(number[1:]) == len(state.verdicts)
        case _:
            return key == SUMMARY_KEY and state.summary is not None


def _progress(state: TeamState, phase: str, speaker: str) -> Progress:
    spent = total(state.spent.values())
    return Progress(
        step=steps_done(state),
        total_steps=len(state.plan.steps),
        current_phase=phase,
        progress_percent=percent(state),
        speaker=speaker,
        tokens=spent.tokens,
        cost_usd=spent.cost_usd,
    )
