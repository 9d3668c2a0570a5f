"""People in a planned run: a plan is approved, sent back or rejected, and a person may be the reviewer."""

from typing import cast

import pytest

from folkmoot.kernel.json import JsonObject
from folkmoot.runs.journal import Ask, Call, Use
from folkmoot.teams.approvals import MAX_SENT_BACK, PLAN_SECONDS, answer_of, verdict_of
from folkmoot.teams.team import MGX, Consent, Limits, Person
from tests.teams.play import PROCEDURE, Answer, Play, form, person, plan, refold, result_of, team_input, verdict

STRAIGHT = form(plan(("a", ()), ("b", ("a",))))
CAREFUL = MGX.model_copy(update={"approval": Consent(plan=True)})
WATCHED = MGX.model_copy(update={"reviewer": Person()})
APPROVE = form(verdict("approve"))
REVISE = person("reject", "Make it shorter", revise=True)


def played(script: dict[str, Answer]) -> Play:
    return Play(script={"plan.1": STRAIGHT, "r1.review": APPROVE, **script}, given=team_input(CAREFUL))


def test_a_plan_waits_for_a_person_before_anybody_works() -> None:
    play = played({})
    end = play.run()
    assert play.keys[:3] == ["plan.1", "plan.1.approval", "r1.s.a.m1"]
    assert end.stop_reason == "approved"
    asked = asked_of(play, "plan.1.approval")
    assert (asked.subject, asked.expires_seconds, asked.on_expiry, asked.may_revise) == ("plan", 300, "reject", True)
    assert asked.detail["plan"] == STRAIGHT["output"]
    assert [fact.type for fact in play.facts[:3]] == ["analysis_start", "plan_ready", "progress"]


def asked_of(play: Play, key: str) -> Ask:
    """The question that was open before this key was answered."""
    index = [entry.key for entry in play.entries].index(key)
    (asked,) = PROCEDURE.wanted(refold(play.entries[:index]))
    assert isinstance(asked, Ask)
    return asked


@pytest.mark.parametrize(
    ("decision", "stop_reason"),
    [
        (person("reject"), "plan_rejected"),
        (person("expired"), "approval_expired"),
        ({"decision": "not approved"}, "plan_rejected"),
        ({"decision": "APPROVE"}, "plan_rejected"),
        ({}, "plan_rejected"),
    ],
)
def test_anything_but_an_approval_calls_the_run_off(decision: JsonObject, stop_reason: str) -> None:
    play = played({"plan.1.approval": decision})
    end = play.run()
    assert (end.status, end.stop_reason, end.error_code) == ("cancelled", stop_reason, None)
    assert play.keys == ["plan.1", "plan.1.approval"]
    assert "before its plan was approved" in str(result_of(end)["summary"])


def test_a_plan_that_is_sent_back_is_made_anew_from_what_was_said() -> None:
    better = form(plan(("x", ())))
    play = played({"plan.1.approval": REVISE, "plan.2": better})
    assert play.run().stop_reason == "approved"
    assert play.keys[:5] == ["plan.1", "plan.1.approval", "plan.2", "plan.2.approval", "r1.s.x.m1"]
    assert [fact.type for fact in play.facts].count("plan_ready") == 2


def test_a_plan_is_sent_back_three_times_at_most() -> None:
    script: dict[str, Answer] = {f"plan.{number}": STRAIGHT for number in range(1, 9)}
    play = played({**script, **{f"plan.{number}.approval": REVISE for number in range(1, 9)}})
    end = play.run()
    assert (end.status, end.stop_reason) == ("cancelled", "plan_rejected")
    assert len([key for key in play.keys if key.endswith(".approval")]) == MAX_SENT_BACK + 1
    assert not asked_of(play, f"plan.{MAX_SENT_BACK + 1}.approval").may_revise


