"""The arithmetic of a debate, pure: equal positions, the consensus score, when to stop, how to decide, who may control.

The consensus score is a soft consensus measure (the notion is Kacprzyk's) on mutual agreements; with closed options
and equal weights it is the plurality's share. The log-odds weights are those of Nitzan and Paroush (1982).
docs/debates.md has all of it in words.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations, pairwise
from math import fsum, log, log2
from typing import Final, Literal

from folkmoot.kernel.errors import Conflict

Mode = Literal["structured", "freeform", "autonomous"]
Weights = Literal["equal", "confidence"]
Rule = Literal["vote", "weighted", "initial_vote", "judge"]
StopReason = Literal["no_quorum", "independent", "consensus", "stable_disagreement", "max_rounds"]
Outcome = Literal["consensus", "majority", "plurality", "deadlock", "inconclusive"]
Control = Literal["start", "pause", "resume", "stop"]

LEAST_CONFIDENCE, MOST_CONFIDENCE = 0.05, 0.90
"""What a confidence counts for at least and at most: a loud voice is no better than nine in ten."""

STABLE_CHANGE = 0.05
"""A score that changes by less than this has not moved."""

UNSUPPORTED_SHARE = 0.30
"""Changes of position without a reason: above this share of all, the report warns."""

SAME = 1e-9
"""Sums of shares that differ by less are equal."""


def fold(label: str) -> str:
    """What two labels have in common that say the same: NFKC, case, punctuation and white space do not count."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    return " ".join("".join(map(_folded, plain)).split())


def _folded(char: str) -> str:
    category = unicodedata.category(char)
    return "" if category == "Cf" else " " if category[0] in "PZC" else char


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """An active participant as a round leaves it: its folded position, and its agreement (0..1) with others by seat."""

    seat: int
    position: str | None
    confidence: float | None = None
    agreement: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """`score` 0..1; `leader` is the position that has it, None where two have; `agreement` is the mean of all s_ij."""

    score: float
    leader: str | None
    agreement: float


def similarity(one: Voice, other: Voice, *, is_closed: bool) -> float:
    """s_ij: 1 for equal positions, else the smaller agreement of both; 0 where one is missing or options closed."""
    if one.seat == other.seat:
        return 1.0
    if one.position is None or other.position is None:
        return 0.0
    if one.position == other.position:
        return 1.0
    mine, theirs = one.agreement.get(other.seat), other.agreement.get(one.seat)
    return 0.0 if is_closed or mine is None or theirs is None else min(mine, theirs)


def capped(confidence: float | None, most: float = MOST_CONFIDENCE) -> float:
    """A confidence within [0.05, most]; none at all counts as the least."""
    return LEAST_CONFIDENCE if confidence is None else min(max(confidence, LEAST_CONFIDENCE), most)


def consensus(voices: Sequence[Voice], *, weights: Weights = "equal", is_closed: bool) -> Consensus:
    """C = max over j of (sum_i w_i s_ij) / (sum_i w_i), over everybody active, and whose position j's is.

    Where all have a position it is within [max w / sum w, 1], and 1 if and only if all fully back one position.
    Whoever has none backs nobody but counts in the denominator. 0 where nobody has one.
    """
    weight = {voice.seat: 1.0 if weights == "equal" else capped(voice.confidence) for voice in voices}
    whole = fsum(weight.values())
    backing: dict[str, float] = {}
    for one in voices:
        if one.position is not None:
            backed = fsum(weight[other.seat] * similarity(other, one, is_closed=is_closed) for other in voices)
            backing[one.position] = max(backing.get(one.position, 0.0), backed / whole)
    score = max(backing.values(), default=0.0)
    first = [position for position, share in backing.items() if share >= score - SAME]
    pairs = [similarity(one, other, is_closed=is_closed) for one, other in combinations(voices, 2)]
    return Consensus(
        score=min(score, 1.0),
        leader=first[0] if len(first) == 1 else None,
        agreement=fsum(pairs) / len(pairs) if pairs else float(bool(backing)),
    )


def is_unanimous(score: float) -> bool:
    return score >= 1 - SAME


