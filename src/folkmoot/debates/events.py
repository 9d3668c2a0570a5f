"""What happens in a debate, as facts; the last one of those that an entry gives rise to shows what it has changed."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from folkmoot.kernel.facts import Fact, Shows
from folkmoot.kernel.json import JsonObject

Shown = Annotated[JsonObject, Shows("debate", is_part=True)]
"""Of a debate what may be another now."""


@dataclass(frozen=True, kw_only=True)
class DebateStarted(Fact):
    """A debate has begun."""

    type = "debate_started"
    example: ClassVar[JsonObject] = {"topic": "Which database should the product ship with?", "mode": "structured"}

    debate_id: str
    topic: str
    mode: str
    debate: Shown | None


@dataclass(frozen=True, kw_only=True)
class TurnStarted(Fact):
    """It is somebody's turn: an opening, a turn, the moderator's or the judge's, or a person's approval."""

    type = "turn_started"
    example: ClassVar[JsonObject] = {"kind": "turn", "key": "r2.i1.s2", "round": 2, "iteration": 1}

    debate_id: str
    agent_id: str | None
    kind: str
    key: str
    round: int
    iteration: int
    debate: Shown | None


@dataclass(frozen=True, kw_only=True)
class ArgumentMade(Fact):
    """A turn was published, also one in which nothing was said; `statement` is as in the transcript."""

    type = "argument_made"
    example: ClassVar[JsonObject] = {
        "statement": {"number": 3, "round": 2, "key": "r2.i1.s2", "seat": 2, "outcome": "said", "position": "SQLite"}
    }

    debate_id: str
    agent_id: str | None
    statement: JsonObject
    debate: Shown | None


@dataclass(frozen=True, kw_only=True)
class BallotClosed(Fact):
    """All ballots of a round are in and were counted."""

    type = "ballot_closed"
    example: ClassVar[JsonObject] = {"round": 2, "cast": 4, "abstained": 0, "timed_out": 1}

    debate_id: str
    round: int
    cast: int
    abstained: int
    timed_out: int
    debate: Shown | None


@dataclass(frozen=True, kw_only=True)
class RoundCompleted(Fact):
    """A round is over; `scores` are as in the debate's `rounds`."""

    type = "round_completed"
    example: ClassVar[JsonObject] = {"scores": {"round": 2, "consensus_score": 0.8, "leader": "SQLite", "flips": 1}}

    debate_id: str
    scores: JsonObject
    debate: Shown | None


@dataclass(frozen=True, kw_only=True)
class ConsensusReached(Fact):
    """The participants agree as far as the threshold asks for; `independent` already before they heard each other."""

    type = "consensus_reached"
    example: ClassVar[JsonObject] = {
        "round": 2,
        "consensus_score": 0.8,
        "leader": "SQLite",
        "stop_reason": "consensus",
    }

    debate_id: str
    round: int
    consensus_score: float
    leader: str | None
    stop_reason: str
    debate: Shown | None


@dataclass(frozen=True, kw_only=True)
class DebatePaused(Fact):
    """The debate stands still: somebody paused it, or it waits for a person."""

    type = "debate_paused"
    example: ClassVar[JsonObject] = {"waiting_for": None}

    debate_id: str
    waiting_for: str | None
    debate: Shown | None


@dataclass(frozen=True, kw_only=True)
class DebateResumed(Fact):
    """A paused debate goes on."""

    type = "debate_resumed"

    debate_id: str
    debate: Shown | None


@dataclass(frozen=True, kw_only=True)
class DebateStopped(Fact):
    """Somebody stopped the debate; it was decided on what there was."""

    type = "debate_stopped"
    example: ClassVar[JsonObject] = {"stop_reason": "stopped", "decision": {"winner": "SQLite", "type": "plurality"}}

    debate_id: str
    stop_reason: str | None
    decision: JsonObject | None
    debate: Shown | None


@dataclass(frozen=True, kw_only=True)
class DebateCompleted(Fact):
    """The debate has ended of itself; its status says how: consensus_reached, completed or failed."""

    type = "debate_completed"
    example: ClassVar[JsonObject] = {
        "status": "consensus_reached",
        "stop_reason": "consensus",
        "decision": {"winner": "SQLite", "type": "consensus"},
    }

    debate_id: str
    status: str
    stop_reason: str | None
    decision: JsonObject | None
    debate: Shown | None
