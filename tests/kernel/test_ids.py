"""Ids order by age, also where many are made at once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from folkmoot.kernel.ids import is_id, new_id


def test_ids_are_version_7_and_increase() -> None:
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))
    assert {(UUID(id_).version, UUID(id_).variant) for id_ in ids[:100]} == {(7, "specified in RFC 4122")}


def test_threads_never_make_the_same() -> None:
    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(lambda _: [new_id() for _ in range(2_000)], range(8)))
    assert all(part == sorted(part) for part in parts)
    assert len({id_ for part in parts for id_ in part}) == 16_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0199c0de-7000-7000-8000-000000000000", True),
        ("0199C0DE-7000-7000-8000-000000000000", True),
        ("0199c0de70007000800000000000 0000", False),
        ("{0199c0de-7000-7000-8000-00000000000}", False),
        ("", False),
        ("x" * 36, False),
    ],
)
def test_is_id(text: str, expected: bool) -> None:
    assert is_id(text) is expected
