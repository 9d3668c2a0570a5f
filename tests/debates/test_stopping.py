"""Debates, played from scripts: when they stop, and who is still in them by then."""

import pytest

from tests.debates.play import (
    TIMED_OUT,
    UNREADABLE,
    Answer,
    Play,
    debate_input,
    ends,
    holding,
    scripted,
    spoken,
)

OPENING = ["r1.i1.s1", "r1.i1.s2", "r1.i1.s3"]


STOPS = [
    ("AAA", {}, "independent", 1),
    ("AAA", {"rules": {"stop_if_unanimous_open": False}}, "consensus", 2),
    ("AAA", {"rules": {"stop_if_unanimous_open": False, "min_rounds": 1}}, "consensus", 1),
    ("AAAAB", {}, "consensus", 2),
    ("AAAAB", {"max_rounds": 1}, "consensus", 1),
    ("AAB", {"max_rounds": 2}, "max_rounds", 2),
    ("AAB", {"max_rounds": 9}, "stable_disagreement", 3),
    ("AAB", {"max_rounds": 9, "rules": {"stability_rounds": 4}}, "stable_disagreement", 5),
    ("AAB", {"consensus_threshold": 0.6}, "consensus", 2),
]


@pytest.mark.parametrize("mode", ["structured", "freeform", "autonomous"])
@pytest.mark.parametrize(("positions", "config", "reason", "rounds"), STOPS)
def test_a_debate_stops_by_the_first_rule_that_holds(
    mode: str, positions: str, config: dict[str, object], reason: str, rounds: int
) -> None:
    play = Play(
        holding(*positions),
        debate_input(len(positions), debate_mode=mode, max_iterations_per_round=1, **config),  # type: ignore[arg-type]
    )
    assert ends(play) == ("completed", reason)
    assert len(play.state.rounds) == rounds


def test_a_unanimous_opening_needs_no_ballot() -> None:
    play = Play(holding("A", "A", "A"))
    play.run()
    assert play.keys == [f"{key}.m1" for key in OPENING]


def test_nobody_is_unanimous_with_who_abstains() -> None:
    play = Play(scripted({"r1.i1.s2": UNREADABLE}, holding("A", "A", "A")))
    assert ends(play) == ("completed", "consensus")
    assert len(play.state.rounds) == 2


SILENT: dict[str, Answer] = {
    f"r{number}.{what}": TIMED_OUT for number in range(1, 6) for what in ("i1.s3", "i2.s3", "i3.s3", "b3")
}


def test_two_timeouts_in_a_row_make_inactive_until_it_answers_again() -> None:
    play = Play(
        scripted({"r1.i1.s3": TIMED_OUT, "r1.b3": TIMED_OUT}, holding("A", "A", "B")),
        debate_input(max_rounds=3, max_iterations_per_round=1, consensus_threshold=1.0),
    )
    play.run()
    # silent in the whole of round 2, but for the ballot it is asked for as all are
    assert spoken(play, 2) == ["i1.s2", "i1.s1"]
    assert spoken(play, 3) == ["i1.s3", "i1.s1", "i1.s2"]
    assert [one.active for one in play.state.rounds] == [2, 3, 3]
    assert [one.score for one in play.state.rounds] == [1.0, pytest.approx(2 / 3), pytest.approx(2 / 3)]


def test_with_spoken_ballots_one_turn_a_round_is_the_way_back() -> None:
    script: dict[str, Answer] = {"r2.i1.s3": TIMED_OUT, "r2.i2.s3": TIMED_OUT}
    play = Play(
        scripted(script, holding("A", "A", "B")),
        debate_input(max_rounds=3, max_iterations_per_round=2, rules={"ballot": "inline"}),
    )
    play.run()
    assert [one.active for one in play.state.rounds] == [3, 2]
    assert play.state.stopped == "consensus"
    patient = Play(
        scripted(script, holding("A", "A", "B")),
        debate_input(max_rounds=3, max_iterations_per_round=2, rules={"ballot": "inline", "min_rounds": 3}),
    )
    patient.run()
    assert [one.active for one in patient.state.rounds] == [3, 2, 3]


def test_an_illegible_answer_is_no_silence() -> None:
    script: dict[str, Answer] = {key: UNREADABLE for key in SILENT}
    play = Play(scripted(script, holding("A", "B", "B")), debate_input(max_rounds=3))
    play.run()
    assert play.state.standings[3].is_active
    assert play.state.standings[3].abstentions == 10
    assert {one.outcome for one in play.state.statements if one.seat == 3} == {"abstained"}


def test_too_few_who_answer_end_the_debate() -> None:
    play = Play(
        scripted({**SILENT, "r1.i1.s2": TIMED_OUT, "r1.b2": TIMED_OUT}, holding("A", "B", "B")),
        debate_input(rules={"quorum": 2}),
    )
    end = play.run()
    assert (end.status, end.stop_reason, end.error_code) == ("failed", "no_quorum", "no_quorum")
    report = play.report(end)
    assert [warning["code"] for warning in report["warnings"]] == ["quorum_lost"]  # type: ignore[union-attr, index, call-overload]
    assert report["decision"]["type"] == "inconclusive"  # type: ignore[index, call-overload]
