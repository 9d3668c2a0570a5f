"""Who sits where, what others are called, who speaks next and whom a speaker has to answer: pure, never by chance."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import fsum
from typing import TypeVar

T = TypeVar("T")


def seed_of(*words: str) -> int:
    """A seed for a debate that was given none: the same for the same words."""
    return int.from_bytes(sha256("\0".join(words).encode()).digest()[:4])


def shuffled(things: Sequence[T], *salt: int | str) -> tuple[T, ...]:
    """The same permutation for the same salt and number of things, on every machine and version."""

    def drawn(index: int) -> bytes:
        return sha256(":".join(map(str, (*salt, index))).encode()).digest()

    return tuple(things[index] for index in sorted(range(len(things)), key=drawn))


def aliases(seats: Sequence[int], recipient: int, *, seed: int, number: int) -> dict[int, str]:
    """What one recipient calls the others in round `number`: A, B, C ..., in an order of its own in every round."""
    others = [seat for seat in seats if seat != recipient]
    return {seat: letters(index) for index, seat in enumerate(shuffled(others, seed, number, recipient))}


def letters(index: int) -> str:
    """A to Z, then AA, AB ..."""
    name = chr(ord("A") + index % 26)
    return name if index < 26 else letters(index // 26 - 1) + name


def rotated(seats: Sequence[int], number: int) -> tuple[int, ...]:
    """The order of speakers in round `number`: the start moves on by one seat with each round."""
    start = (number - 1) % len(seats) if seats else 0
    return (*seats[start:], *seats[:start])


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Who could speak next in a debate without a moderator."""

    seat: int
    holds_minority: bool
    owes_answer: bool
    turns: int


def next_speaker(candidates: Iterable[Candidate]) -> int | None:
    """Whoever holds a minority's position, then owes an answer, then spoke least in the round, then sits first."""

    def rank(one: Candidate) -> tuple[bool, bool, int, int]:
        return (not one.holds_minority, not one.owes_answer, one.turns, one.seat)

    return min((rank(one) for one in candidates), default=(True, True, 0, None))[-1]


def minority(positions: Mapping[int, str]) -> frozenset[int]:
    """The seats whose position fewer hold than the most held one; nobody where all are held by as many."""
    held: dict[str, int] = {}
    for position in positions.values():
        held[position] = held.get(position, 0) + 1
    most = max(held.values(), default=0)
    return frozenset(seat for seat, position in positions.items() if held[position] < most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The latest statement of somebody, as far as it decides who has to answer it."""

    number: int
    seat: int
    position: str
    confidence: float
    evidence: int


def opponent(seat: int, position: str | None, claims: Collection[Claim]) -> Claim | None:
    """What a speaker has to answer.

    The leading statement of another position: of the one that most hold (then with most confidence together, then
    of the first seat) its most confident claim, then that of the first seat. Where all others are of the same mind,
    the least supported claim of that side: the one with least evidence, then confidence, then the first seat.
    """
    others = [claim for claim in claims if claim.seat != seat]
    against: dict[str, list[Claim]] = {}
    for claim in others:
        if claim.position != position:
            against.setdefault(claim.position, []).append(claim)
    if not against:
        return min(others, key=lambda claim: (claim.evidence, claim.confidence, claim.seat), default=None)
    leading = max(against.values(), key=_standing)
    return max(leading, key=lambda claim: (claim.confidence, -claim.seat))


def _standing(claims: Sequence[Claim]) -> tuple[int, float, int]:
    return len(claims), fsum(claim.confidence for claim in claims), -min(claim.seat for claim in claims)
