"""Tool calls that wait: for a person's consent or answer, for a child run; and those that are refused at once."""

import pytest

from folkmoot.agents.turn import Turn, TurnPlan
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import Json, JsonObject, dumps
from folkmoot.llm.messages import Assistant, ToolCall, ToolResult, message_to_json
from folkmoot.runs.journal import Ask, Call, Entry, Spawn, Use

CALL = ToolCall("c1", "look_up", {"n": 1})
PLAN = TurnPlan(key="t", role="agent", recipe={}, agent_id="a1", limit_seconds=60)


def entry(key: str, value: JsonObject) -> Entry:
    return Entry(1, now(), "done", key, {"value": value})


def answered(*ways: Json) -> Turn:
    """A turn whose model has called a tool once for every way."""
    calls = tuple(ToolCall(f"c{index}", "look_up", {"n": index}) for index in range(1, len(ways) + 1))
    value: JsonObject = {
        **message_to_json(Assistant("", calls)),
        "effects": ["idempotent"] * len(ways),
        "ways": [*ways],
    }
    return Turn(plan=PLAN).apply(entry("t.m1", value))


def told(turn: Turn) -> ToolResult:
    (result,) = [message for message in turn.transcript if isinstance(message, ToolResult)]
    return result


def test_a_call_that_needs_consent_is_used_after_it() -> None:
    turn = answered({"how": "approve", "risk": "external"})
    (ask,) = turn.wanted()
    assert isinstance(ask, Ask)
    assert (ask.key, ask.group, ask.subject, ask.on_expiry, ask.agent_id) == ("t.m1.t1.ok", "t", "tool", "reject", "a1")
    assert ask.detail == {"tool": "look_up", "arguments": {"n": 1}, "risk": "external"}
    turn = turn.apply(entry("t.m1.t1.ok", {"decision": "approve", "feedback": None}))
    (use,) = turn.wanted()
    assert isinstance(use, Use)
    assert (use.key, use.effect, use.limit_seconds) == ("t.m1.t1", "idempotent", 60)
    turn = turn.apply(entry("t.m1.t1", {"text": "found", "is_error": False}))
    (call,) = turn.wanted()
    assert isinstance(call, Call)
    assert call.key == "t.m2"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"decision": "reject", "feedback": "not now"}, "Error: A person refused this call: not now"),
        ({"decision": "expired", "feedback": None}, "Error: Nobody answered in time"),
        ({}, "Error: A person refused this call"),
    ],
)
def test_a_call_without_consent_is_answered_with_the_reason(value: JsonObject, text: str) -> None:
    turn = answered({"how": "approve"}).apply(entry("t.m1.t1.ok", value))
    assert told(turn) == ToolResult("c1", "look_up", text, is_error=True)
    assert turn.wanted()[0].key == "t.m2"


def test_a_question_is_answered_by_a_person() -> None:
    turn = answered({"how": "ask", "question": "Which of the two?"})
    (ask,) = turn.wanted()
    assert isinstance(ask, Ask)
    assert (ask.key, ask.subject, ask.question) == ("t.m1.t1", "question", "Which of the two?")
    turn = turn.apply(entry("t.m1.t1", {"decision": "approve", "feedback": "The second"}))
    assert told(turn) == ToolResult("c1", "look_up", "The second")


@pytest.mark.parametrize(("status", "is_error"), [("completed", False), ("failed", True)])
def test_a_delegated_call_is_answered_by_its_run(status: str, *, is_error: bool) -> None:
    plan: JsonObject = {"how": "spawn", "kind": "task", "title": "Look", "input": {"task": "x"}, "agent_id": "a2"}
    turn = answered(plan)
    assert turn.wanted() == (
        Spawn(key="t.m1.t1", group="t", kind="task", title="Look", input={"task": "x"}, agent_id="a2"),
    )
    turn = turn.apply(entry("t.m1.t1", {"run_id": "r", "status": status, "result": {"response": "y"}}))
    assert told(turn).text == dumps({"run_id": "r", "status": status, "result": {"response": "y"}})
    assert told(turn).is_error is is_error


def test_a_refused_call_is_answered_without_being_wanted() -> None:
    turn = answered({"how": "refuse", "text": "There is no such agent"}, None)
    (use,) = turn.wanted()
    assert use.key == "t.m1.t2"
    results = [message for message in turn.transcript if isinstance(message, ToolResult)]
    assert results[0] == ToolResult("c1", "look_up", "Error: There is no such agent", is_error=True)


@pytest.mark.parametrize("ways", ["nonsense", {"how": "explode"}, 7, None])
def test_a_way_nobody_knows_is_a_plain_use(ways: Json) -> None:
    (use,) = answered(ways).wanted()
    assert isinstance(use, Use)
