"""Debates, played from scripts: what is decided and by whom, what people say, what is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.debates.state import DebateState
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Ask, Call, Entry, Settlement, Use
from tests.debates.play import (
    AT,
    PROCEDURE,
    TIMED_OUT,
    UNREADABLE,
    Answer,
    Play,
    ballot,
    debate_input,
    ends,
    form_for,
    holding,
    refold,
    scripted,
    seat_of,
    turn,
)


def test_a_carried_position_is_a_vote_if_it_was_voted_for_before() -> None:
    late: dict[str, Answer] = {"r2.b3": TIMED_OUT}
    play = Play(scripted(late, holding("A", "A", "B")), debate_input(max_rounds=2, max_iterations_per_round=1))
    assert tally(play) == {"A": 2, "B": 1}
    never: dict[str, Answer] = {"r1.b3": TIMED_OUT, "r2.b3": TIMED_OUT}
    play = Play(scripted(never, holding("A", "A", "B")), debate_input(max_rounds=2, max_iterations_per_round=1))
    assert tally(play) == {"A": 2}
    other: dict[str, Answer] = {"r2.i1.s3": turn("C"), "r2.b3": TIMED_OUT}
    play = Play(scripted(other, holding("A", "A", "B")), debate_input(max_rounds=2, max_iterations_per_round=1))
    assert tally(play) == {"A": 2}
    assert play.state.standings[3].position == "C"


def tally(play: Play) -> object:
    return play.report(play.run())["votes"]["final"]["votes"]  # type: ignore[index, call-overload]


def decided(play: Play) -> JsonObject:
    made = play.report(play.run())["decision"]
    assert isinstance(made, dict)
    return made


def unsure(positions: str, *confidence: float, rules: dict[str, object] | None = None) -> Play:
    def agents(state: DebateState, action: Call | Use) -> Answer:
        seat = seat_of(action)
        return form_for(action, positions[seat - 1], confidence[seat - 1])

    given = debate_input(len(positions), max_rounds=2, max_iterations_per_round=1, consensus_threshold=1.0, rules=rules)
    return Play(agents, given)


def test_rules_of_decision() -> None:
    cast = ("AABB", 0.9, 0.9, 0.6, 0.6)
    assert decided(unsure(*cast))["type"] == "deadlock"
    weighted = decided(unsure(*cast, rules={"decision": "weighted"}))
    assert (weighted["winner"], weighted["type"], weighted["rule"]) == ("A", "majority", "weighted")
    moved: dict[str, Answer] = {f"r{n}.{what}": turn("B") for n in (2,) for what in ("i1.s1", "i1.s2")}
    moved |= {"r2.b1": ballot("B"), "r2.b2": ballot("B")}
    agents = scripted(moved, holding("A", "A", "B"))
    first = debate_input(max_rounds=2, max_iterations_per_round=1, rules={"decision": "initial_vote", "min_rounds": 2})
    play = Play(agents, {**first, "config": {**first["config"], "consensus_threshold": 1.0}})  # type: ignore[dict-item]
    assert decided(play)["rule"] == "consensus"


def test_the_initial_vote_may_decide() -> None:
    script: dict[str, Answer] = {f"r2.b{seat}": ballot("B") for seat in (2, 3)}
    given = debate_input(
        max_rounds=2, max_iterations_per_round=1, consensus_threshold=1.0, rules={"decision": "initial_vote"}
    )
    made = decided(Play(scripted(script, holding("A", "A", "C")), given))
    assert (made["winner"], made["rule"], made["asked"]) == ("A", "initial_vote", "initial_vote")


def judged(judgement: Answer) -> Play:
    return Play(
        scripted({"judge": judgement}, holding("A", "A", "B")),
        debate_input(max_rounds=2, max_iterations_per_round=1, rules={"decision": "judge", "judge_agent_id": "judge"}),
    )


def test_a_judge_decides_and_changes_no_score() -> None:
    play = judged({"position": "B", "confidence": 0.7, "reason": "Better argued"})
    made = decided(play)
    assert (made["rule"], made["winner"], made["type"]) == ("judge", "B", "plurality")
    assert made["support"] == pytest.approx(1 / 3, abs=1e-6)
    assert play.keys[-1] == "judge"
    assert play.state.rounds[-1].score == pytest.approx(2 / 3)


def test_without_a_readable_judgement_the_vote_decides() -> None:
    made = decided(judged(UNREADABLE))
    assert (made["rule"], made["asked"], made["winner"]) == ("vote", "judge", "A")


def test_a_consensus_needs_no_judge() -> None:
    play = Play(holding("A", "A", "A"), debate_input(rules={"decision": "judge", "judge_agent_id": "judge"}))
    assert ends(play) == ("completed", "independent")


VERDICTS = [
    ("approve", "completed", "max_rounds", None),
    ("reject", "failed", "rejected", "rejected"),
    ("expired", "cancelled", "approval_expired", None),
]


@pytest.mark.parametrize(("verdict", "status", "reason", "code"), VERDICTS)
def test_a_person_approves_the_verdict(verdict: str, status: str, reason: str, code: str | None) -> None:
    given = debate_input(max_rounds=2, max_iterations_per_round=1, rules={"approve_verdict": True})
    play = Play(holding("A", "A", "B"), given, verdict=verdict)
    end = play.run()
    assert (end.status, end.stop_reason, end.error_code) == (status, reason, code)
    assert play.keys[-1] == "verdict"
    state = refold(PROCEDURE.begin(play.entries[0]), play.entries[1:-2])
    (asked,) = PROCEDURE.wanted(state)
    assert isinstance(asked, Ask)
    assert (asked.subject, asked.on_expiry, asked.detail["winner"]) == ("verdict", "reject", "A")


def test_a_persons_statement_is_heard_and_does_not_count() -> None:
    told: JsonObject = {"text": "B, as @3 says", "position": "B", "confidence": 0.9}
    play = Play(holding("A", "A", "B"), debate_input(max_rounds=2, max_iterations_per_round=1), told={4: told})
    end = play.run()
    said = next(one for one in play.state.statements if one.type == "statement")
    assert (said.seat, said.round, said.position, said.responds_to) == (4, 1, "B", (3,))
    assert (said.key, said.number) == ("r1.p1.s4", 4)
    assert [one.active for one in play.state.rounds] == [3, 3]
    assert play.state.rounds[-1].score == pytest.approx(2 / 3)
    assert play.report(end)["votes"]["final"]["votes"] == {"A": 2, "B": 1}  # type: ignore[index, call-overload]
    assert play.state.name_of(4) == "Uma"


def test_a_person_may_vote_where_the_rules_say_so() -> None:
    told: JsonObject = {"text": "B!", "position": "B", "confidence": None}
    given = debate_input(max_rounds=2, max_iterations_per_round=1, rules={"person_votes": True})
    play = Play(holding("A", "A", "B"), given, told={4: told})
    assert tally(play) == {"A": 2, "B": 2}
    assert play.state.rounds[-1].score == 0.5


@pytest.mark.parametrize(("mode", "at"), [("structured", 3), ("freeform", 8), ("autonomous", 9)])
def test_who_speaks_is_nobodys_business_but_the_rules(mode: str, at: int) -> None:
    """A statement from outside changes no turn, wherever it comes in."""
    given = debate_input(debate_mode=mode, max_rounds=2, max_iterations_per_round=2)
    plain = Play(holding("A", "A", "B"), given)
    told = Play(holding("A", "A", "B"), given, told={at: {"text": "Hear me"}})
    plain.run(), told.run()
    assert told.keys == plain.keys


REASONS: list[tuple[Settlement, str, str]] = [
    ("cancelled", "cancelled", "stopped"),
    ("stopped", "cancelled", "stopped"),
    ("timeout", "timeout", "timeout"),
    ("call_limit", "failed", "call_limit"),
    ("budget", "failed", "budget_exhausted"),
]


@pytest.mark.parametrize(("reason", "status", "stop_reason"), REASONS)
def test_a_debate_that_must_end_decides_on_what_there_is(reason: Settlement, status: str, stop_reason: str) -> None:
    play = Play(holding("A", "A", "B"), debate_input(max_rounds=2, max_iterations_per_round=1))
    play.run()
    types = set()
    for length in range(1, len(play.entries)):
        state = refold(PROCEDURE.begin(play.entries[0]), play.entries[1:length])
        end = PROCEDURE.settle(state, reason)
        assert (end.status, end.stop_reason) == (status, stop_reason)
        assert end.result is not None
        types.add((end.result["decision"]["rule"], end.result["decision"]["type"]))  # type: ignore[index, call-overload]
    assert types == {("initial_vote", "inconclusive"), ("initial_vote", "majority"), ("vote", "majority")}


def test_facts_tell_the_story() -> None:
    play = Play(holding("A", "A", "B"), debate_input(max_rounds=2, max_iterations_per_round=1))
    play.run()
    assert [fact.type for fact in play.facts] == [
        *["argument_made"] * 3,
        "turn_started",
        "ballot_closed",
        "round_completed",
        *["turn_started", "argument_made"] * 3,
        "turn_started",
        "ballot_closed",
        "round_completed",
    ]
    shown = [getattr(fact, "debate", None) for fact in play.facts]
    is_last = [False, False, False, True, False, False, *[True, False] * 3, True, False, True]
    assert [one is not None for one in shown] == is_last
    assert shown[-1] is not None
    assert (shown[-1]["consensus_score"], shown[-1]["total_arguments"]) == (0.666667, 6)


@pytest.mark.parametrize("mode", ["structured", "freeform", "autonomous"])
def test_the_order_of_coming_changes_nothing(mode: str) -> None:
    """The last of each group first: the same journal but for its order, the same report."""
    given = debate_input(5, debate_mode=mode, max_rounds=3, max_iterations_per_round=2)
    agents = holding("A", "B", "A", "C", "B")
    plain, turned = Play(agents, given), Play(agents, given, last_first=True)
    one, other = plain.run(), turned.run()
    assert plain.keys != turned.keys
    assert sorted(plain.keys) == sorted(turned.keys)
    assert one.result == other.result


KEYS = st.sampled_from([
    "r1.i1.s1.m1", "r1.i1.s1.m2", "r1.i1.s9.m1", "r1.i1.s1", "r2.i1.s2.m1", "r1.b1", "r2.b1", "r2.m1", "judge",
    "verdict", "end", "", "....", "r1.i1.s1.m1.t1", "rx", "told",
])  # fmt: skip
DATA = st.sampled_from(
    [
        {},
        {"value": None},
        {"value": {}},
        {"value": {"output": {}}},
        {"fault": {"code": "x", "sentence": "y"}},
        {"author": {"id": "u"}, "data": {"text": 1}},
        {"author": {"id": "u", "name": "U"}, "data": {"text": "Hi", "position": 3}},
        {"verb": "resume"},
    ]
)
KINDS = st.sampled_from(["begun", "intended", "done", "waiting", "told", "controlled"])


@given(st.lists(st.tuples(KINDS, KEYS, DATA), max_size=20))
def test_any_entry_is_taken_in(entries: list[tuple[str, str, JsonObject]]) -> None:
    begun = Entry(1, AT, "begun", "begun", {"input": debate_input(), "seed": "s", "version": 1})
    state = PROCEDURE.begin(begun)
    for seq, (kind, key, data) in enumerate(entries, 2):
        entry = Entry(seq, AT, kind, key, data)  # type: ignore[arg-type]
        state = PROCEDURE.apply(state, entry)
        PROCEDURE.facts(state, entry)
        assert PROCEDURE.wanted(state)
