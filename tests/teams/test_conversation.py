"""Conversations, played from scripts: who speaks when, what ends them, and what is kept."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.kernel.json import JsonObject
from folkmoot.runs.events import Progress
from folkmoot.runs.journal import Ask, Call, End, Entry, Fault, Settlement, Spawn
from folkmoot.teams.answers import ABSTAINED
from folkmoot.teams.conversation.rules import Choice, check_choice, fallback, others
from folkmoot.teams.team import MGX, Limits, Orchestration, Person, Team
from tests.teams.play import (
    AT,
    PROCEDURE,
    Answer,
    Play,
    calls_with,
    form,
    person,
    refold,
    result_of,
    said,
    team_input,
    verdict,
    wanted_keys,
)

LEAD, ENGINEER, TESTER = "team_leader", "engineer", "tester"
APPROVE = form(verdict("approve"))
ABSTENTION: JsonObject = {"output": None, ABSTAINED: "unreadable"}


def team(orchestration: Orchestration, *, is_reviewed: bool = False, **limits: int) -> Team:
    changes = {"orchestration": orchestration, "limits": Limits(**limits)}
    return MGX.model_copy(update=changes if is_reviewed else {**changes, "reviewer": None})


def played(who: Team, script: dict[str, Answer], **given: object) -> Play:
    return Play(script=script, given=team_input(who, **given))


def choice(following: str | None, *, finish: bool = False) -> JsonObject:
    return form({"next": following, "finish": finish, "reason": ""})


def handing(to: str, text: str = "") -> JsonObject:
    return calls_with({"how": "handoff", "to": to, "message": "Your part"}, text=text)


def spawning(*tasks: str) -> JsonObject:
    ways: list[JsonObject] = [
        {"how": "spawn", "kind": "task", "title": task, "input": {"text": task}} for task in tasks
    ]
    return calls_with(*ways)


def order(play: Play) -> list[str]:
    return cast("list[str]", result_of(play.run())["order"])


def test_in_rounds_everybody_speaks_until_all_are_content() -> None:
    play = played(team("round_robin"), {"t1.m1": "Not yet", "t2.m1": "Hm"})
    assert order(play) == [LEAD, ENGINEER, TESTER, LEAD, ENGINEER, TESTER]
    assert play.keys[-1] == "summary"


def test_rounds_come_to_an_end_whoever_is_not_content() -> None:
    endless: dict[str, Answer] = {f"t{number}.m1": "More" for number in range(1, 99)}
    play = played(team("round_robin"), endless, max_rounds=2)
    end = play.run()
    assert (end.status, end.stop_reason) == ("completed", "delivered")
    assert result_of(end)["turns"] == 6
    play = played(team("round_robin", max_turns=4), endless)
    assert len(order(play)) == 4


def test_a_moderator_says_who_speaks_and_when_it_is_enough() -> None:
    play = played(
        team("selector"),
        {"c1": choice(TESTER), "c2": choice(ENGINEER), "c3": choice(TESTER), "c4": choice(None, finish=True)},
    )
    assert order(play) == [TESTER, ENGINEER, TESTER]
    assert play.keys == ["c1", "t1.m1", "c2", "t2.m1", "c3", "t3.m1", "c4", "summary"]


@pytest.mark.parametrize(
    "broken",
    [ABSTENTION, choice("nobody"), choice(None), choice(LEAD), choice(None, finish=True), {"output": {"finish": 7}}],
)
def test_without_a_choice_one_can_follow_the_word_goes_round(broken: JsonObject) -> None:
    script: dict[str, Answer] = {f"c{number}": broken for number in range(1, 20)}
    script["c4"] = choice(None, finish=True)
    if broken.get("output") == {"next": None, "finish": True, "reason": ""}:
        script["c2"] = choice("nobody")  # it cannot be enough before anybody has spoken
        script["c3"] = choice("nobody")
    assert order(played(team("selector"), script)) == [ENGINEER, TESTER, ENGINEER]


def test_nobody_is_chosen_twice_running() -> None:
    script: dict[str, Answer] = {f"c{number}": choice(ENGINEER) for number in range(1, 20)}
    assert order(played(team("selector", max_turns=4), script)) == [ENGINEER, TESTER, ENGINEER, TESTER]


def test_a_moderator_whose_model_fails_ends_the_run() -> None:
    end = played(team("selector"), {"c1": Fault(code="provider_error", sentence="500")}).run()
    assert (end.status, end.error_code) == ("failed", "provider_error")


def test_the_word_is_handed_on_until_somebody_answers() -> None:
    play = played(team("handoff"), {"t1.m1": handing(TESTER), "t2.m1": handing(ENGINEER, "Half of it")})
    assert order(play) == [LEAD, TESTER, ENGINEER]
    assert play.keys == ["t1.m1", "t2.m1", "t3.m1", "summary"]
    artifacts = cast("list[JsonObject]", result_of(Play(play.script, play.given).run())["artifacts"])
    assert [item["name"] for item in artifacts] == ["tester.md", "engineer.md"]


def test_a_refused_handoff_is_told_and_the_turn_goes_on() -> None:
    refused = calls_with({"how": "refuse", "text": "Nobody of that name can go on"})
    play = played(team("handoff"), {"t1.m1": refused})
    assert order(play) == [LEAD]
    assert play.keys == ["t1.m1", "t1.m2", "summary"]


def test_endless_handing_on_comes_to_an_end() -> None:
    endless: dict[str, Answer] = {
        f"t{number}.m1": handing(ENGINEER if number % 2 else TESTER) for number in range(1, 99)
    }
    play = played(team("handoff", max_turns=7), endless)
    assert len(order(play)) == 7


def test_a_supervisor_hands_out_work_and_gives_the_result() -> None:
    play = played(team("supervisor"), {"t1.m1": spawning("one", "two")})
    end = play.run()
    assert ("t1.m1.t1", "t1.m1.t2") in play.groups
    assert play.keys == ["t1.m1", "t1.m1.t1", "t1.m1.t2", "t1.m2", "summary"]
    assert result_of(end)["order"] == [LEAD]
    children = PROCEDURE.wanted(refold(play.entries[:2]))
    assert [child.input for child in children if isinstance(child, Spawn)] == [{"text": "one"}, {"text": "two"}]


def test_a_child_that_fails_is_told_and_ends_nothing() -> None:
    gone: JsonObject = {"run_id": "r", "status": "failed", "result": None, "error": {"code": "x", "sentence": "y"}}
    play = played(team("supervisor"), {"t1.m1": spawning("one"), "t1.m1.t1": gone})
    assert play.run().stop_reason == "delivered"


REVIEWED: list[Orchestration] = ["round_robin", "handoff", "supervisor"]


@pytest.mark.parametrize("orchestration", REVIEWED)
def test_the_reviewer_has_the_last_word(orchestration: Orchestration) -> None:
    who = team(orchestration, is_reviewed=True)
    findings = form(verdict("changes_required", LEAD))
    end = played(who, {"v1": findings, "v2": APPROVE}).run()
    assert (end.status, end.stop_reason) == ("completed", "approved")
    assert (result_of(end)["revisions"], result_of(end)["rounds"]) == (1, 2)
    end = played(who, {"v1": form(verdict("reject"))}).run()
    assert (end.status, end.stop_reason) == ("failed", "rejected")
    assert result_of(end)["artifacts"]


@pytest.mark.parametrize("orchestration", REVIEWED)
def test_a_reviewer_who_always_asks_for_changes_ends_it_with_results(orchestration: Orchestration) -> None:
    always: dict[str, Answer] = {f"v{number}": form(verdict("changes_required", LEAD)) for number in range(1, 9)}
    end = played(team(orchestration, is_reviewed=True), always).run()
    assert (end.status, end.stop_reason, end.error_code) == ("failed", "not_approved", "not_approved")
    assert result_of(end)["artifacts"]


def test_a_conversation_in_circles_stops() -> None:
    script: dict[str, Answer] = {f"v{number}": form(verdict("changes_required", LEAD)) for number in range(1, 9)}
    script |= {f"t{number}.m1": said("The same", finish=True) for number in range(1, 99)}
    end = played(team("round_robin", is_reviewed=True), script, max_revision_rounds=5).run()
    assert (end.status, end.stop_reason) == ("failed", "stalled")


def test_a_verdict_nobody_can_read_never_approves() -> None:
    script: dict[str, Answer] = {f"v{number}": ABSTENTION for number in range(1, 9)}
    play = played(team("handoff", is_reviewed=True), script)
    assert play.run().stop_reason == "not_approved"
    assert [key for key in play.keys if key[0] == "t"] == ["t1.m1"]


def test_an_approval_with_something_to_fix_is_none() -> None:
    play = played(team("handoff", is_reviewed=True), {"v1": form(verdict("approve", LEAD)), "v2": APPROVE})
    assert order(play) == [LEAD, LEAD]


def test_a_person_may_review_a_conversation() -> None:
    watched = team("handoff").model_copy(update={"reviewer": Person()})
    play = played(watched, {"v1": person("reject", "Shorter", revise=True)})
    assert play.run().stop_reason == "approved"
    (asked,) = PROCEDURE.wanted(refold(play.entries[:2]))
    assert isinstance(asked, Ask)
    assert asked.subject == "review"
    end = played(watched, {"v1": person("expired")}).run()
    assert (end.status, end.stop_reason) == ("cancelled", "approval_expired")


def test_facts_tell_who_spoke_and_progress_never_falls() -> None:
    play = played(team("handoff", is_reviewed=True), {"t1.m1": handing(TESTER), "v1": APPROVE})
    play.run()
    assert play.facts[0].type == "analysis_start"
    told = [fact for fact in play.facts if isinstance(fact, Progress)]
    assert [(fact.speaker, fact.current_phase) for fact in told] == [
        ("Mike", "work"),
        ("Bob", "work"),
        ("Charlie", "review"),
        ("Mike", "summary"),
    ]
    percents = [fact.progress_percent for fact in told]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_metrics_add_up_per_role_and_phase() -> None:
    play = played(
        team("selector", is_reviewed=True), {"c1": choice(TESTER), "c2": choice(None, finish=True), "v1": APPROVE}
    )
    metrics = cast("JsonObject", result_of(play.run())["metrics"])
    phases = cast("dict[str, JsonObject]", metrics["phases"])
    assert {name: phase["model_calls"] for name, phase in phases.items()} == {
        "choice": 2,
        "review": 1,
        "summary": 1,
        "work": 1,
    }
    assert metrics["model_calls"] == len(play.keys)


@pytest.mark.parametrize(
    ("reason", "status", "stop_reason"),
    [
        ("cancelled", "cancelled", "cancelled"),
        ("timeout", "timeout", "timeout"),
        ("call_limit", "failed", "call_limit"),
        ("budget", "failed", "budget_exhausted"),
    ],
)
def test_a_conversation_that_must_end_keeps_what_was_said(reason: Settlement, status: str, stop_reason: str) -> None:
    play = played(team("round_robin", is_reviewed=True), {"v1": APPROVE})
    play.run()
    for length in range(1, 4):
        end = PROCEDURE.settle(refold(play.entries[:length]), reason)
        assert (end.status, end.stop_reason) == (status, stop_reason)
        assert len(cast("list[JsonObject]", result_of(end)["artifacts"])) == length - 1


@pytest.mark.parametrize("orchestration", ["round_robin", "selector", "handoff", "supervisor"])
def test_a_used_up_budget_leaves_a_summary_of_what_was_said(orchestration: Orchestration) -> None:
    closing = Entry(90, AT, "controlled", "budget", {"verb": "close"})
    play = played(team(orchestration, is_reviewed=True), BUSY)
    play.run()
    closed = 0
    for length in range(1, len(play.entries)):
        before = refold(play.entries[:length])
        state = PROCEDURE.apply(before, closing)
        if state == before:
            continue
        closed += 1
        assert wanted_keys(state) == ["summary"]
        summary = Entry(91, AT, "done", "summary", {"value": form({"summary": "Half of it."})})
        (end,) = PROCEDURE.wanted(PROCEDURE.apply(state, summary))
        assert isinstance(end, End)
        assert (end.status, end.stop_reason) == ("failed", "budget_exhausted")
        result = result_of(end)
        assert result["summary"] == "Half of it."
        assert result["revisions"] == sum(entry.key.startswith("v") for entry in play.entries[:length])
    assert closed, "somebody had spoken"


BUSY: dict[str, Answer] = {
    "t1.m1": spawning("one", "two"),
    "t2.m1": spawning("three"),
    "c1": choice(TESTER),
    "c2": ABSTENTION,
    "c3": choice(None, finish=True),
    "v1": form(verdict("changes_required", LEAD)),
    "v2": APPROVE,
}


@pytest.mark.parametrize("orchestration", ["round_robin", "selector", "handoff", "supervisor"])
def test_a_crash_at_any_append_changes_nothing(orchestration: Orchestration) -> None:
    play = played(team(orchestration, is_reviewed=True), BUSY)
    play.run()
    for length in range(1, len(play.entries)):
        again = refold(play.entries[:length])
        assert play.entries[length].key in wanted_keys(again)
        assert again == refold(play.entries[:length])


KEYS = st.sampled_from(
    ["t1.m1", "t1.m2", "t1.m1.t1", "t2.m1", "t1", "c1", "c2", "v1", "v2", "vx", "summary", "", "t", "c", "budget"]
)
KINDS = st.sampled_from(["begun", "intended", "done", "waiting", "told", "controlled"])
DATA = st.sampled_from(
    [
        {},
        {"value": None},
        {"value": {}},
        {"value": {"output": []}},
        {"value": {"output": {"next": 3}}},
        {"value": handing("nobody")},
        {"value": {"ways": [3, {"how": "handoff"}]}},
        {"fault": None},
        {"fault": {"code": "x", "sentence": "y"}},
    ]
)


@pytest.mark.parametrize("orchestration", ["round_robin", "selector", "handoff", "supervisor"])
@given(noise=st.lists(st.tuples(KINDS, KEYS, DATA), max_size=6), length=st.integers(1, 9))
def test_apply_is_total(orchestration: Orchestration, noise: list[tuple[str, str, JsonObject]], length: int) -> None:
    play = played(team(orchestration, is_reviewed=True), BUSY)
    play.run()
    state = refold(play.entries[:length])
    for kind, key, data in noise:
        state = PROCEDURE.apply(state, Entry(99, AT, kind, key, data))  # type: ignore[arg-type]
        assert wanted_keys(state) or length >= len(play.entries)


def test_who_may_speak_next() -> None:
    assert others(["a", "b"], "a") == ["b"]
    assert others(["a"], "a") == ["a"]
    assert fallback(["a", "b", "c"], []) == "a"
    assert fallback(["a", "b", "c"], ["a"]) == "b"
    assert fallback(["a", "b"], ["b", "b", "a"]) == "b"
    check_choice(Choice(next="b"), ["a", "b"], "a")
    check_choice(Choice(finish=True), ["a", "b"], "a")
    with pytest.raises(ValueError, match="a cannot speak next; b can"):
        check_choice(Choice(next="a"), ["a", "b"], "a")


def test_a_statement_carries_its_agent() -> None:
    seat = MGX.lead.model_copy(update={"agent_id": "agent-1", "max_tokens": 100})
    led = team("handoff").model_copy(update={"lead": seat})
    (call,) = PROCEDURE.wanted(refold(begun(led)))
    assert isinstance(call, Call)
    assert (call.agent_id, call.max_tokens) == ("agent-1", 100)


def begun(who: Team) -> list[Entry]:
    return [Entry(1, AT, "begun", "begun", {"input": team_input(who)})]
