"""A turn in a room as a pure procedure: attempts, reviews, and who decides first."""

from datetime import UTC, datetime

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.messages import Assistant, message_to_json
from folkmoot.rooms.workflow import MOST_ATTEMPTS, RoomReplyProcedure, Speaking
from folkmoot.runs.journal import End, Entry

PROCEDURE = RoomReplyProcedure()
ASKED: JsonObject = {"room_id": "r", "agent_id": "a", "agent_name": "Ada", "upto": 3, "is_proposal": False}
PROPOSED: JsonObject = {**ASKED, "is_proposal": True}


def begun(asked: JsonObject) -> Speaking:
    return PROCEDURE.begin(Entry(1, datetime(2026, 11, 21, tzinfo=UTC), "begun", "begun", {"input": asked}))


def done(state: Speaking, key: str, value: Json) -> Speaking:
    entry = Entry(2, datetime(2026, 11, 21, tzinfo=UTC), "done", key, {"value": value})
    return PROCEDURE.apply(state, entry)


def said(text: str, output: JsonObject | None = None) -> JsonObject:
    return {**message_to_json(Assistant(text)), "models": ["m"], **({"output": output} if output else {})}


def wanted(state: Speaking) -> list[str]:
    return [action.key for action in PROCEDURE.wanted(state)]


def end(state: Speaking) -> tuple[str, str | None]:
    [action] = PROCEDURE.wanted(state)
    assert isinstance(action, End)
    return action.stop_reason, state.published


def test_a_turn_is_one_answer() -> None:
    state = begun(ASKED)
    assert wanted(state) == ["reply1.m1"]
    assert end(done(state, "reply1.m1", said(" Hello "))) == ("said", "Hello")
    assert end(done(state, "reply1.m1", said("  "))) == ("silent", None)


def test_a_summary_comes_first_and_its_failure_ends_nothing() -> None:
    state = begun({**ASKED, "summarise_upto": 2})
    assert wanted(state) == ["summary.m1"]
    failed: JsonObject = {"fault": {"code": "x", "sentence": "y", "retryable": False}}
    at = datetime(2026, 11, 21, tzinfo=UTC)
    for after in (
        done(state, "summary.m1", said("So far")),
        PROCEDURE.apply(state, Entry(2, at, "done", "summary.m1", failed)),
    ):
        assert wanted(after) == ["reply1.m1"]


def test_a_proposal_is_decided_by_whoever_is_first() -> None:
    state = done(begun({**PROPOSED, "instructor_id": "i"}), "reply1.m1", said("Hello"))
    assert wanted(state) == ["publish1", "review1.m1"]
    by_person = done(state, "publish1", {"decision": "approve"})
    by_agent = done(state, "review1.m1", said("{}", {"publish": True, "reason": ""}))
    for decided in (by_person, by_agent):
        assert end(decided) == ("approved", "Hello")
        assert end(done(decided, "review1.m1", said("{}", {"publish": False, "reason": "No"})))[1] == "Hello"


def test_a_proposal_is_refused_or_has_expired() -> None:
    state = done(begun(PROPOSED), "reply1.m1", said("Hello"))
    assert end(done(state, "publish1", {"decision": "reject"})) == ("rejected", None)
    assert end(done(state, "publish1", {"decision": "expired"})) == ("expired", None)


def test_a_proposal_is_made_anew_so_often_and_no_more() -> None:
    state = begun(PROPOSED)
    for number in range(1, MOST_ATTEMPTS + 1):
        assert wanted(state) == [f"reply{number}.m1"]
        state = done(state, f"reply{number}.m1", said(f"Try {number}"))
        state = done(state, f"publish{number}", {"decision": "reject", "revise": True, "feedback": "Shorter"})
    assert end(state) == ("rejected", None)
    assert state.feedback == ("Shorter",) * (MOST_ATTEMPTS - 1)


def test_what_a_person_stops_is_settled() -> None:
    assert PROCEDURE.settle(begun(ASKED), "cancelled").status == "cancelled"
    assert PROCEDURE.settle(begun(ASKED), "timeout").status == "timeout"
    assert PROCEDURE.settle(begun(ASKED), "call_limit").status == "failed"
