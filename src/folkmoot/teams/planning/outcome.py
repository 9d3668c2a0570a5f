"""What a planned run has come to so far: the result it ends with, its artifacts and metrics, how far it is."""

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.teams.metrics import taken
from folkmoot.teams.planning.state import PlanState, turn_key
from folkmoot.teams.rules import Plan, Summary, content_hash

MEDIA_TYPE = "text/markdown"


def artifact_name(step_id: str) -> str:
    return f"{step_id}.md"


def artifacts(state: PlanState) -> list[Json]:
    """The newest version of everything the steps made; an unchanged text is no new version."""
    made: dict[str, tuple[int, str, int]] = {}
    for past in state.rounds:
        for step_id in past.due:
            turn = state.turns.get(turn_key(past.number, step_id))
            if turn is None or turn.answer is None:
                continue
            text = turn.answer.text
            version, known, _ = made.get(step_id, (0, "", 0))
            if (digest := content_hash(text)) != known:
                made[step_id] = (version + 1, digest, len(text.encode()))
    return [
        {"name": artifact_name(step_id), "version": version, "sha256": digest, "size": size, "media_type": MEDIA_TYPE}
        for step_id, (version, digest, size) in made.items()
    ]


def result(state: PlanState, stop_reason: str, summary: Summary) -> JsonObject:
    return {
        **summary.model_dump(mode="json"),
        "artifacts": artifacts(state),
        "rounds": len(state.rounds),
        "revisions": state.revisions,
        "metrics": metrics(state, stop_reason),
    }


def metrics(state: PlanState, stop_reason: str) -> JsonObject:
    return {
        **taken(state.spent, state.last_at - state.began_at),
        "rounds": len(state.rounds),
        "revisions": state.revisions,
        "stop_reason": stop_reason,
    }


def template(state: PlanState) -> Summary:
    """A summary out of the journal alone, where no language model has given one."""
    if not state.plans:
        ended = "its plan was approved" if state.proposed else "there was a plan"
        return Summary(summary=f"The run ended before {ended}.")
    done = [step for step in state.plan.steps if state.output(step.id) is not None]
    listed = ", ".join(f"{step.id} ({step.title})" for step in done) or "none"
    missing = [f"Step {step.id} was not done: {step.title}" for step in state.plan.steps if step not in done]
    return Summary(
        summary=f"Done {len(done)} of {len(state.plan.steps)} steps in {len(state.rounds)} rounds: {listed}.",
        deliverables=tuple(f"{artifact_name(step.id)}: {step.title}" for step in done),
        open_issues=(*missing, *(f"{finding.step_id}: {finding.note}"[:4000] for finding in state.findings)),
    )


def shown_plan(state: PlanState) -> Plan:
    """The plan that the lead made last, whether or not somebody works by it yet."""
    return state.draft or state.plan


def steps_done(state: PlanState) -> int:
    """Steps of the plan with nothing left to do in this round; none of one that waits for a person."""
    if state.draft is not None:
        return 0
    return len(state.plan.steps) - len(state.round.due) + len(state.done)


def percent(state: PlanState) -> float:
    """How far the run is, 0..100, if it needs all rounds it may take; it never falls."""
    if state.summary is not None:
        return 100.0
    if state.stopped is not None:
        return 95.0
    if not state.rounds:
        return 0.0
    rounds = float(len(state.verdicts))
    if len(state.rounds) > len(state.verdicts):
        rounds += len(state.done) / (len(state.round.due) + 1)
    return round(10 + 80 * rounds / state.round_limit, 1)
