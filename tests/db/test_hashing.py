"""The hash of a table's rows: equal for equal rows, and for no others."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from folkmoot.db.hashing import Row, TableHash, Value

AT = datetime(2026, 11, 21, 12, 0, 0, 1, tzinfo=UTC)
VALUES: tuple[Value, ...] = (1, "1", True, 1.0, None, "", "null", b"1", AT, "1,1")
TABLES: Sequence[Sequence[Row]] = (
    [],
    *([(value,)] for value in VALUES),
    *([(1, 1)], [(1,), (1,)], [("a", "b")], [("b", "a")], [("a,b",)], [(1,), (2,)], [(2,), (1,)]),
)


def hash_of(*batches: Sequence[Row]) -> str:
    taken = TableHash()
    for rows in batches:
        taken.add(rows)
    return taken.hexdigest()


def test_values_and_rows_are_told_apart() -> None:
    assert [pair for pair in combinations(TABLES, 2) if hash_of(pair[0]) == hash_of(pair[1])] == []


def test_batches_make_no_difference() -> None:
    assert hash_of([(1,), (2,)], [(3,)]) == hash_of([(1,)], [], [(2,), (3,)])


def test_a_moment_is_the_same_in_any_process() -> None:
    assert hash_of([(AT,)]) == hash_of([(datetime.fromisoformat("2026-11-21 12:00:00.000001+00:00"),)])
    assert hash_of([(AT,)]) != hash_of([(AT + timedelta(microseconds=1),)])


def test_what_no_column_holds_is_an_error() -> None:
    with pytest.raises(TypeError):
        TableHash().add([({1},)])  # type: ignore[list-item]
