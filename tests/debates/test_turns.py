"""Debates, played from scripts: who speaks when in each mode, and never more often than the bounds say."""

import os
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.debates.state import DebateState
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Call, Use
from tests.debates.play import (
    TIMED_OUT,
    UNREADABLE,
    Agents,
    Answer,
    Play,
    ballot,
    debate_input,
    ends,
    form_for,
    holding,
    scripted,
    seat_of,
    spoken,
    turn,
)

OPENING = ["r1.i1.s1", "r1.i1.s2", "r1.i1.s3"]


STRUCTURED = [
    (1, ["i1.s2", "i1.s3", "i1.s1"], ["i1.s3", "i1.s1", "i1.s2"]),
    (
        2,
        ["i1.s2", "i1.s3", "i1.s1", "i2.s2", "i2.s3", "i2.s1"],
        ["i1.s3", "i1.s1", "i1.s2", "i2.s3", "i2.s1", "i2.s2"],
    ),
]


@pytest.mark.parametrize(("iterations", "second", "third"), STRUCTURED)
def test_in_a_structured_debate_the_start_moves_on(iterations: int, second: list[str], third: list[str]) -> None:
    play = Play(holding("A", "B", "C"), debate_input(max_rounds=3, max_iterations_per_round=iterations))
    assert ends(play) == ("completed", "stable_disagreement")
    assert play.said[:3] == OPENING
    assert spoken(play, 2) == second
    assert spoken(play, 3) == third
    assert play.groups[0] == tuple(f"{key}.m1" for key in OPENING)
    assert ("r2.i1.s2.m1",) in play.groups
    assert ("r2.b1", "r2.b2", "r2.b3") in play.groups


def test_the_types_of_a_structured_debate() -> None:
    play = Play(holding("A", "B", "A"), debate_input(max_rounds=3, max_iterations_per_round=3, rules={"min_rounds": 3}))
    play.run()
    types = {(one.round, one.iteration): one.type for one in play.state.statements}
    assert types == {
        (1, 1): "opening",
        (2, 1): "rebuttal",
        (2, 2): "counter",
        (2, 3): "counter",
        **{(3, iteration): "conclusion" for iteration in (1, 2, 3)},
    }


def test_a_speaker_is_told_whom_to_answer() -> None:
    asked: dict[str, object] = {}

    def agents(state: DebateState, action: Call | Use) -> Answer:
        assert isinstance(action, Call)
        if action.output == "turn":
            number = action.recipe["answers"]
            asked[action.key] = None if number is None else state.statements[int(str(number)) - 1].seat
        return form_for(action, "AAB"[seat_of(action) - 1], (0.5, 0.7, 0.9)[seat_of(action) - 1])

    Play(agents, debate_input(max_rounds=2, max_iterations_per_round=1)).run()
    assert asked == {
        "r1.i1.s1.m1": None,
        "r1.i1.s2.m1": None,
        "r1.i1.s3.m1": None,
        "r2.i1.s2.m1": 3,
        "r2.i1.s3.m1": 2,
        "r2.i1.s1.m1": 3,
    }


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_in_a_freeform_debate_all_speak_at_once(iterations: int) -> None:
    play = Play(
        holding("A", "B", "C"),
        debate_input(debate_mode="freeform", max_rounds=2, max_iterations_per_round=iterations),
    )
    play.run()
    assert spoken(play, 2) == [f"i{number}.s{seat}" for number in range(1, iterations + 1) for seat in (1, 2, 3)]
    assert tuple(f"r2.i1.s{seat}.m1" for seat in (1, 2, 3)) in play.groups
    assert {one.type for one in play.state.statements} == {"opening", "argument"}


def test_a_freeform_round_is_over_when_all_pass() -> None:
    silence: dict[str, Answer] = {f"r2.i2.s{seat}": turn("A", is_pass=True) for seat in (1, 2, 3)}
    one_speaks: dict[str, Answer] = {f"r2.i1.s{seat}": turn("A", is_pass=True) for seat in (1, 2)}
    play = Play(
        scripted({**silence, **one_speaks}, holding("A", "B", "C")),
        debate_input(debate_mode="freeform", max_rounds=2, max_iterations_per_round=9),
    )
    play.run()
    assert spoken(play, 2) == [f"i{number}.s{seat}" for number in (1, 2) for seat in (1, 2, 3)]
    assert [one.outcome for one in play.state.statements[3:]] == ["passed", "passed", "said", *["passed"] * 3]


