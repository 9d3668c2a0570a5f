"""The judgement of a team, whole tables of it."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from folkmoot.teams.rules import (
    Finding,
    Plan,
    Standing,
    Step,
    Summary,
    Verdict,
    after_review,
    check_plan,
    check_verdict,
    content_hash,
    decision_of,
    fingerprint,
    in_order,
    round_limit,
    steps_again,
)
from folkmoot.teams.team import BUILT_IN, MGX

ROLES = ("engineer", "tester")


def step(step_id: str, *depends_on: str, role: str = "engineer") -> Step:
    return Step(id=step_id, title=f"Do {step_id}", role=role, depends_on=depends_on, acceptance=f"{step_id} is there")


def plan(*steps: Step) -> Plan:
    return Plan(complexity="M", steps=steps)


def finding(step_id: str, *, must_fix: bool = True, note: str = "wrong") -> Finding:
    return Finding(step_id=step_id, severity="high", note=note, must_fix=must_fix)


def verdict(decision: Any, *findings: Finding) -> Verdict:
    return Verdict(decision=decision, findings=findings, confidence=0.8)


def standing(**changes: Any) -> Standing:
    known = {
        "rounds": 1,
        "round_limit": 3,
        "revisions": 0,
        "max_revisions": 2,
        "is_stalled": False,
        "has_replanned": False,
    }
    return Standing(**{**known, **changes})


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (Verdict, {"decision": "approve", "confidence": 871}),
        (Verdict, {"decision": "approve", "confidence": -0.1}),
        (Verdict, {"decision": "approve", "confidence": float("nan")}),
        (Verdict, {"decision": "not approved", "confidence": 0.5}),
        (Verdict, {"decision": "approved", "confidence": 0.5}),
        (Verdict, {"decision": "approve"}),
        (Plan, {"complexity": "XXL", "steps": [step("a").model_dump()]}),
        (Plan, {"complexity": "S", "steps": []}),
        (Plan, {"complexity": "S", "steps": [step(f"s{n}").model_dump() for n in range(21)]}),
        (Plan, {"complexity": "S", "steps": [step("a").model_dump() | {"id": "../a"}]}),
        (Plan, {"complexity": "S", "steps": [step("a").model_dump() | {"id": "r1.s"}]}),
        (Plan, {"complexity": "S", "steps": [step("a").model_dump() | {"acceptance": ""}]}),
        (Summary, {"summary": ""}),
    ],
)
def test_what_a_language_model_may_not_answer(form: type[Plan | Verdict | Summary], data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        form.model_validate(data)


def test_numbered_steps_are_steps() -> None:
    numbered = {"id": 1, "title": "t", "role": "engineer", "acceptance": "a"}
    made = Plan.model_validate({"complexity": "S", "steps": [numbered], "thoughts": "dropped"})
    assert made.steps[0].id == "1"


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([step("a", role="wizard")], "there is no role wizard"),
        ([step("a"), step("a")], "more than once"),
        ([step("a"), step("A")], "more than once"),
        ([step("a", "b")], "depends on b, which is no step"),
        ([step("a", "a")], "depend on each other: a"),
        ([step("a"), step("b", "c"), step("c", "b")], "depend on each other: b, c"),
    ],
)
def test_a_plan_that_cannot_be_worked_is_refused(steps: list[Step], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_plan(plan(*steps), ROLES)


def test_a_plan_is_worked_in_topological_order() -> None:
    check_plan(made := plan(step("c", "a", "b"), step("b", "a"), step("a"), step("d")), ROLES)
    assert [item.id for item in in_order(made.steps)] == ["a", "b", "c", "d"]


graphs = st.integers(1, 20).flatmap(
    lambda size: st.tuples(*(st.sets(st.integers(0, number - 1), max_size=4) if number else st.just(set[int]())
                             for number in range(size)))
)  # fmt: skip


@given(graphs, st.randoms(use_true_random=False), st.sets(st.integers(0, 19)))
def test_any_acyclic_graph_is_a_plan_and_only_what_depends_runs_again(
    graph: tuple[set[int], ...], shuffle: Any, named: set[int]
) -> None:
    steps = [step(f"s{number}", *(f"s{other}" for other in sorted(needs))) for number, needs in enumerate(graph)]
    shuffle.shuffle(steps)
    made = plan(*steps)
    check_plan(made, ROLES)
    order = [item.id for item in in_order(made.steps)]
    assert sorted(order) == sorted(item.id for item in steps)
    assert all(order.index(other) < order.index(item.id) for item in steps for other in item.depends_on)

    named = {number for number in named if number < len(graph)}
    expected = set(named)
    for number, needs in enumerate(graph):
        if needs & expected:
            expected.add(number)
    again = steps_again(made, verdict("changes_required", *(finding(f"s{number}") for number in sorted(named))))
    assert set(again) == {f"s{number}" for number in expected}
    assert list(again) == [step_id for step_id in order if step_id in again]


def test_an_unreadable_verdict_names_no_step() -> None:
    assert steps_again(plan(step("a")), None) == ()


@pytest.mark.parametrize(
    ("given_verdict", "decision"),
    [
        (verdict("approve"), "approve"),
        (verdict("approve", finding("a", must_fix=False)), "approve"),
        (verdict("approve", finding("a", must_fix=False), finding("b")), "changes_required"),
        (verdict("changes_required", finding("a", must_fix=False)), "changes_required"),
        (verdict("reject", finding("a")), "reject"),
    ],
)
def test_an_approval_with_something_to_fix_is_none(given_verdict: Verdict, decision: str) -> None:
    assert decision_of(given_verdict) == decision


def test_a_verdict_must_say_where() -> None:
    check_verdict(verdict("approve"), ["a"])
    check_verdict(verdict("changes_required", finding("a")), ["a"])
    check_verdict(verdict("reject"), ["a"])
    with pytest.raises(ValueError, match="no finding says"):
        check_verdict(verdict("changes_required"), ["a"])
    with pytest.raises(ValueError, match="no step b"):
        check_verdict(verdict("changes_required", finding("b")), ["a"])


@pytest.mark.parametrize(("complexity", "rounds"), [("XS", 1), ("S", 2), ("M", 3), ("L", 5), ("XL", 8)])
def test_rounds_follow_complexity_up_to_the_limit(complexity: Any, rounds: int) -> None:
    assert round_limit(complexity, 20) == rounds
    assert round_limit(complexity, 2) == min(rounds, 2)


CHANGES = verdict("changes_required", finding("a"))
FLAGS = (True, False)


@pytest.mark.parametrize(
    ("judged", "used_up", "out_of_rounds", "stalled", "replanned"),
    [*product([verdict("approve"), verdict("reject"), CHANGES, None], FLAGS, FLAGS, FLAGS, FLAGS)],
)
def test_the_first_stop_rule_that_holds_decides(
    judged: Verdict | None, used_up: bool, out_of_rounds: bool, stalled: bool, replanned: bool
) -> None:
    where = standing(
        revisions=2 if used_up else 1,
        rounds=3 if out_of_rounds else 2,
        is_stalled=stalled,
        has_replanned=replanned,
    )
    if judged is not None and judged.decision != "changes_required":
        expected = {"approve": "approved", "reject": "rejected"}[judged.decision]
    elif used_up or out_of_rounds:
        expected = "not_approved"
    elif stalled:
        expected = "stalled" if replanned else "replan"
    else:
        expected = "revise"
    assert after_review(judged, where) == expected


def test_no_revisions_allowed_means_the_first_review_is_the_last() -> None:
    assert after_review(CHANGES, standing(max_revisions=0)) == "not_approved"


def test_a_fingerprint_knows_no_order_and_every_difference() -> None:
    hashes = {"a": content_hash("x"), "b": content_hash("y")}
    findings = [finding("a"), finding("b")]
    same = fingerprint(hashes, findings)
    assert fingerprint({"b": hashes["b"], "a": hashes["a"]}, findings[::-1]) == same
    others = [
        fingerprint(hashes | {"a": content_hash("z")}, findings),
        fingerprint(hashes, findings[:1]),
        fingerprint(hashes, [finding("a"), finding("b", note="else")]),
        fingerprint(hashes, [finding("a"), finding("b", must_fix=False)]),
    ]
    assert same not in others
    assert len(set(others)) == len(others)


def test_the_team_mgx() -> None:
    team = BUILT_IN["mgx"]
    assert [role.name for role in team.seats] == ["Mike", "Alex", "Bob", "Charlie"]
    assert team.role("reviewer").name == "Charlie"
    seated = team.seated(plan(step("a", role="Alex"), step("b", role="TESTER"), step("c", role="nobody")))
    assert [item.role for item in seated.steps] == ["engineer", "tester", "nobody"]
    assert type(team).model_validate(MGX.model_dump(mode="json")) == MGX
