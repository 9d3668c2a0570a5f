"""A planned run as a pure reducer: plan, rounds of steps, review, revise or stop, summary."""

from dataclasses import replace

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.events import Progress
from folkmoot.runs.journal import Action, Ask, End, Entry, Fault, Settlement, fault_of, is_closing
from folkmoot.teams.answers import form_in
from folkmoot.teams.approvals import MAX_SENT_BACK, answer_of, plan_question, review_question, verdict_of
from folkmoot.teams.ending import called_off, failed, finished, settled, stop_reason_of
from folkmoot.teams.events import AnalysisStarted, PlanMade
from folkmoot.teams.given import TeamInput, form_call
from folkmoot.teams.metrics import added, total
from folkmoot.teams.planning.keys import SUMMARY, approval_key, phase_of, plan_key, review_key, role_of
from folkmoot.teams.planning.outcome import artifacts, percent, result, shown_plan, steps_done, template
from folkmoot.teams.planning.state import PlanState, Round, fingerprint_of, turn_of
from folkmoot.teams.rules import Plan, Standing, Summary, Verdict, after_review, in_order, steps_again
from folkmoot.teams.team import Person


class PlanProcedure:
    """Plan, approval where it is asked for, work, review, until a stop rule holds; then the summary."""

    def begin(self, entry: Entry) -> PlanState:
        given = TeamInput.model_validate(entry.data["input"])
        return PlanState(given=given, began_at=entry.at, last_at=entry.at)

    def apply(self, state: PlanState, entry: Entry) -> PlanState:
        if entry.kind == "ended":
            return replace(state, is_over=True)
        if state.is_over:
            return state
        if is_closing(entry):
            return _closed(state)
        if entry.kind != "done":
            return state
        taken = _take(state, entry)
        return state if taken is state else _metered(taken, entry)

    def wanted(self, state: PlanState) -> tuple[Action, ...]:
        if state.is_over:
            return ()
        if (end := _end(state)) is not None:
            return (end,)
        if state.stopped is not None:
            return (form_call(state.given, state.given.team.lead.slug, SUMMARY, "summary"),)
        if state.draft is not None:
            return (_approval(state, state.draft),)
        if state.wants_plan:
            return (form_call(state.given, state.given.team.lead.slug, plan_key(state), "plan"),)
        if not state.is_worked:
            return _work(state)
        return (_review(state),)

    def facts(self, state: PlanState, entry: Entry) -> tuple[Fact, ...]:
        team = state.given.team
        if entry.kind == "begun":
            return (AnalysisStarted(team=team.slug, speaker=team.lead.name),)
        if entry.kind != "done" or (phase := phase_of(entry.key)) is None or not _is_news(state, entry.key):
            return ()
        progress = _progress(state, phase, team.name_of(role_of(state, entry.key)))
        if phase == "plan":
            return (PlanMade(plan=shown_plan(state).model_dump(mode="json")), progress)
        return (progress,)

    def settle(self, state: PlanState, reason: Settlement) -> End:
        """Work that was approved is complete, also where no call is left for its summary."""
        if reason in ("call_limit", "budget") and state.stopped is not None:
            return finished(state.stopped, result(state, state.stopped, template(state)))
        return settled(reason, result(state, stop_reason_of(reason), template(state)))


def _end(state: PlanState) -> End | None:
    if (fault := state.fault or state.step_fault) is not None:
        return failed(fault, result(state, fault.code, template(state)))
    if state.called_off is not None:
        return called_off(state.called_off, result(state, state.called_off, template(state)))
    if state.summary is not None and state.stopped is not None:
        return finished(state.stopped, result(state, state.stopped, state.summary))
    return None


def _approval(state: PlanState, draft: Plan) -> Ask:
    detail: JsonObject = {"plan": draft.model_dump(mode="json"), "number": state.proposed}
    return plan_question(approval_key(state), detail, may_revise=state.times_sent_back < MAX_SENT_BACK)


def _review(state: PlanState) -> Action:
    reviewer = state.given.team.reviewer
    assert reviewer is not None, "asked for only where there is one"
    if not isinstance(reviewer, Person):
        return form_call(state.given, reviewer.slug, review_key(state), "verdict")
    titles: JsonObject = {step.id: step.title for step in state.plan.steps}
    detail: JsonObject = {"round": state.round.number, "steps": titles, "artifacts": artifacts(state)}
    return review_question(review_key(state), detail)