def test_what_is_shown_in_a_freeform_iteration_was_published_before_it() -> None:
    shown: dict[str, object] = {}

    def agents(state: DebateState, action: Call | Use) -> Answer:
        assert isinstance(action, Call)
        shown[action.key] = action.recipe["shown"]
        return form_for(action, "ABC"[seat_of(action) - 1])

    Play(agents, debate_input(debate_mode="freeform", max_rounds=2, max_iterations_per_round=2)).run()
    turns = {key: number for key, number in shown.items() if ".s" in key}
    assert [turns[f"{prefix}.s{seat}.m1"] for prefix in ("r1.i1", "r2.i1", "r2.i2") for seat in (1, 2, 3)] == [
        *[0] * 3,
        *[3] * 3,
        *[6] * 3,
    ]


AUTONOMOUS = [
    (1, "ABC", ["i1.s1", "i1.s2", "i1.s3"]),
    (2, "ABC", ["i1.s1", "i1.s2", "i1.s3", "i2.s1", "i2.s2", "i2.s3"]),
    # the minority of one first, whenever it may
    (2, "AAB", ["i1.s3", "i1.s1", "i2.s3", "i1.s2", "i2.s1", "i2.s2"]),
    (3, "AAB", ["i1.s3", "i1.s1", "i2.s3", "i1.s2", "i3.s3", "i2.s1", "i2.s2", "i3.s1", "i3.s2"]),
]


@pytest.mark.parametrize(("iterations", "positions", "second"), AUTONOMOUS)
def test_without_a_moderator_the_fallback_chooses(iterations: int, positions: str, second: list[str]) -> None:
    play = Play(
        holding(*positions),
        debate_input(debate_mode="autonomous", max_rounds=2, max_iterations_per_round=iterations),
    )
    play.run()
    assert spoken(play, 2) == second


def test_who_was_addressed_answers() -> None:
    script: dict[str, Answer] = {"r2.i1.s1": turn("A", responds_to=[3])}
    play = Play(
        scripted(script, holding("A", "B", "C")),
        debate_input(debate_mode="autonomous", max_rounds=2, max_iterations_per_round=1),
    )
    play.run()
    assert spoken(play, 2) == ["i1.s1", "i1.s3", "i1.s2"]


def moderated(*choices: Answer) -> Play:
    script = {f"r2.m{number}": choice for number, choice in enumerate(choices, 1)}

    def otherwise(state: DebateState, action: Call | Use) -> Answer | None:
        if isinstance(action, Call) and action.output == "choice":
            return UNREADABLE
        return holding("A", "B", "C")(state, action)

    return Play(
        scripted(script, otherwise),
        debate_input(
            debate_mode="autonomous",
            max_rounds=2,
            max_iterations_per_round=2,
            rules={"moderator_agent_id": "mod"},
        ),
    )


def choice(seat: int, question: str = "", *, end_round: bool = False) -> JsonObject:
    return {"seat": seat, "question": question, "end_round": end_round}


def test_a_moderator_chooses_and_asks_and_ends() -> None:
    play = moderated(choice(3, "Why?"), choice(1), choice(3), choice(2, end_round=True))
    play.run()
    assert spoken(play, 2) == ["i1.s3", "i1.s1", "i2.s3"]
    assert [key for key in play.keys if ".m" in key and not key.endswith(".m1")] == ["r2.m2", "r2.m3", "r2.m4"]
    assert play.keys.index("r2.m1") < play.keys.index("r2.i1.s3.m1")


@pytest.mark.parametrize("illegal", [choice(9), choice(3), {"question": ""}, UNREADABLE, TIMED_OUT])
def test_what_is_no_choice_is_left_to_the_fallback(illegal: Answer) -> None:
    play = moderated(choice(3), illegal, choice(3))
    play.run()
    assert spoken(play, 2)[:3] == ["i1.s3", "i1.s1", "i2.s3"]
    assert len(spoken(play, 2)) == 6


