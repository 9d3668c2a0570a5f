"""The turn as a pure reducer: every order of results, every limit, nothing that can stop it from ending."""

from itertools import permutations

import pytest

from folkmoot.agents.turn import DEFAULT_LIMIT, PARALLEL_CALLS, Turn, TurnPlan
from folkmoot.agents.ways import Way
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.messages import Assistant, ToolCall, ToolResult, message_to_json
from folkmoot.runs.journal import Call, Effect, Entry, EntryKind, Use

PLAN = TurnPlan(key="t", role="agent", recipe={"kind": "test"}, agent_id="a1", limit=4)
TURN = Turn(plan=PLAN)


def entry(key: str, kind: EntryKind = "done", **data: Json) -> Entry:
    return Entry(1, now(), kind, key, data)


def answer(number: int, text: str = "", calls: int = 0, **more: Json) -> Entry:
    wanted = tuple(ToolCall(f"c{number}.{index}", "look_up", {"n": index}) for index in range(1, calls + 1))
    effects: list[Json] = ["none"] * calls
    value: JsonObject = {**message_to_json(Assistant(text, wanted)), "effects": effects, **more}
    return entry(f"t.m{number}", value=value)


def result(number: int, index: int, text: str = "found") -> Entry:
    return entry(f"t.m{number}.t{index}", value={"text": f"{text} {index}", "is_error": False})


def after(*entries: Entry, turn: Turn = TURN) -> Turn:
    for one in entries:
        turn = turn.apply(one)
    return turn


def test_it_begins_with_one_call() -> None:
    (call,) = TURN.wanted()
    assert isinstance(call, Call)
    assert (call.key, call.group, call.role, call.agent_id) == ("t.m1", "t", "agent", "a1")
    assert not call.closing
    assert not TURN.is_over
    assert TURN.answer is None
    assert TURN.transcript == ()


def test_an_answer_without_calls_ends_it() -> None:
    turn = after(answer(1, "Hello", output={"a": 1}))
    assert turn.is_over
    assert turn.answer == Assistant("Hello")
    assert turn.output == {"a": 1}
    assert turn.wanted() == ()


def test_results_may_come_in_any_order() -> None:
    begun = after(answer(1, "Looking", calls=4))
    wanted = begun.wanted()
    assert all(isinstance(use, Use) for use in wanted)
    assert [use.key for use in wanted] == [f"t.m1.t{index}" for index in range(1, 5)]
    orders = permutations(range(1, 5))
    first, *others = [after(*(result(1, index) for index in order), turn=begun) for order in orders]
    assert all(turn == first for turn in others)
    transcript = first.transcript
    assert transcript[1:] == tuple(ToolResult(f"c1.{index}", "look_up", f"found {index}") for index in range(1, 5))
    (following,) = after(*(result(1, index) for index in range(1, 5)), turn=begun).wanted()
    assert following.key == "t.m2"


def test_a_use_names_its_call_and_effect() -> None:
    call = ToolCall("c", "write", {"x": 1})
    value: JsonObject = {**message_to_json(Assistant("", (call,))), "effects": ["idempotent"]}
    (use,) = after(entry("t.m1", value=value)).wanted()
    assert use == Use(
        key="t.m1.t1",
        group="t",
        tool="write",
        arguments={"x": 1},
        effect="idempotent",
        agent_id="a1",
        call_id="c",
    )


@pytest.mark.parametrize(
    ("noted", "effects"),
    [
        (["none"], ("none", "unsafe")),
        (None, ("unsafe", "unsafe")),
        (["idempotent", "deadly"], ("idempotent", "unsafe")),
        ("none", ("unsafe", "unsafe")),
        (["none", "none", "none"], ("none", "none")),
    ],
)
def test_an_effect_that_is_not_noted_counts_as_unsafe(noted: Json, effects: tuple[Effect, ...]) -> None:
    turn = after(answer(1, calls=2, effects=noted))
    assert turn.ways == (tuple(Way(effect) for effect in effects),)


