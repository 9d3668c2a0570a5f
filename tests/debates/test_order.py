"""Seats, aliases, and who speaks next: the same for the same seed, and by the rules."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.debates.order import (
    Candidate,
    Claim,
    aliases,
    letters,
    minority,
    next_speaker,
    opponent,
    rotated,
    seed_of,
    shuffled,
)

SEEDS = st.integers(0, 2**53)


@given(st.lists(st.integers(), max_size=10), SEEDS)
def test_a_permutation_is_one_and_stays_the_same(things: list[int], seed: int) -> None:
    assert sorted(shuffled(things, seed)) == sorted(things)
    assert shuffled(things, seed) == shuffled(things, seed)


def test_every_permutation_comes_up_about_as_often() -> None:
    counts = dict.fromkeys(permutations("abc"), 0)
    for seed in range(3000):
        counts[shuffled("abc", seed, "seats")] += 1
    assert all(400 < number < 600 for number in counts.values()), counts


def test_permutations_are_those_of_every_version() -> None:
    assert shuffled("abcdefghij", 7, "seats") == tuple("hgadbifecj")
    assert seed_of("Which one?", "One of them.") == 1284479764


@given(st.integers(2, 10), SEEDS, st.integers(1, 20))
def test_everybody_has_an_alias_for_all_others(agents: int, seed: int, number: int) -> None:
    seats = range(1, agents + 1)
    for recipient in (*seats, -1):
        named = aliases([*seats], recipient, seed=seed, number=number)
        others = [seat for seat in seats if seat != recipient]
        assert sorted(named) == others
        assert sorted(named.values()) == [letters(index) for index in range(len(others))]


def test_aliases_differ_by_recipient_and_round() -> None:
    seats = [*range(1, 8)]
    told = {
        tuple(aliases(seats, recipient, seed=1, number=number).items()) for recipient in seats for number in range(1, 5)
    }
    assert len(told) == 28


def test_letters_go_on() -> None:
    assert [letters(index) for index in (0, 25, 26, 27, 52)] == ["A", "Z", "AA", "AB", "BA"]


def test_the_start_moves_on_with_the_round() -> None:
    assert [rotated((1, 2, 3), number) for number in (1, 2, 3, 4)] == [(1, 2, 3), (2, 3, 1), (3, 1, 2), (1, 2, 3)]
    assert rotated((), 5) == ()


def candidate(seat: int, *, few: bool = False, owes: bool = False, turns: int = 0) -> Candidate:
    return Candidate(seat=seat, holds_minority=few, owes_answer=owes, turns=turns)


@pytest.mark.parametrize(
    ("candidates", "seat"),
    [
        ([], None),
        ([candidate(3), candidate(2)], 2),
        ([candidate(1, turns=1), candidate(2)], 2),
        ([candidate(1), candidate(2, turns=2, owes=True)], 2),
        ([candidate(1, owes=True), candidate(2, turns=2, few=True)], 2),
        ([candidate(1, few=True), candidate(2, few=True, owes=True, turns=1)], 2),
    ],
)
def test_who_is_next_without_a_moderator(candidates: list[Candidate], seat: int | None) -> None:
    assert next_speaker(candidates) == seat


@pytest.mark.parametrize(
    ("positions", "few"),
    [("", ""), ("a", ""), ("ab", ""), ("aab", "3"), ("abc", ""), ("aabbc", "5"), ("aaabbc", "456")],
)
def test_who_holds_a_minority(positions: str, few: str) -> None:
    assert minority(dict(enumerate(positions, 1))) == {int(seat) for seat in few}


def claim(seat: int, position: str, confidence: float = 0.5, evidence: int = 0) -> Claim:
    return Claim(number=seat, seat=seat, position=position, confidence=confidence, evidence=evidence)


@pytest.mark.parametrize(
    ("position", "claims", "seat"),
    [
        ("x", [], None),
        ("x", [claim(1, "x")], None),
        ("x", [claim(1, "x"), claim(2, "y")], 2),
        ("x", [claim(2, "y", 0.9), claim(3, "z", 0.5), claim(4, "z", 0.6)], 4),
        ("x", [claim(2, "y", 0.6), claim(3, "z", 0.7)], 3),
        ("x", [claim(2, "y"), claim(3, "z")], 2),
        ("x", [claim(2, "y", 0.6), claim(3, "y", 0.6)], 2),
        (None, [claim(2, "y")], 2),
        ("x", [claim(2, "x", 0.9), claim(3, "x", 0.2), claim(4, "x", 0.1, evidence=1)], 3),
        ("x", [claim(2, "x", 0.4), claim(3, "x", 0.4)], 2),
    ],
)
def test_whom_a_speaker_answers(position: str | None, claims: list[Claim], seat: int | None) -> None:
    found = opponent(1, position, claims)
    assert (found.seat if found else None) == seat