def entropy(positions: Sequence[str]) -> float:
    """Shannon's, in bits: 0 where all hold the same, log2 of their number where all hold another."""
    shares = [count / len(positions) for count in Counter(positions).values()]
    return max(0.0, -fsum(share * log2(share) for share in shares))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a debate is over. `min_rounds` is cut to `max_rounds`."""

    max_rounds: int
    min_rounds: int
    threshold: float
    stability_rounds: int
    quorum: int
    stop_if_unanimous_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundScore:
    """What a round comes to. `is_blind`: of the opening alone, before anybody saw another's.

    `entropy` in bits; flips are changes of position in it, `unsupported_flips` those without a reason.
    """

    number: int
    score: float
    leader: str | None
    agreement: float
    confidence: float | None
    entropy: float
    flips: int
    unsupported_flips: int
    active: int
    is_blind: bool = False


def stop_after(rounds: Sequence[RoundScore], limits: Limits) -> StopReason | None:
    """The first rule that holds after the last of these rounds. A stop or a spent budget come before all of them."""
    last = rounds[-1]
    rules: tuple[tuple[StopReason, bool], ...] = (
        ("no_quorum", last.active < limits.quorum),
        ("independent", last.is_blind and limits.stop_if_unanimous_open and is_unanimous(last.score)),
        (
            "consensus",
            last.score >= limits.threshold - SAME and last.number >= min(limits.min_rounds, limits.max_rounds),
        ),
        ("stable_disagreement", is_stable(rounds, limits.stability_rounds)),
        ("max_rounds", last.number >= limits.max_rounds),
    )
    return next((reason for reason, holds in rules if holds), None)


def is_stable(rounds: Sequence[RoundScore], needed: int) -> bool:
    """Whether in each of the last `needed` rounds nobody moved and the score changed by less than 0.05."""
    changes = list(pairwise(rounds))[-needed:]
    return len(changes) == needed and all(
        later.flips == 0 and abs(later.score - earlier.score) < STABLE_CHANGE - SAME for earlier, later in changes
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    seat: int
    position: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Votes counted: what each position has, who is ahead of all others, and with which share (0..1)."""

    weight: Mapping[str, float] = field(default_factory=dict)
    winner: str | None = None
    support: float = 0.0
    type: Outcome = "inconclusive"


def count(votes: Sequence[Vote]) -> Tally:
    """Each vote counts the same."""
    return _tally(votes, lambda _: 1.0)


def count_weighted(votes: Sequence[Vote], most: float = MOST_CONFIDENCE) -> Tally:
    """Each vote counts log(p / (1 - p)) of its confidence p, kept within [0.05, most]: under 0.5 it counts against.

    That is the best weight for a voter who is right with probability p (Nitzan and Paroush 1982), which is why
    what models claim of themselves is capped.
    """

    def weigh(vote: Vote) -> float:
        share = capped(vote.confidence, most)
        return log(share / (1 - share))

    return _tally(votes, weigh)


def _tally(votes: Sequence[Vote], weigh: Callable[[Vote], float]) -> Tally:
    by_position: dict[str, list[float]] = {}
    for vote in sorted(votes, key=lambda vote: vote.seat):
        by_position.setdefault(vote.position, []).append(weigh(vote))
    weight = {position: fsum(parts) for position, parts in by_position.items()}
    if not weight:
        return Tally()
    most = max(weight.values())
    first = [position for position, sum_ in weight.items() if sum_ >= most - SAME]
    if len(first) > 1:
        return Tally(weight=weight, type="deadlock")
    whole = fsum(max(sum_, 0.0) for sum_ in weight.values())
    support = max(most, 0.0) / whole if whole else 0.0
    return Tally(weight=weight, winner=first[0], support=support, type="majority" if support > 0.5 else "plurality")


class DebateStatus(StrEnum):
    INITIALIZED = "initialized"
    ACTIVE = "active"
    PAUSED = "paused"
    CONSENSUS_REACHED = "consensus_reached"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"


_D = DebateStatus
_LIVE = frozenset({_D.INITIALIZED, _D.ACTIVE, _D.PAUSED})
_CONTROLS: Final[Mapping[Control, tuple[frozenset[DebateStatus], DebateStatus]]] = {
    "start": (frozenset({_D.INITIALIZED}), _D.ACTIVE),
    "pause": (frozenset({_D.ACTIVE}), _D.PAUSED),
    "resume": (frozenset({_D.PAUSED}), _D.ACTIVE),
    "stop": (_LIVE, _D.STOPPED),
}
_AGREED = ("independent", "consensus")
_OF_RUN: Final[Mapping[str, DebateStatus]] = {
    "pending": _D.ACTIVE,
    "running": _D.ACTIVE,
    "paused": _D.PAUSED,
    "awaiting_approval": _D.PAUSED,
    "completed": _D.COMPLETED,
    "cancelled": _D.STOPPED,
    "failed": _D.FAILED,
    "timeout": _D.FAILED,
}


class IllegalControl(Conflict):
    """The debate cannot be controlled like that now"""


def is_due(status: str, action: Control) -> bool:
    """Whether the control has to do something; not where the debate is there already. Raises IllegalControl."""
    legal, reached = _CONTROLS[action]
    if status in legal:
        return True
    if status == reached:
        return False
    raise IllegalControl(f"A debate that is {status} cannot {action}", status_now=str(status), action=action)


def status_of(run_status: str, stop_reason: str | None, *, is_begun: bool) -> DebateStatus:
    """What a run's status means for its debate, which has not begun until somebody starts it."""
    if run_status == "paused" and not is_begun:
        return DebateStatus.INITIALIZED
    if run_status == "completed" and stop_reason in _AGREED:
        return DebateStatus.CONSENSUS_REACHED
    return _OF_RUN[run_status]
