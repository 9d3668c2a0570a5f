"""The patch between two documents does what it says, and what is no JSON is seen."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.contexts.rules import DATA_BYTES, json_bytes
from folkmoot.kernel.json import Json, JsonObject, canonical
from folkmoot.kernel.json_patch import json_patch
from tests.contexts.patching import patched

SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 1.5]) | st.sampled_from("ab")
KEYS = st.sampled_from(["a", "b", "a/b", "~", "~1", "", "0", "é"])
DOCUMENTS: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)


@given(DOCUMENTS, DOCUMENTS)
def test_the_patch_makes_one_document_the_other(before: Json, after: Json) -> None:
    assert canonical(patched(before, json_patch(before, after))) == canonical(after)


@given(DOCUMENTS)
def test_nothing_leads_from_a_document_to_itself(document: Json) -> None:
    assert json_patch(document, document) == []


@given(st.lists(SCALARS, max_size=8), SCALARS, st.integers(0, 8))
def test_one_item_more_is_one_operation(items: list[Json], item: Json, index: int) -> None:
    longer = [*items[:index], item, *items[index:]]
    assert [operation["op"] for operation in json_patch(items, longer)] == ["add"]
    assert [operation["op"] for operation in json_patch(longer, items)] == ["remove"]


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"b": 1}, [{"op": "remove", "path": "/a"}, {"op": "add", "path": "/b", "value": 1}]),
        ({"a": True}, {"a": 1}, [{"op": "replace", "path": "/a", "value": 1}]),
        ({"a": 1}, {"a": 1.0}, [{"op": "replace", "path": "/a", "value": 1.0}]),
        ({"a": 1}, {"a": None}, [{"op": "replace", "path": "/a", "value": None}]),
        ({}, {"a/b~c": []}, [{"op": "add", "path": "/a~1b~0c", "value": []}]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, [{"op": "remove", "path": "/a/1"}]),
        ({"a": [{"b": 1}, 2]}, {"a": [{"b": 2}, 2]}, [{"op": "replace", "path": "/a/0/b", "value": 2}]),
        ({"a": [[1], 2]}, {"a": [0, [1], 2]}, [{"op": "add", "path": "/a/0", "value": 0}]),
        ([], {}, [{"op": "replace", "path": "", "value": {}}]),
    ],
)
def test_patches_as_a_person_would_write_them(before: Json, after: Json, patch: list[JsonObject]) -> None:
    assert json_patch(before, after) == patch


def test_a_patch_is_never_much_larger_than_what_it_makes() -> None:
    before: JsonObject = {"a" * 1000: dict.fromkeys(map(str, range(2000)), 1)}
    after: JsonObject = {"a" * 1000: dict.fromkeys(map(str, range(2000)), 2)}
    assert json_patch(before, after) == [{"op": "replace", "path": "", "value": after}]


def test_a_deep_document_costs_no_more_than_a_flat_one() -> None:
    """At each of 90 depths the lists differ in length, so that each asks which of its items are the same."""
    before: Json = list(range(20_000))
    after: Json = [*range(20_000), 1]
    for _ in range(90):
        before, after = [before], [after, 0]
    assert patched(before, json_patch(before, after)) == after


@pytest.mark.parametrize(
    "data",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": "\ud800"},
        {"\udfff": 1},
        {1: "a"},
        {"a": (1, 2)},
        {"a": {1, 2}},
        {"a": Decimal(1)},
        {"a": 2**64},
        {"a": datetime(2026, 1, 1, tzinfo=UTC)},
        {"a": object()},
    ],
)
def test_what_would_not_come_back_as_it_was_is_no_json(data: object) -> None:
    assert json_bytes(data) is None


@pytest.mark.parametrize(("data", "size"), [({}, 2), ({"a": "é"}, 10), ({"a": [1, 2.5, None, True]}, 23)])
def test_json_is_measured_in_bytes(data: JsonObject, size: int) -> None:
    assert json_bytes(data) == size
    assert json_bytes({"a": "x" * (DATA_BYTES - 8)}) == DATA_BYTES
