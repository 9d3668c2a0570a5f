"""The arithmetic of debates: its properties for all numbers, its closed forms for a few, its tables whole."""

from collections.abc import Sequence
from dataclasses import replace
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.debates.rules import (
    DebateStatus,
    IllegalControl,
    Limits,
    RoundScore,
    StopReason,
    Voice,
    Vote,
    capped,
    consensus,
    count,
    count_weighted,
    entropy,
    fold,
    is_due,
    is_unanimous,
    status_of,
    stop_after,
)

SHARES = st.floats(0, 1)


@st.composite
def voices(draw: st.DrawFn, labels: str = "xyz", fewest: int = 1) -> list[Voice]:
    """Active participants, all with a position; who agrees with whom is drawn, or was not said."""
    number = draw(st.integers(fewest, 6))
    seats = range(1, number + 1)
    return [
        Voice(
            seat=seat,
            position=draw(st.sampled_from(labels)),
            confidence=draw(SHARES),
            agreement={other: draw(SHARES) for other in seats if other != seat and draw(st.booleans())},
        )
        for seat in seats
    ]


WEIGHTS = st.sampled_from(["equal", "confidence"])


@given(voices(), WEIGHTS, st.booleans())
def test_the_score_is_at_least_the_largest_weight_and_at_most_one(
    found: list[Voice], weights: str, is_closed: bool
) -> None:
    score = consensus(found, weights=weights, is_closed=is_closed).score  # type: ignore[arg-type]
    weight = [1.0 if weights == "equal" else capped(voice.confidence) for voice in found]
    assert max(weight) / sum(weight) - 1e-9 <= score <= 1


@given(voices(), WEIGHTS, st.randoms(use_true_random=False))
def test_the_score_is_free_of_order(found: list[Voice], weights: str, random: object) -> None:
    shuffled = [*found]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = consensus(found, weights=weights, is_closed=False)  # type: ignore[arg-type]
    other = consensus(shuffled, weights=weights, is_closed=False)  # type: ignore[arg-type]
    assert one == other


@given(voices(fewest=2), st.data())
def test_the_score_never_falls_when_an_agreement_grows(found: list[Voice], data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(found))
    other = data.draw(st.sampled_from([voice.seat for voice in found if voice.seat != one.seat]))
    before = one.agreement.get(other, 0.0)
    more = data.draw(st.floats(before, 1))
    raised = [replace(voice, agreement={**voice.agreement, other: more}) if voice is one else voice for voice in found]
    score = consensus(found, is_closed=False).score
    assert consensus(raised, is_closed=False).score >= score - 1e-12


@given(voices(labels="xy"), st.booleans())
def test_the_score_is_one_if_and_only_if_all_fully_back_one_position(found: list[Voice], is_closed: bool) -> None:
    score = consensus(found, is_closed=is_closed).score

    def backs(voice: Voice, leader: Voice) -> bool:
        if voice.position == leader.position:
            return True
        mutual = (voice.agreement.get(leader.seat), leader.agreement.get(voice.seat))
        return not is_closed and mutual == (1.0, 1.0)

    is_full = any(all(backs(voice, leader) for voice in found) for leader in found)
    if is_full:
        assert score == 1
    assert is_full or score < 1


@given(voices(labels="abcd"))
def test_with_closed_options_and_equal_weights_it_is_the_plurality_share(found: list[Voice]) -> None:
    positions = [voice.position for voice in found]
    most = max(map(positions.count, positions))
    agreed = consensus(found, is_closed=True)
    assert agreed.score == pytest.approx(most / len(found))
    first = {position for position in positions if positions.count(position) == most}
    assert agreed.leader == (first.pop() if len(first) == 1 else None)


def voice(seat: int, position: str | None, /, **agreement: float) -> Voice:
    by_seat = {int(name.removeprefix("s")): share for name, share in agreement.items()}
    return Voice(seat=seat, position=position, confidence=0.8, agreement=by_seat)


def test_four_of_five_are_four_fifths() -> None:
    found = [voice(seat, "x" if seat < 5 else "y") for seat in range(1, 6)]
    agreed = consensus(found, is_closed=True)
    assert (agreed.score, agreed.leader, agreed.agreement) == (0.8, "x", 0.6)


