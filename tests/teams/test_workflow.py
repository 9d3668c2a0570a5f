"""Runs of a team, played from scripts: what is asked when, when it stops, and what is kept."""

import os
import random
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.kernel.json import JsonObject
from folkmoot.runs.events import Progress
from folkmoot.runs.journal import End, Entry, Fault, Settlement
from folkmoot.runs.timeline import without_fatal_faults
from folkmoot.teams.answers import ABSTAINED
from folkmoot.teams.team import MGX
from tests.teams.play import (
    AT,
    PROCEDURE,
    Answer,
    Due,
    Play,
    calls,
    form,
    plan,
    refold,
    result_of,
    team_input,
    verdict,
    wanted_keys,
)

DIAMOND = plan(("a", ()), ("b", ("a",)), ("c", ("a",)), ("t", ("b", "c")))
APPROVE = form(verdict("approve"))
ABSTENTION: JsonObject = {"output": None, ABSTAINED: "unreadable"}


def played(script: dict[str, Answer], **limits: object) -> Play:
    return Play(script={"plan.1": form(DIAMOND), **script}, given=team_input(**limits))


def changes(*named: str) -> JsonObject:
    return form(verdict("changes_required", *named))


def test_the_main_job() -> None:
    play = played({"r1.review": APPROVE})
    end = play.run()
    assert play.keys == ["plan.1", "r1.s.a.m1", "r1.s.b.m1", "r1.s.c.m1", "r1.s.t.m1", "r1.review", "summary"]
    assert ("r1.s.b.m1", "r1.s.c.m1") in play.groups
    assert (end.status, end.stop_reason, end.error_code) == ("completed", "approved", None)
    result = result_of(end)
    assert result["summary"] == "All is done."
    assert result["deliverables"] == ["a.md"]
    artifacts = cast("list[JsonObject]", result["artifacts"])
    assert [(item["name"], item["version"]) for item in artifacts] == [
        ("a.md", 1),
        ("b.md", 1),
        ("c.md", 1),
        ("t.md", 1),
    ]
    assert (result["rounds"], result["revisions"]) == (1, 0)


def test_metrics_add_up() -> None:
    play = played({"r1.review": changes("t"), "r2.review": APPROVE})
    metrics = cast("JsonObject", result_of(play.run())["metrics"])
    assert metrics["model_calls"] == 9
    assert metrics["input_tokens"] == 90
    assert metrics["cost_usd"] == "0.009"
    assert {name: phase["model_calls"] for name, phase in cast("dict[str, JsonObject]", metrics["phases"]).items()} == {
        "plan": 1,
        "review": 2,
        "summary": 1,
        "work": 5,
    }
    assert {name: role["model_calls"] for name, role in cast("dict[str, JsonObject]", metrics["roles"]).items()} == {
        "engineer": 3,
        "reviewer": 2,
        "team_leader": 2,
        "tester": 2,
    }
    assert (metrics["rounds"], metrics["revisions"], metrics["stop_reason"]) == (2, 1, "approved")


def test_only_named_steps_and_their_dependants_run_again() -> None:
    play = played({"r1.review": changes("c"), "r2.review": APPROVE})
    end = play.run()
    assert [key for key in play.keys if key.startswith("r2.s.")] == ["r2.s.c.m1", "r2.s.t.m1"]
    result = result_of(end)
    assert {item["name"]: item["version"] for item in cast("list[JsonObject]", result["artifacts"])} == {
        "a.md": 1,
        "b.md": 1,
        "c.md": 2,
        "t.md": 2,
    }
    assert (result["rounds"], result["revisions"]) == (2, 1)


def test_the_same_text_is_no_new_version() -> None:
    play = played({"r1.s.t.m1": "same", "r2.s.t.m1": "same", "r1.review": changes("t"), "r2.review": APPROVE})
    artifacts = cast("list[JsonObject]", result_of(play.run())["artifacts"])
    assert [item["version"] for item in artifacts if item["name"] == "t.md"] == [1]


def test_an_approval_with_something_to_fix_is_a_revision() -> None:
    play = played({"r1.review": form(verdict("approve", "t")), "r2.review": APPROVE})
    assert play.run().stop_reason == "approved"
    assert "r2.s.t.m1" in play.keys


