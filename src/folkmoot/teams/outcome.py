"""What a team's run has come to so far: the result it ends with, its artifacts and metrics, how far it is."""

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.teams.metrics import by, total
from folkmoot.teams.rules import StopReason, Summary, content_hash
from folkmoot.teams.state import TeamState, turn_key

MEDIA_TYPE = "text/markdown"

SENTENCES: dict[StopReason, str] = {
    "approved": "The reviewer approved the work",
    "delivered": "The work was delivered; the team has no reviewer",
    "rejected": "The reviewer rejected the work",
    "not_approved": "The reviewer did not approve the work within the rounds and revisions allowed",
    "stalled": "The work went in circles: the same results met the same findings, also after a new plan",
}


def artifact_name(step_id: str) -> str:
    return f"{step_id}.md"


def artifacts(state: TeamState) -> list[Json]:
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


def result(state: TeamState, stop_reason: str, summary: Summary) -> JsonObject:
    return {
        **summary.model_dump(mode="json"),
        "artifacts": artifacts(state),
        "rounds": len(state.rounds),
        "revisions": state.revisions,
        "metrics": metrics(state, stop_reason),
    }


def metrics(state: TeamState, stop_reason: str) -> JsonObject:
    return {
        "duration_seconds": round((state.last_at - state.began_at).total_seconds(), 3),
        **total(state.spent.values()).view(),
        "rounds": len(state.rounds),
        "revisions": state.revisions,
        "roles": by(state.spent, 1),
        "phases": by(state.spent, 0),
        "stop_reason": stop_reason,
    }


def template(state: TeamState) -> Summary:
    """A summary out of the journal alone, where no language model has given one."""
    if not state.plans:
        return Summary(summary="The run ended before there was a plan.")
    done = [step for step in state.plan.steps if state.output(step.id) is not None]
    listed = ", ".join(f"{step.id} ({step.title})" for step in done) or "none"
    missing = [f"Step {step.id} was not done: {step.title}" for step in state.plan.steps if step not in done]
    return Summary(
        summary=f"Done {len(done)} of {len(state.plan.steps)} steps in {len(state.rounds)} rounds: {listed}.",
        deliverables=tuple(f"{artifact_name(step.id)}: {step.title}" for step in done),
        open_issues=(*missing, *(f"{finding.step_id}: {finding.note}"[:4000] for finding in state.findings)),
    )


def steps_done(state: TeamState) -> int:
    """Steps of the plan with nothing left to do in this round."""
    return len(state.plan.steps) - len(state.round.due) + len(state.done)


def percent(state: TeamState) -> float:
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