def test_a_plan_after_a_stall_is_approved_too() -> None:
    stuck: dict[str, Answer] = {f"r{number}.s.{step}.m1": "the same" for number in range(1, 5) for step in "ab"}
    findings = form(verdict("changes_required", "b"))
    reviews: dict[str, Answer] = {f"r{number}.review": findings for number in range(1, 5)}
    play = Play(
        script={"plan.1": STRAIGHT, "plan.2": STRAIGHT, **stuck, **reviews},
        given=team_input(CAREFUL, max_revision_rounds=5),
    )
    assert play.run().stop_reason == "stalled"
    assert "plan.2.approval" in play.keys


def reviewed(script: dict[str, Answer], **limits: object) -> Play:
    return Play(script={"plan.1": STRAIGHT, **script}, given=team_input(WATCHED, **limits))


def test_a_person_reviews() -> None:
    play = reviewed({})
    end = play.run()
    assert (end.status, end.stop_reason) == ("completed", "approved")
    asked = asked_of(play, "r1.review")
    assert (asked.subject, asked.may_revise) == ("review", True)
    assert asked.detail["steps"] == {"a": "Do a", "b": "Do b"}
    roles = cast("JsonObject", cast("JsonObject", result_of(end)["metrics"])["roles"])
    assert "person" not in roles
    assert [fact.speaker for fact in play.progress if fact.current_phase == "review"] == ["A person"]  # type: ignore[attr-defined]


def test_what_a_person_says_becomes_findings() -> None:
    play = reviewed({"r1.review": person("reject", "b: Name the source", revise=True)})
    end = play.run()
    assert end.stop_reason == "approved"
    assert [key for key in play.keys if key.startswith("r2.s.")] == ["r2.s.b.m1"]


@pytest.mark.parametrize(
    ("decision", "status", "stop_reason"),
    [
        (person("reject", "No"), "failed", "rejected"),
        (person("expired"), "cancelled", "approval_expired"),
        (person("not approved"), "failed", "rejected"),
    ],
)
def test_a_person_may_end_the_run(decision: JsonObject, status: str, stop_reason: str) -> None:
    end = reviewed({"r1.review": decision}).run()
    assert (end.status, end.stop_reason) == (status, stop_reason)
    assert result_of(end)["artifacts"]


def test_a_person_who_always_asks_for_changes_gets_no_approval() -> None:
    play = reviewed({f"r{number}.review": REVISE for number in range(1, 9)})
    end = play.run()
    assert (end.status, end.stop_reason) == ("failed", "not_approved")
    assert result_of(end)["artifacts"]


@pytest.mark.parametrize(
    ("feedback", "found"),
    [
        ("a: too long\n- b: no source", {"a": "too long", "b": "no source"}),
        ("Make it shorter", {"a": "Make it shorter", "b": "Make it shorter"}),
        ("b: no source\nand shorter", {"b": "no source\nand shorter", "a": "and shorter"}),
        ("Note: nothing is called so", dict.fromkeys("ab", "Note: nothing is called so")),
        ("", dict.fromkeys("ab", "The reviewer asked for changes without saying which")),
        (None, dict.fromkeys("ab", "The reviewer asked for changes without saying which")),
    ],
)
def test_findings_are_read_off_the_feedback(feedback: str | None, found: dict[str, str]) -> None:
    made = verdict_of(person("reject", feedback, revise=True), ["a", "b"])
    assert made is not None
    assert made.decision == "changes_required"
    assert {finding.step_id: finding.note for finding in made.findings} == found
    assert all(finding.must_fix for finding in made.findings)


@pytest.mark.parametrize("value", [None, [], "approve", 1, {"decision": None}, {"decision": "approved"}])
def test_what_cannot_be_read_is_no_approval(value: object) -> None:
    assert answer_of(value)[0] == "reject"  # type: ignore[arg-type]


def test_plans_wait_five_minutes() -> None:
    assert PLAN_SECONDS == 300


def test_a_step_has_its_limit_in_every_call_and_use() -> None:
    limited = MGX.model_copy(update={"limits": Limits(step_timeout_seconds=60)})
    play = Play(script={"plan.1": STRAIGHT, "r1.review": APPROVE}, given=team_input(limited))
    play.run()
    for length in range(1, len(play.entries) - 1):
        for action in PROCEDURE.wanted(refold(play.entries[:length])):
            assert isinstance(action, Call | Use)
            assert action.limit_seconds == 60