def _work(state: PlanState) -> tuple[Action, ...]:
    """What every step that waits for no other wants next."""
    open_steps = (state.steps[step_id] for step_id in state.round.due if step_id not in state.done)
    return tuple(action for step in open_steps if state.is_ready(step) for action in turn_of(state, step).wanted())


def _take(state: PlanState, entry: Entry) -> PlanState:
    """The state with an entry in it; the same object where nothing waits for that key."""
    if state.called_off is not None:
        return state
    if state.stopped is not None:
        return _summed(state, entry) if entry.key == SUMMARY and state.summary is None else state
    if state.draft is not None:
        return _answered(state, state.draft, entry) if entry.key == approval_key(state) else state
    if state.wants_plan:
        return _planned(state, entry) if entry.key == plan_key(state) else state
    if not state.is_worked:
        return _worked(state, entry)
    return _reviewed(state, entry) if entry.key == review_key(state) else state


def _planned(state: PlanState, entry: Entry) -> PlanState:
    if (fault := fault_of(entry)) is not None:
        return replace(state, fault=fault)
    plan = form_in(entry, Plan)
    if plan is None:
        return replace(state, fault=Fault(code="invalid_plan", sentence="The plan in the journal is unreadable"))
    proposed = replace(state, proposed=state.proposed + 1)
    return replace(proposed, draft=plan) if state.given.team.approval.plan else _begun(proposed, plan)


def _answered(state: PlanState, draft: Plan, entry: Entry) -> PlanState:
    """What a person said to the plan."""
    answer, feedback = answer_of(entry.data.get("value"))
    if answer == "approve":
        return _begun(replace(state, draft=None), draft)
    if answer == "revise" and state.times_sent_back < MAX_SENT_BACK:
        times = state.times_sent_back + 1
        return replace(state, draft=None, sent_back=(draft, feedback), times_sent_back=times)
    return replace(state, called_off="approval_expired" if answer == "expired" else "plan_rejected")


def _begun(state: PlanState, plan: Plan) -> PlanState:
    """The first round of a plan."""
    due = tuple(step.id for step in in_order(plan.steps))
    begun = Round(number=len(state.rounds) + 1, plan=len(state.plans) + 1, due=due)
    return replace(state, plans=(*state.plans, plan), rounds=(*state.rounds, begun), sent_back=None)


def _worked(state: PlanState, entry: Entry) -> PlanState:
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


def _reviewed(state: PlanState, entry: Entry) -> PlanState:
    if (fault := fault_of(entry)) is not None:
        return replace(state, fault=fault)
    if isinstance(state.given.team.reviewer, Person):
        verdict = verdict_of(entry.data.get("value"), state.steps)
        if verdict is None:
            return replace(state, called_off="approval_expired")
    else:
        verdict = form_in(entry, Verdict)
    return _judged(state, verdict)


def _judged(state: PlanState, verdict: Verdict | None) -> PlanState:
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


def _closed(state: PlanState) -> PlanState:
    """Nothing more may be paid for but a summary, where there is anything to sum up."""
    has_made = any(state.output(step_id) is not None for step_id in state.steps)
    is_open = has_made and state.stopped is None and _end(state) is None
    return replace(state, stopped="budget_exhausted") if is_open else state


def _summed(state: PlanState, entry: Entry) -> PlanState:
    return replace(state, summary=form_in(entry, Summary) or template(state))


def _metered(state: PlanState, entry: Entry) -> PlanState:
    last_at, phase = max(state.last_at, entry.at), phase_of(entry.key)
    if phase is None:
        return replace(state, last_at=last_at)
    return replace(state, last_at=last_at, spent=added(state.spent, (phase, role_of(state, entry.key)), entry))


def _is_news(state: PlanState, key: str) -> bool:
    """Whether the entry of that key, which the state already holds, brought something to an end."""
    match key.split("."):
        case ["plan", number]:
            return number == str(state.proposed)
        case [number, "s", step_id, call]:
            turn = state.turns.get(f"{number}.s.{step_id}")
            return turn is not None and turn.answer is not None and call == f"m{len(turn.answers)}"
        case [number, "review"]:
            return number[1:].isdigit() and int(number[1:]) == len(state.verdicts)
        case _:
            return key == SUMMARY and state.summary is not None


def _progress(state: PlanState, phase: str, speaker: str) -> Progress:
    spent = total(state.spent.values())
    return Progress(
        step=steps_done(state),
        total_steps=len(shown_plan(state).steps),
        current_phase=phase,
        progress_percent=percent(state),
        speaker=speaker,
        tokens=spent.tokens,
        cost_usd=spent.cost_usd,
    )
