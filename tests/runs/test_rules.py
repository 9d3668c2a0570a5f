"""What a run may become, on what it stands still, and what a journal says was begun: all of it pure."""

from datetime import timedelta
from itertools import permutations
from types import SimpleNamespace
from typing import Any, cast

import pytest

from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.folded import Begun, fold
from folkmoot.runs.journal import Action, Ask, Call, End, Entry, EntryKind, Spawn, Use, Wait
from folkmoot.runs.resting import Rest, is_new, rest_of
from folkmoot.runs.rules import FINAL, TRANSITIONS, IllegalTransition, RunStatus, WaitingFor, check_transition
from folkmoot.runs.tables import Run
from tests.runs.scripted import StepsExecutor, StepsProcedure, at_once

LEGAL: dict[str, str] = {
    "pending": "running paused failed cancelled timeout",
    "running": "pending paused awaiting_approval completed failed cancelled timeout",
    "paused": "pending failed cancelled",
    "awaiting_approval": "pending cancelled",
    **dict.fromkeys(sorted(FINAL), ""),
}
"""As engine-and-events.md has it."""

AT = now()
SOON, LATER = AT + timedelta(seconds=5), AT + timedelta(seconds=50)
ASK = Ask(key="ask", group="ask", subject="plan", question="?")
SPAWN = Spawn(key="child", group="child", kind="steps", title="child", input={})
CALL = Call(key="call", group="call", role="worker", recipe={})
USE = Use(key="use", group="use", tool="tool", arguments={})
WAIT = Wait(key="wait", until=SOON)
RUN = cast("Run", SimpleNamespace(id="01a1fdeb-4f25-7a67-9d73-cb2475345e05"))
END = End(status="completed", stop_reason="done")


@pytest.mark.parametrize("current", list(RunStatus))
@pytest.mark.parametrize("to", list(RunStatus))
def test_the_table_of_transitions(current: RunStatus, to: RunStatus) -> None:
    assert {status.value: set(LEGAL[status].split()) for status in RunStatus}[current] == TRANSITIONS[current]
    if to == current or to in LEGAL[current].split():
        check_transition(current, to)
    else:
        with pytest.raises(IllegalTransition):
            check_transition(current, to)


@pytest.mark.parametrize(
    ("wanted", "begun", "rest"),
    [
        ((ASK,), {"ask"}, Rest(RunStatus.AWAITING_APPROVAL, WaitingFor.PERSON, None)),
        ((SPAWN,), {"child"}, Rest(RunStatus.PENDING, WaitingFor.CHILD, None)),
        ((WAIT,), set(), Rest(RunStatus.PENDING, WaitingFor.TIME, SOON)),
        ((CALL,), set(), Rest(RunStatus.PENDING, WaitingFor.TIME, LATER)),
        ((SPAWN, ASK), {"child", "ask"}, Rest(RunStatus.AWAITING_APPROVAL, WaitingFor.PERSON, None)),
        ((CALL, SPAWN, WAIT), {"child"}, Rest(RunStatus.PENDING, WaitingFor.CHILD, SOON)),
        ((ASK, WAIT), {"ask"}, Rest(RunStatus.AWAITING_APPROVAL, WaitingFor.PERSON, SOON)),
        ((ASK,), set(), None),
        ((ASK, USE), {"ask"}, None),
        ((ASK, END), {"ask"}, None),
        ((Wait(key="wait", until=AT),), set(), None),
        ((), set(), None),
    ],
)
def test_on_what_a_run_stands_still(wanted: tuple[Action, ...], begun: set[str], rest: Rest | None) -> None:
    assert rest_of(wanted, begun, {"call": LATER}, AT) == rest


def test_a_try_whose_time_has_come_starts() -> None:
    assert rest_of((CALL,), (), {"call": AT}, AT) is None


def test_only_what_was_not_wanted_before_is_news() -> None:
    assert not is_new((CALL, ASK), (CALL, ASK), ("ask",), AT)
    assert not is_new((ASK,), (ASK, WAIT), ("ask",), AT), "a moment to come is none to start"
    assert is_new((ASK,), (ASK, CALL), ("ask",), AT)
    assert is_new((ASK,), (END,), ("ask",), AT)
    assert is_new((ASK,), (ASK, SPAWN), ("ask",), AT)


def _entries(*told: tuple[EntryKind, str, JsonObject]) -> list[Entry]:
    given: JsonObject = {"groups": [["?a", "b", "@plan", "+child"]], "children": {"+child": {"groups": []}}}
    begun = Entry(1, AT, "begun", "begun", {"input": given})
    return [begun, *(Entry(seq, AT, kind, key, data) for seq, (kind, key, data) in enumerate(told, 2))]


def test_what_is_begun_and_not_done() -> None:
    executor = cast("Any", StepsExecutor(at_once))
    opened = _entries(
        ("waiting", "time", {"for": "time"}),
        ("intended", "?a", {"tool": "tool", "idempotency_key": "r:?a"}),
        ("waiting", "@plan", {"for": "person", "ref": "approval"}),
        ("waiting", "+child", {"for": "child", "ref": "run"}),
        ("done", "b", {"value": {}}),
    )
    folded = fold(executor, RUN, opened)
    assert folded.begun == {
        "?a": Begun("tool", "r:?a", 3),
        "@plan": Begun("person", "approval", 4),
        "+child": Begun("child", "run", 5),
    }
    done = _entries(*((entry.kind, entry.key, entry.data) for entry in opened[1:]), ("done", "@plan", {"value": {}}))
    assert fold(executor, RUN, done).begun.keys() == {"?a", "+child"}
    assert folded.seq == 6


def test_answers_to_what_is_wanted_together_may_come_in_any_order() -> None:
    """Of models, tools, people and children alike; what is opened in between changes nothing."""
    procedure = StepsProcedure()
    answers: list[tuple[EntryKind, str, JsonObject]] = [
        ("done", "?a", {"value": {"key": "?a"}}),
        ("done", "b", {"value": {"key": "b"}}),
        ("done", "@plan", {"value": {"decision": "approve", "feedback": None, "revise": False, "by": None}}),
        ("done", "+child", {"value": {"run_id": "1", "status": "failed", "result": None}}),
        ("waiting", "@plan", {"for": "person", "ref": "approval"}),
    ]
    states = []
    for order in permutations(answers):
        first, *entries = _entries(*order)
        state = procedure.begin(first)
        for entry in entries:
            state = procedure.apply(state, entry)
        states.append(state)
    assert all(state == states[0] for state in states)
    assert isinstance(procedure.wanted(states[0])[0], End)
