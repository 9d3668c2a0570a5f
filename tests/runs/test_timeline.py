"""Journals compared, told again and cut: pure functions on entries that are written down here."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.json_patch import json_patch
from folkmoot.runs.journal import Entry, EntryKind
from folkmoot.runs.redaction import Mask
from folkmoot.runs.timeline import canonical, differences, frames, settled, without_fatal_faults
from tests.runs.scripted import StepsProcedure

AT = datetime(2026, 1, 1, tzinfo=UTC)
PROCEDURE = StepsProcedure()
USAGE: JsonObject = {"input_tokens": 10, "output_tokens": 5, "cost_usd": "0.25", "latency_seconds": 0.1}
FAULT: JsonObject = {"fault": {"code": "cut", "sentence": "cut off", "retryable": False}}


def journal(*lines: tuple[EntryKind, str, JsonObject], at: datetime = AT) -> list[Entry]:
    return [Entry(seq, at + timedelta(seconds=seq), kind, key, data) for seq, (kind, key, data) in enumerate(lines, 1)]


def begun(*groups: list[Json]) -> tuple[EntryKind, str, JsonObject]:
    return "begun", "begun", {"input": {"groups": [*groups]}, "seed": new_id(), "version": 1}


def done(key: str, **more: Json) -> tuple[EntryKind, str, JsonObject]:
    return "done", key, {"by": {"role": "worker"}, "value": {"key": key}, **more}


ENDED: tuple[EntryKind, str, JsonObject] = ("ended", "end", {"status": "completed", "stop_reason": "done"})


def test_what_chance_leaves_is_not_compared() -> None:
    """Order of concurrent entries, times, ids, usage, latency, control and waiting for a time."""
    one = journal(begun(["a", "b"]), done("a", usage=USAGE, ran={"run_id": new_id()}), done("b"), ENDED)
    other = journal(
        begun(["a", "b"]),
        done("b"),
        ("controlled", "pause", {"verb": "pause", "by": {"name": "Ada"}}),
        ("waiting", "time", {"for": "time"}),
        done("a", usage={**USAGE, "latency_seconds": 9}, ran={"run_id": new_id()}),
        ENDED,
        at=AT + timedelta(days=1),
    )
    assert [told.data for told in canonical(one)] == [told.data for told in canonical(other)]
    assert differences(one, other) == []


def test_what_is_said_is_compared() -> None:
    one = journal(begun(["a", "b"], ["c"]), done("a"), done("b", steps=[{"id": "s1"}]), done("c"), ENDED)
    other = journal(begun(["a", "b"], ["c"]), done("b", steps=[{"id": "s2"}]), done("a"), done("d"), ENDED)
    changed, only_here, only_there = sorted(differences(one, other), key=lambda found: found.key)
    assert (changed.key, changed.seq, changed.other_seq) == ("b", 3, 2)
    assert changed.patch == ({"op": "replace", "path": "/steps/0/id", "value": "s2"},)
    assert (only_here.key, only_here.seq, only_here.other_seq, only_here.patch) == ("c", 4, None, ())
    assert (only_there.key, only_there.seq, only_there.other_seq) == ("d", None, 4)
    assert [found.key for found in differences(one, other)] == ["b", "c", "d"], "in the order of the runs"


def test_a_tool_call_is_compared_without_the_id_its_provider_gave() -> None:
    def call(name: str, call_id: str) -> JsonObject:
        return {"calls": [{"id": call_id, "name": name, "arguments": {"id": "x"}}]}

    def said(value: JsonObject) -> list[Entry]:
        return journal(begun(["a"]), ("done", "a", {"value": value}))

    assert differences(said(call("search", "call_1")), said(call("search", "call_2"))) == []
    assert len(differences(said(call("search", "call_1")), said(call("write", "call_1")))) == 1


def test_a_difference_is_a_patch_of_what_is_compared() -> None:
    assert json_patch({"a": [1, 2]}, {"a": [1]}) == [{"op": "remove", "path": "/a/1"}]


def test_a_run_is_told_again_from_its_journal_alone() -> None:
    entries = journal(begun(["a"], ["b"]), done("a", usage=USAGE), ("waiting", "ask", {"for": "person"}), done("b"))
    told = list(frames(PROCEDURE, entries))
    assert [frame.line.message for frame in told] == [
        "The run began",
        "a by worker is done (10 tokens in, 5 out, 0.25 USD)",
        "Waiting for a person (ask)",
        "b by worker is done",
    ]
    assert [[event["event_type"] for event in frame.events] for frame in told] == [
        [],
        ["progress"],
        ["run_status_changed"],
        ["progress"],
    ]
    assert told[2].events[0]["data"] == {"status": "awaiting_approval", "waiting_for": "person"}
    spent = told[-1].spent
    assert (spent.model_calls, spent.input_tokens, spent.cost) == (1, 10, Decimal("0.25"))


def test_an_unknown_price_stays_unknown() -> None:
    entries = journal(begun(["a", "b"]), done("a", usage={**USAGE, "cost_usd": None}), done("b", usage=USAGE))
    assert [frame.spent.cost for frame in frames(PROCEDURE, entries)] == [Decimal(0), None, None]


def test_what_is_open_is_not_taken_along() -> None:
    entries = journal(
        begun(["?x", "b"], ["c"]),
        ("intended", "?x", {"tool": "t"}),
        done("b"),
        ("controlled", "pause", {"verb": "pause"}),
        ("told", "told.1", {"author": {}, "data": {}}),
        ("waiting", "ask", {"for": "person", "ref": new_id()}),
        done("?x"),
        ENDED,
    )
    assert [entry.key for entry in settled(entries[:3])] == ["begun", "b"]
    assert [(entry.kind, entry.key) for entry in settled(entries)] == [
        ("begun", "begun"),
        ("intended", "?x"),
        ("done", "b"),
        ("told", "told.1"),
        ("done", "?x"),
    ]


@pytest.mark.parametrize("end", [[], [("controlled", "cancelled", {"verb": "stop"}), ENDED]])
def test_a_stopped_run_is_retried_from_its_last_entry(end: list[tuple[EntryKind, str, JsonObject]]) -> None:
    entries = journal(begun(["a"], ["b"]), done("a"), *end)
    assert [entry.key for entry in without_fatal_faults(PROCEDURE, entries) or ()] == ["begun", "a"]


def test_only_the_fatal_fault_is_taken_out() -> None:
    """What was done beside it stays; so does what it was intended with go."""
    entries = journal(
        begun(["a"], ["?b", "c"]),
        done("a"),
        ("intended", "?b", {"tool": "t"}),
        ("done", "?b", FAULT),
        done("c"),
        ("ended", "end", {"status": "failed"}),
    )
    assert [entry.key for entry in without_fatal_faults(PROCEDURE, entries) or ()] == ["begun", "a", "c"]


def test_a_run_that_came_to_its_end_has_nothing_to_retry() -> None:
    assert without_fatal_faults(PROCEDURE, journal(begun(["a"]), done("a"), ENDED)) is None


def test_secrets_are_hidden() -> None:
    key = "sk-0123456789abcdef"
    shown = Mask([key, "EMPTY", ""]).over(
        {
            "text": f"it said {key}, EMPTY",
            "headers": {"Authorization": "Bearer abc", "X-Api-Key": "short", "Accept": "*/*"},
            "list": [key, 1, None, {"db_password": "hunter2"}],
            "usage": {"input_tokens": 12, "token": 5},
            "note": "curl -H 'Authorization: Bearer 0123456789abcdefgh'",
            key: True,
        }
    )
    assert shown == {
        "text": "it said [hidden], EMPTY",
        "headers": {"Authorization": "[hidden]", "X-Api-Key": "[hidden]", "Accept": "*/*"},
        "list": ["[hidden]", 1, None, {"db_password": "[hidden]"}],
        "usage": {"input_tokens": 12, "token": 5},
        "note": "curl -H 'Authorization: Bearer [hidden]'",
        "[hidden]": True,
    }
