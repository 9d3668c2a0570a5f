"""What a conversation has come to so far: the result it ends with, its artifacts and metrics, how far it is."""

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.teams.conversation.state import TalkState
from folkmoot.teams.metrics import taken
from folkmoot.teams.rules import Summary, content_hash

MEDIA_TYPE = "text/markdown"


def artifact_name(speaker: str) -> str:
    return f"{speaker}.md"


def artifacts(state: TalkState) -> list[Json]:
    """What each speaker said last; an unchanged text is no new version."""
    made: dict[str, tuple[int, str, int]] = {}
    for statement in state.statements:
        if not statement.text:
            continue
        version, known, _ = made.get(statement.speaker, (0, "", 0))
        if (digest := content_hash(statement.text)) != known:
            made[statement.speaker] = (version + 1, digest, len(statement.text.encode()))
    return [
        {"name": artifact_name(speaker), "version": version, "sha256": digest, "size": size, "media_type": MEDIA_TYPE}
        for speaker, (version, digest, size) in made.items()
    ]


def result(state: TalkState, stop_reason: str, summary: Summary) -> JsonObject:
    """`order` is who spoke, one after the other."""
    order: list[Json] = [statement.speaker for statement in state.statements]
    counts: JsonObject = {"rounds": state.round, "revisions": state.revisions, "turns": len(order)}
    metrics = {**taken(state.spent, state.last_at - state.began_at), **counts, "stop_reason": stop_reason}
    return {
        **summary.model_dump(mode="json"),
        "artifacts": artifacts(state),
        "order": order,
        **counts,
        "metrics": metrics,
    }


def template(state: TalkState) -> Summary:
    """A summary out of the journal alone, where no language model has given one."""
    if not state.statements:
        return Summary(summary="The run ended before anybody had spoken.")
    speakers = ", ".join(state.given.team.name_of(speaker) for speaker in state.latest)
    return Summary(
        summary=f"{len(state.statements)} statements in {state.round} rounds, by {speakers or 'nobody'}.",
        deliverables=tuple(artifact_name(speaker) for speaker in state.latest),
        open_issues=tuple(f"{finding.step_id}: {finding.note}"[:4000] for finding in state.findings),
    )


def percent(state: TalkState) -> float:
    """How far the run is, 0..100, if it needs all turns it may take; it never falls."""
    if state.summary is not None:
        return 100.0
    if state.stopped is not None:
        return 95.0
    return round(90 * len(state.statements) / state.turn_limit, 1)