@pytest.mark.parametrize(
    ("script", "limits", "stop_reason", "rounds"),
    [
        ({"r1.review": form(verdict("reject"))}, {}, "rejected", 1),
        ({"r1.review": changes("a")}, {"max_revision_rounds": 0}, "not_approved", 1),
        ({"r1.review": changes("a"), "r2.review": changes("a")}, {"max_revision_rounds": 1}, "not_approved", 2),
        ({"r1.review": changes("a"), "r2.review": changes("a")}, {"max_rounds": 2}, "not_approved", 2),
        ({"plan.1": form(plan(("a", ()), complexity="XS")), "r1.review": changes("a")}, {}, "not_approved", 1),
        ({"r1.review": ABSTENTION, "r2.review": ABSTENTION, "r3.review": ABSTENTION}, {}, "not_approved", 3),
    ],
)
def test_what_is_not_approved_fails_and_keeps_its_results(
    script: dict[str, Answer], limits: dict[str, object], stop_reason: str, rounds: int
) -> None:
    play = played(script, **limits)
    end = play.run()
    assert (end.status, end.stop_reason, end.error_code) == ("failed", stop_reason, stop_reason)
    assert end.error_message
    assert play.keys[-1] == "summary"
    result = result_of(end)
    assert result["rounds"] == rounds
    assert result["artifacts"]
    assert cast("JsonObject", result["metrics"])["stop_reason"] == stop_reason


def test_an_unreadable_verdict_asks_for_another_and_repeats_no_step() -> None:
    play = played({"r1.review": ABSTENTION, "r2.review": APPROVE})
    assert play.run().stop_reason == "approved"
    assert [key for key in play.keys if key.startswith("r2.")] == ["r2.review"]


STUCK: dict[str, Answer] = {
    **{f"r{number}.s.{step}.m1": f"the same {step}" for number in range(1, 9) for step in "abct"},
    **{f"r{number}.review": changes("t") for number in range(1, 9)},
}


def test_a_stall_is_planned_anew_once_and_then_stops() -> None:
    play = played({**STUCK, "plan.2": form(DIAMOND)}, max_revision_rounds=5)
    end = play.run()
    assert (end.status, end.stop_reason) == ("failed", "stalled")
    assert play.keys.count("plan.2") == 1
    assert [key for key in play.keys if key.startswith("r3.s.")] == [f"r3.s.{step}.m1" for step in "abct"]
    assert result_of(end)["rounds"] == 3


def test_another_plan_may_get_out_of_a_stall() -> None:
    better = plan(("x", ()))
    play = played({**STUCK, "plan.2": form(better), "r3.review": APPROVE}, max_revision_rounds=5)
    end = play.run()
    assert end.stop_reason == "approved"
    assert (result_of(end)["rounds"], result_of(end)["revisions"]) == (3, 1)
    assert "x.md" in [item["name"] for item in cast("list[JsonObject]", result_of(end)["artifacts"])]


def test_changed_work_under_the_same_findings_is_no_stall() -> None:
    moving = {key: answer for key, answer in STUCK.items() if ".s.t." not in key}
    play = played(moving, max_revision_rounds=5)
    assert play.run().stop_reason == "not_approved"
    assert "plan.2" not in play.keys


def test_without_a_reviewer_what_is_delivered_is_complete() -> None:
    team = MGX.model_copy(update={"reviewer": None})
    play = Play(script={"plan.1": form(DIAMOND)}, given=team_input(team))
    end = play.run()
    assert (end.status, end.stop_reason) == ("completed", "delivered")
    assert play.keys[-2:] == ["r1.s.t.m1", "summary"]


def test_an_invalid_plan_ends_the_run() -> None:
    end = played({"plan.1": Fault(code="invalid_plan", sentence="no plan")}).run()
    assert (end.status, end.stop_reason, end.error_code, end.error_message) == (
        "failed",
        "invalid_plan",
        "invalid_plan",
        "no plan",
    )
    assert result_of(end)["artifacts"] == []


@pytest.mark.parametrize("key", ["r1.s.b.m1", "r1.review"])
def test_a_lasting_fault_ends_the_run_with_its_code_and_what_was_made(key: str) -> None:
    play = played({key: Fault(code="provider_error", sentence="It answered 500")})
    end = play.run()
    assert (end.status, end.error_code, end.error_message) == ("failed", "provider_error", "It answered 500")
    names = [item["name"] for item in cast("list[JsonObject]", result_of(end)["artifacts"])]
    assert "a.md" in names
    assert "b.md" not in names or key == "r1.review"
    assert cast("JsonObject", result_of(end)["metrics"])["input_tokens"] == 10 * len(play.keys)