def test_of_thirteen_parallel_calls_eight_are_carried_out() -> None:
    turn = after(answer(1, calls=13))
    assert len(turn.wanted()) == PARALLEL_CALLS == 8
    turn = after(*(result(1, index) for index in range(1, 9)), turn=turn)
    (call,) = turn.wanted()
    assert call.key == "t.m2"
    results = [message for message in turn.transcript if isinstance(message, ToolResult)]
    assert [one.is_error for one in results] == [False] * 8 + [True] * 5
    assert {one.call_id for one in results} == {f"c1.{index}" for index in range(1, 14)}
    assert turn.apply(result(1, 9)) == turn


def test_endless_tool_calls_end_in_a_closing_call_and_a_fault() -> None:
    turn = TURN
    for number in range(1, PLAN.limit + 1):
        (call,) = turn.wanted()
        assert isinstance(call, Call)
        assert call.closing == (number == PLAN.limit)
        turn = after(answer(number, calls=1), result(number, 1), turn=turn)
    assert turn.is_over
    assert turn.answer is None
    assert turn.fault is not None
    assert turn.fault.code == "turn_limit"
    assert turn.wanted() == ()


def test_the_closing_answer_ends_it_well() -> None:
    turn = TURN
    for number in range(1, PLAN.limit):
        turn = after(answer(number, calls=1), result(number, 1), turn=turn)
    turn = after(answer(PLAN.limit, "At last"), turn=turn)
    assert turn.answer == Assistant("At last")
    assert TurnPlan(key="t", role="r", recipe={}).limit == DEFAULT_LIMIT


def test_a_fault_of_the_model_ends_it() -> None:
    fault: JsonObject = {"code": "provider_error", "sentence": "Down", "retryable": True}
    turn = after(entry("t.m1", fault=fault))
    assert turn.fault is not None
    assert (turn.fault.code, turn.fault.sentence, turn.fault.retryable) == ("provider_error", "Down", True)
    assert turn.is_over
    assert turn.wanted() == ()


def test_a_fault_of_a_tool_is_told_to_the_model() -> None:
    turn = after(answer(1, calls=1), entry("t.m1.t1", fault={"code": "lost", "sentence": "Gone"}))
    assert turn.transcript[-1] == ToolResult("c1.1", "look_up", "Error: lost: Gone", is_error=True)
    assert turn.wanted()[0].key == "t.m2"


@pytest.mark.parametrize("value", [None, {}, [], "text", {"format": "folkmoot/0"}, {"role": "user"}])
def test_an_answer_that_cannot_be_read_is_a_fault(value: Json) -> None:
    turn = after(entry("t.m1", value=value))
    assert turn.fault is not None
    assert turn.fault.code == "answer_lost"


@pytest.mark.parametrize("value", [None, {}, {"text": 7}, "text"])
def test_a_result_that_cannot_be_read_is_empty(value: Json) -> None:
    turn = after(answer(1, calls=1), entry("t.m1.t1", value=value))
    assert turn.transcript[-1] == ToolResult("c1.1", "look_up", "")


@pytest.mark.parametrize(
    "foreign",
    [
        entry("other.m1", value={}),
        entry("t.m2", value={}),
        entry("t.m1.t1", value={}),
        entry("t.m1.x", value={}),
        entry("t.m", value={}),
        entry("t.m1.t", value={}),
        entry("t.m0", value={}),
        entry("t.m²", value={}),
        entry("t.m1", "intended", tool="look_up"),
        entry("t.m1", "told", author="someone"),
        entry("pause", "controlled", verb="pause"),
    ],
    ids=lambda foreign: f"{foreign.kind} {foreign.key}",
)
def test_what_is_not_its_own_leaves_it_as_it_is(foreign: Entry) -> None:
    assert TURN.apply(foreign) is TURN


def test_an_answer_is_not_taken_before_the_results_of_the_one_before() -> None:
    turn = after(answer(1, calls=1))
    assert turn.apply(answer(2, "Too early")) is turn
    assert turn.apply(result(2, 1)) is turn


def test_nothing_is_taken_in_after_the_end() -> None:
    turn = after(answer(1, "Done"))
    assert turn.apply(answer(2, "More")) is turn
