"""Text and JSON that every database and client can hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.kernel.json import Json, canonical, clean_json, clean_text, dumps, loads

VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read(value: Json) -> None:
    assert loads(dumps(value)) == value


@given(VALUES)
def test_clean_values_stay_as_they_are(value: Json) -> None:
    assert "\x00" in dumps(value) or "\\u0000" in dumps(value) or clean_json(value) == value


@given(st.text(st.characters()))
def test_any_text_becomes_storable(text: str) -> None:
    cleaned = clean_text(text)
    assert "\x00" not in cleaned
    assert loads(dumps(cleaned)) == cleaned
    assert clean_text(cleaned) == cleaned


def test_keys_are_cleaned_too() -> None:
    assert clean_json({"a\x00": ["\ud800b", {"c": 1}]}) == {"a": ["?b", {"c": 1}]}


def test_canonical_bytes_do_not_depend_on_order() -> None:
    assert canonical({"b": 1, "a": {"d": [1], "c": None}}) == b'{"a":{"c":null,"d":[1]},"b":1}'


@pytest.mark.parametrize("text", ["NaN", "Infinity", "{", "", "{'a': 1}", "\x00"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text)