def test_a_round_cannot_be_ended_before_anybody_spoke() -> None:
    play = moderated(choice(2, end_round=True))
    play.run()
    assert spoken(play, 2)[0] == "i1.s2"


MODES = st.sampled_from(["structured", "freeform", "autonomous"])


@st.composite
def configs(draw: st.DrawFn) -> JsonObject:
    agents = draw(st.integers(2, 6))
    mode = draw(MODES)
    rules: dict[str, object] = {
        "ballot": draw(st.sampled_from(["sealed", "inline"])),
        "min_rounds": draw(st.integers(1, 4)),
        "stability_rounds": draw(st.integers(1, 4)),
        "quorum": draw(st.integers(1, agents)),
        "stop_if_unanimous_open": draw(st.booleans()),
        "weights": draw(st.sampled_from(["equal", "confidence"])),
        "devils_advocate": draw(st.booleans()),
        "options": draw(st.sampled_from([None, ["A", "B", "C"]])),
    }
    if mode == "autonomous" and draw(st.booleans()):
        rules["moderator_agent_id"] = "mod"
    return debate_input(
        agents,
        rules=rules,
        debate_mode=mode,
        max_rounds=draw(st.integers(1, 4)),
        max_iterations_per_round=draw(st.integers(1, 3)),
        consensus_threshold=draw(st.sampled_from([0.5, 0.8, 1.0])),
    )


def drawn(data: st.DataObject, agents: int) -> Agents:
    """Agents that do anything."""

    def answer(state: DebateState, action: Call | Use) -> Answer:
        assert isinstance(action, Call)
        if data.draw(st.integers(0, 9)) == 0:
            return data.draw(st.sampled_from([TIMED_OUT, TIMED_OUT, UNREADABLE]))
        if action.output == "choice":
            return choice(data.draw(st.integers(0, agents + 1)), end_round=data.draw(st.booleans()))
        position, sure = data.draw(st.sampled_from("ABC")), data.draw(st.floats(0, 1))
        if action.output == "ballot":
            return ballot(position, sure, **{f"s{seat}": sure for seat in range(1, agents)})
        responds_to = data.draw(st.lists(st.integers(1, agents), max_size=2))
        is_pass = action.recipe["type"] != "opening" and data.draw(st.integers(0, 4)) == 0
        return turn(position, sure, responds_to=responds_to, is_pass=is_pass)

    return remembered(answer)


def remembered(agents: Callable[[DebateState, Call | Use], Answer]) -> Agents:
    """The same answer to the same question, also where the player tries several orders."""
    known: dict[str, Answer] = {}

    def answer(state: DebateState, action: Call | Use) -> Answer:
        if action.key not in known:
            known[action.key] = agents(state, action)
        return known[action.key]

    return answer


@settings(max_examples=12 if not os.environ.get("CI") else 100)
@given(configs(), st.data())
def test_the_bounds_hold_whatever_agents_do(given_: JsonObject, data: st.DataObject) -> None:
    config = given_["config"]
    assert isinstance(config, dict)
    agents, rounds = len(str(config["selected_agents"]).split(",")), int(str(config["max_rounds"]))
    iterations = int(str(config["max_iterations_per_round"]))
    play = Play(drawn(data, agents), given_)
    end = play.run()
    assert end.status in ("completed", "failed")
    statements = len(play.state.statements)
    assert statements <= agents + (rounds - 1) * iterations * agents
    assert len(play.state.ballots) <= rounds * agents
    assert len(play.state.rounds) <= rounds
    choices = [key for key in play.keys if ".m" in key and ".s" not in key]
    assert len(choices) <= (rounds - 1) * iterations * agents
    for number in range(2, rounds + 1):
        speakers = [one.seat for one in play.state.statements if one.round == number]
        assert all(speakers.count(seat) <= iterations for seat in speakers)
        if config["debate_mode"] == "autonomous":
            assert all(one != other for one, other in pairwise(speakers))
    assert play.report(end)["hash"] == (end.result or {})["report_hash"]