def test_two_against_one_who_agree_by_six_and_five_tenths() -> None:
    found = [voice(1, "x", s3=0.6), voice(2, "x", s3=0.6), voice(3, "y", s1=0.5, s2=0.5)]
    agreed = consensus(found, is_closed=False)
    assert agreed.score == pytest.approx(0.8333, abs=1e-4)
    assert agreed.leader == "x"
    assert agreed.agreement == pytest.approx((1 + 0.5 + 0.5) / 3)


def test_a_tie_has_no_leader() -> None:
    assert consensus([voice(1, "x"), voice(2, "y")], is_closed=True).leader is None
    both = [voice(1, "x", s2=1.0), voice(2, "y", s1=1.0)]
    assert consensus(both, is_closed=False).leader is None
    assert consensus(both, is_closed=False).score == 1


def test_who_has_no_position_backs_nobody_and_counts() -> None:
    assert consensus([voice(1, "x"), voice(2, "x"), voice(3, None)], is_closed=True).score == pytest.approx(2 / 3)
    assert consensus([voice(1, None)], is_closed=True).score == 0
    assert consensus([], is_closed=True).score == 0


def test_confidence_counts_within_its_bounds() -> None:
    loud = Voice(seat=1, position="x", confidence=1.0)
    meek = Voice(seat=2, position="y", confidence=0.0)
    assert consensus([loud, meek], weights="confidence", is_closed=True).score == pytest.approx(0.9 / 0.95)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SQLite", "sqlite"),
        ("  Use   SQLite. ", "use sqlite"),
        ("SQLite-WAL", "sqlite wal"),
        ("\uff21\uff22", "ab"),
        ("Stra\u00dfe", "STRASSE"),
        ("Caf\u00e9", "Cafe\u0301"),
        ("so\u00adft", "soft"),
        ("\u201cyes\u201d", "yes!"),
    ],
)
def test_labels_that_say_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("C++", "C"), ("10", "1 0"), ("\u00e9", "e")])
def test_labels_that_do_not(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(max_size=50))
def test_folding_twice_is_folding_once(label: str) -> None:
    once = fold(label)
    assert fold(once) == once
    assert once == " ".join(once.split())


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=10))
def test_entropy_is_between_none_and_that_of_all_different(positions: list[str]) -> None:
    assert 0 <= entropy(positions) <= log2(len(set(positions))) + 1e-9
    assert (entropy(positions) == 0) == (len(set(positions)) == 1)


LIMITS = Limits(max_rounds=5, min_rounds=2, threshold=0.8, stability_rounds=2, quorum=2, stop_if_unanimous_open=True)


def scores(*shares: float, flips: Sequence[int] = (), active: int = 3, is_blind: bool = False) -> list[RoundScore]:
    return [
        RoundScore(
            number=number,
            score=share,
            leader="x",
            agreement=share,
            confidence=0.8,
            entropy=0.0,
            flips=flips[number - 1] if flips else 0,
            unsupported_flips=0,
            active=active,
            is_blind=is_blind,
        )
        for number, share in enumerate(shares, 1)
    ]


@pytest.mark.parametrize(
    ("found", "limits", "reason"),
    [
        (scores(0.4), {}, None),
        (scores(1.0, active=1, is_blind=True), {}, "no_quorum"),
        (scores(1.0, is_blind=True), {}, "independent"),
        (scores(1.0, is_blind=True), {"stop_if_unanimous_open": False}, None),
        (scores(1.0), {}, None),
        (scores(1.0), {"min_rounds": 1}, "consensus"),
        (scores(0.9, 0.79), {}, None),
        (scores(0.4, 0.8), {}, "consensus"),
        (scores(0.9), {"max_rounds": 1}, "consensus"),
        (scores(0.1), {"threshold": 0.0, "min_rounds": 1}, "consensus"),
        (scores(0.4, 0.4), {}, None),
        (scores(0.4, 0.4, 0.4), {}, "stable_disagreement"),
        (scores(0.4, 0.44, 0.48), {}, "stable_disagreement"),
        (scores(0.4, 0.45, 0.45), {}, None),
        (scores(0.4, 0.4, 0.4, flips=(0, 1, 0)), {}, None),
        (scores(0.4, 0.4, 0.4, flips=(3, 0, 0)), {}, "stable_disagreement"),
        (scores(0.4, 0.4), {"stability_rounds": 1}, "stable_disagreement"),
        (scores(0.4, 0.4, 0.4, flips=(0, 1, 1)), {"max_rounds": 3}, "max_rounds"),
        (scores(0.4, 0.4, 0.4), {"max_rounds": 3}, "stable_disagreement"),
    ],
)
def test_the_first_rule_that_holds_stops_the_debate(
    found: list[RoundScore], limits: dict[str, float], reason: StopReason | None
) -> None:
    assert stop_after(found, replace(LIMITS, **limits)) == reason  # type: ignore[arg-type]