@pytest.mark.parametrize("answer", [Fault(code="provider_error", sentence="500"), {"output": None, ABSTAINED: "x"}])
def test_a_summary_nobody_gave_is_made_out_of_the_journal(answer: Answer) -> None:
    end = played({"r1.review": APPROVE, "summary": answer}).run()
    assert end.status == "completed"
    result = result_of(end)
    assert "Done 4 of 4 steps" in cast("str", result["summary"])
    assert result["deliverables"] == ["a.md: Do a", "b.md: Do b", "c.md: Do c", "t.md: Do t"]


def test_tools_are_used_within_a_step() -> None:
    play = played({"r1.s.a.m1": calls("search_knowledge", "search_knowledge"), "r1.review": APPROVE})
    assert play.run().status == "completed"
    assert ("r1.s.a.m1.t1", "r1.s.a.m1.t2") in play.groups
    assert "r1.s.a.m2" in play.keys


def test_endless_tool_calls_end_the_run() -> None:
    endless: dict[str, Answer] = {f"r1.s.a.m{number}": calls("search_knowledge") for number in range(1, 20)}
    play = played(endless)
    end = play.run()
    assert (end.status, end.error_code) == ("failed", "turn_limit")


def test_facts_tell_the_story_and_progress_never_falls() -> None:
    play = played({"r1.review": changes("c"), "r2.review": APPROVE})
    play.run()
    assert [fact.type for fact in play.facts[:3]] == ["analysis_start", "plan_ready", "progress"]
    progress = [fact for fact in play.facts if isinstance(fact, Progress)]
    assert [fact.current_phase for fact in progress] == [
        "plan",
        *["work"] * 4,
        "review",
        *["work"] * 2,
        "review",
        "summary",
    ]
    percents = [fact.progress_percent for fact in progress]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert [fact.step for fact in progress] == [0, 1, 2, 3, 4, 2, 3, 4, 4, 4]
    assert {fact.total_steps for fact in progress} == {4}
    assert [fact.speaker for fact in progress][:2] == ["Mike", "Alex"]
    assert progress[-1].tokens == 15 * len(play.keys)


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("cancelled", "cancelled", None),
        ("stopped", "cancelled", None),
        ("plan_rejected", "cancelled", None),
        ("timeout", "timeout", "timeout"),
        ("call_limit", "failed", "call_limit"),
        ("budget", "failed", "budget_exhausted"),
    ],
)
def test_a_run_that_must_end_keeps_its_results_wherever_it_stands(
    reason: Settlement, status: str, code: str | None
) -> None:
    play = played({"r1.review": changes("c"), "r2.review": APPROVE})
    play.run()
    for length in range(1, len(play.keys)):
        end = PROCEDURE.settle(refold(play.entries[:length]), reason)
        stop_reason = "budget_exhausted" if reason == "budget" else reason
        assert (end.status, end.stop_reason, end.error_code) == (status, stop_reason, code)
        made = {key.split(".")[2] for key in play.keys[: length - 1] if ".s." in key}
        assert {item["name"] for item in cast("list[JsonObject]", result_of(end)["artifacts"])} == {
            f"{step}.md" for step in made
        }


def test_work_that_was_approved_completes_even_without_a_call_left_for_its_summary() -> None:
    play = played({"r1.review": APPROVE})
    play.run()
    end = PROCEDURE.settle(
        refold([entry for entry in play.entries if entry.key not in ("summary", "end")]), "call_limit"
    )
    assert (end.status, end.stop_reason) == ("completed", "approved")


CLOSING = Entry(90, AT, "controlled", "budget", {"verb": "close"})


def test_a_used_up_budget_leaves_a_summary_of_what_there_is() -> None:
    play = played({"r1.review": changes("c"), "r2.review": APPROVE})
    play.run()
    asked = len(play.keys)
    for length in range(1, asked):
        before = refold(play.entries[:length])
        state = PROCEDURE.apply(before, CLOSING)
        if not any(".s." in key for key in play.keys[: length - 1]):
            assert state == before, "nothing is there to sum up"
            continue
        assert wanted_keys(state) == ["summary"]
        late = PROCEDURE.apply(state, play.entries[length])
        assert play.entries[length].key == "summary" or late == state, "what comes of a call after that is not taken"
        end = PROCEDURE.settle(state, "budget")
        assert (end.status, end.stop_reason, end.error_code) == ("failed", "budget_exhausted", "budget_exhausted")
        summary = Entry(91, AT, "done", "summary", {"value": form({"summary": "Half of it."})})
        (last,) = PROCEDURE.wanted(PROCEDURE.apply(state, summary))
        assert isinstance(last, End)
        assert (last.stop_reason, result_of(last)["summary"]) == ("budget_exhausted", "Half of it.")
        assert result_of(last)["artifacts"] == result_of(end)["artifacts"]


