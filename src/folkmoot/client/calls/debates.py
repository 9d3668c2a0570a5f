"""Calls of debates. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.resources.debates import (
    Debate,
    DebateDetail,
    DebateInitialized,
    DebatePage,
    Statement,
    TranscriptPage,
)
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def initialize_debate(
    debate_topic: str,
    problem_statement: str,
    selected_agents: Sequence[str | int],
    *,
    debate_mode: str | None = None,
    max_rounds: int | None = None,
    max_iterations_per_round: int | None = None,
    consensus_threshold: float | None = None,
    time_limit_per_argument: int | None = None,
    debate_rules: JsonObject | None = None,
    idempotency_key: str | None = None,
) -> Call[DebateInitialized]:
    """Make a debate; nobody speaks before it is started."""
    return Call(
        "POST",
        "/api/debate/initialize",
        wire.one(DebateInitialized),
        body={
            "debate_topic": debate_topic,
            "problem_statement": problem_statement,
            "debate_mode": debate_mode,
            "max_rounds": max_rounds,
            "max_iterations_per_round": max_iterations_per_round,
            "consensus_threshold": consensus_threshold,
            "time_limit_per_argument": time_limit_per_argument,
            "selected_agents": selected_agents,
            "debate_rules": debate_rules,
        },
        is_long=True,
        takes_key=True,
        key=idempotency_key,
    )


def control_debate(debate_id: str, action: str) -> Call[Debate]:
    """Start, pause, resume or stop. A pause takes hold when the turns that are under way have ended."""
    return Call(
        "POST",
        wire.path("/api/debate/{debate_id}/control", debate_id=debate_id),
        wire.one(Debate),
        body={"action": action},
    )


def list_debates(*, status: str | None = None, skip: int | None = None, limit: int | None = None) -> Call[DebatePage]:
    """Newest first."""
    return Call("GET", "/api/debates", wire.one(DebatePage), query={"status": status, "skip": skip, "limit": limit})


def get_debate(debate_id: str, *, with_cursor: bool | None = None) -> Call[DebateDetail]:
    """How a debate stands, with what each round came to."""
    return Call(
        "GET",
        wire.path("/api/debates/{debate_id}", debate_id=debate_id),
        wire.one(DebateDetail),
        query={"with_cursor": with_cursor},
    )


def get_debate_report(debate_id: str, *, format: str | None = None) -> Call[JsonObject]:
    """What was decided and how it came about, once the debate has ended; as a page it needs nothing else."""
    return Call(
        "GET", wire.path("/api/debates/{debate_id}/report", debate_id=debate_id), wire.fields, query={"format": format}
    )


def get_debate_transcript(debate_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[TranscriptPage]:
    """What was said, in the order in which it was published."""
    return Call(
        "GET",
        wire.path("/api/debates/{debate_id}/transcript", debate_id=debate_id),
        wire.one(TranscriptPage),
        query={"skip": skip, "limit": limit},
    )


def say_in_debate(
    debate_id: str, text: str, *, position: str | None = None, confidence: float | None = None
) -> Call[Statement]:
    """Say something as a person; the participants hear it from their next turn on, and nobody in a blind opening."""
    return Call(
        "POST",
        wire.path("/api/debates/{debate_id}/statements", debate_id=debate_id),
        wire.one(Statement),
        body={"text": text, "position": position, "confidence": confidence},
    )