def votes(*cast: tuple[str, float]) -> list[Vote]:
    return [Vote(seat=seat, position=position, confidence=sure) for seat, (position, sure) in enumerate(cast, 1)]


@pytest.mark.parametrize(
    ("cast", "winner", "support", "kind"),
    [
        ("aab", "a", 2 / 3, "majority"),
        ("aabc", "a", 0.5, "plurality"),
        ("ab", None, 0, "deadlock"),
        ("aabbc", None, 0, "deadlock"),
        ("", None, 0, "inconclusive"),
    ],
)
def test_votes_are_counted(cast: str, winner: str | None, support: float, kind: str) -> None:
    tally = count(votes(*((position, 0.5) for position in cast)))
    assert (tally.winner, tally.type) == (winner, kind)
    assert tally.support == pytest.approx(support)


def test_a_loud_voice_is_capped() -> None:
    cast = votes(("wrong", 0.99), ("right", 0.8), ("right", 0.8))
    assert count_weighted(cast).winner == "right"
    assert count_weighted(cast, most=0.99).winner == "wrong"


def test_a_vote_of_less_than_one_half_counts_against() -> None:
    tally = count_weighted(votes(("a", 0.2), ("a", 0.3), ("b", 0.6)))
    assert tally.winner == "b"
    assert tally.weight["a"] < 0 < tally.weight["b"]


def test_votes_that_weigh_nothing_decide_nothing() -> None:
    assert count_weighted(votes(("a", 0.5), ("b", 0.5))).type == "deadlock"


@given(st.lists(st.tuples(st.sampled_from("abc"), SHARES), max_size=8))
def test_support_is_a_share(cast: list[tuple[str, float]]) -> None:
    for tally in (count(votes(*cast)), count_weighted(votes(*cast))):
        assert 0 <= tally.support <= 1
        assert (tally.winner is None) == (tally.type in ("deadlock", "inconclusive"))


D = DebateStatus
CONTROLS = {
    ("start", D.INITIALIZED): True,
    ("start", D.ACTIVE): False,
    ("pause", D.ACTIVE): True,
    ("pause", D.PAUSED): False,
    ("resume", D.PAUSED): True,
    ("resume", D.ACTIVE): False,
    ("stop", D.INITIALIZED): True,
    ("stop", D.ACTIVE): True,
    ("stop", D.PAUSED): True,
    ("stop", D.STOPPED): False,
}


@pytest.mark.parametrize("status", DebateStatus)
@pytest.mark.parametrize("action", ["start", "pause", "resume", "stop"])
def test_the_table_of_controls(action: str, status: DebateStatus) -> None:
    if (action, status) in CONTROLS:
        assert is_due(status.value, action) is CONTROLS[action, status]  # type: ignore[arg-type]
    else:
        with pytest.raises(IllegalControl) as refused:
            is_due(status.value, action)  # type: ignore[arg-type]
        assert refused.value.facts == {"status_now": status.value, "action": action}


@pytest.mark.parametrize(
    ("run", "reason", "is_begun", "status"),
    [
        ("paused", None, False, "initialized"),
        ("pending", None, False, "active"),
        ("pending", None, True, "active"),
        ("running", None, True, "active"),
        ("paused", None, True, "paused"),
        ("awaiting_approval", None, True, "paused"),
        ("completed", "consensus", True, "consensus_reached"),
        ("completed", "independent", True, "consensus_reached"),
        ("completed", "stable_disagreement", True, "completed"),
        ("completed", "max_rounds", True, "completed"),
        ("cancelled", "stopped", True, "stopped"),
        ("cancelled", "stopped", False, "stopped"),
        ("failed", "no_quorum", True, "failed"),
        ("timeout", "timeout", True, "failed"),
    ],
)
def test_the_status_is_the_runs(run: str, reason: str | None, is_begun: bool, status: str) -> None:
    assert status_of(run, reason, is_begun=is_begun) == status


def test_unanimity() -> None:
    assert is_unanimous(1.0)
    assert not is_unanimous(0.999)