def test_a_run_that_was_stopped_already_is_not_closed() -> None:
    play = played({"r1.review": APPROVE})
    play.run()
    state = refold(play.entries[:-2])
    assert PROCEDURE.apply(state, CLOSING) == state
    assert PROCEDURE.settle(state, "budget").stop_reason == "approved"


def test_a_retry_knows_nothing_of_a_used_up_budget() -> None:
    play = played({"r1.review": APPROVE})
    play.run()
    summary = Entry(91, AT, "done", "summary", {"value": form({"summary": "Half of it."})})
    ended = Entry(92, AT, "ended", "end", {"status": "failed"})
    kept = without_fatal_faults(PROCEDURE, [*play.entries[:4], CLOSING, summary, ended])
    assert kept == play.entries[:4]


ANYTHING = st.sampled_from([
    "plan.1", "plan.2", "plan.x", "r1.s.a.m1", "r1.s.a.m2", "r1.s.a.m1.t1", "r1.s.t.m1", "r1.s.zz.m1", "r1.s.a",
    "r2.s.a.m1", "r1.review", "r2.review", "rx.review", "summary", "end", "", "....", "r1.s.a.mx",
    "budget",
])  # fmt: skip
KINDS = st.sampled_from(["begun", "intended", "done", "waiting", "told", "controlled"])
DATA = st.sampled_from(
    [
        {},
        {"value": None},
        {"value": {}},
        {"value": {"output": {"steps": []}}},
        {"value": {"output": []}},
        {"fault": None},
        {"fault": {"code": "x", "sentence": "y"}},
        {"value": form(DIAMOND)},
        {"value": APPROVE},
    ]
)


@given(st.lists(st.tuples(KINDS, ANYTHING, DATA), max_size=6), st.integers(1, 9))
def test_apply_is_total(noise: list[tuple[str, str, JsonObject]], length: int) -> None:
    play = played({"r1.review": changes("c"), "r2.review": APPROVE})
    play.run()
    state = refold(play.entries[:length])
    for kind, key, data in noise:
        if kind == "done" and ".m" in key and "value" in data:
            continue  # a step's answer was validated before it was journalled
        state = PROCEDURE.apply(state, Entry(99, AT, kind, key, data))  # type: ignore[arg-type]
        assert wanted_keys(state)


def test_a_crash_at_any_append_changes_nothing() -> None:
    script: dict[str, Answer] = {
        "r1.s.a.m1": calls("search_knowledge"),
        **{key: answer for key, answer in STUCK.items() if ".s.a." not in key},
        "plan.2": form(plan(("x", ()), ("y", ()))),
        "r3.review": changes("y"),
        "r4.review": APPROVE,
    }
    play = played(script, max_revision_rounds=5)
    play.run()
    for length in range(1, len(play.entries)):
        again = refold(play.entries[:length])
        assert play.entries[length].key in wanted_keys(again)
        assert again == refold(play.entries[:length])


@settings(max_examples=8 if not os.environ.get("CI") else 20)
@given(st.integers(0, 2**32), st.lists(st.sets(st.integers(0, 6), max_size=3), min_size=1, max_size=7))
def test_the_order_in_which_answers_come_decides_nothing(seed: int, needs: list[set[int]]) -> None:
    steps = [
        (f"s{number}", tuple(f"s{other}" for other in sorted(wanted) if other < number))
        for number, wanted in enumerate(needs)
    ]
    script: dict[str, Answer] = {
        "plan.1": form(plan(*steps)),
        "r1.s.s0.m1": calls("search_knowledge", "search_knowledge"),
        "r1.review": changes("s0"),
        "r2.review": APPROVE,
    }
    chance = random.Random(seed)

    def any_of(due: tuple[Due, ...]) -> Due:
        return chance.choice(due)

    straight, shuffled = Play(script=script), Play(script=script, pick=any_of)
    assert straight.run() == shuffled.run()
    assert sorted(straight.keys) == sorted(shuffled.keys)
    assert refold(straight.entries) == refold(shuffled.entries)
