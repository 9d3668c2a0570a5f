"""Slugs, numbers and the statuses agents show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.agents.rules import RESERVED_SLUGS, AgentStatus, as_number, is_slug, shown_status, slug_of
from folkmoot.kernel.ids import is_id


@given(st.text(max_size=300), st.sets(st.sampled_from(["a", "agent", "bob", "agent-2"])))
def test_a_slug_is_always_free_and_never_ambiguous(name: str, taken: set[str]) -> None:
    slug = slug_of(name, taken)
    assert is_slug(slug)
    assert slug not in taken | RESERVED_SLUGS
    assert as_number(slug) is None
    assert not slug.isdecimal()
    assert not is_id(slug)


def test_slugs_of_equal_names_count_on() -> None:
    taken: set[str] = set()
    for _ in range(12):
        taken.add(slug_of("x" * 80, taken))
    assert len(taken) == 12
    assert max(map(len, taken)) == 63


@pytest.mark.parametrize(
    ("ref", "number"), [("4", 4), ("0", 0), ("-1", None), ("4a", None), ("٤", None), ("1e3", None), ("", None)]
)
def test_numbers(ref: str, number: int | None) -> None:
    assert as_number(ref) == number


def test_busy_is_laid_over_idle_and_active_only() -> None:
    for status in AgentStatus:
        assert shown_status(status, 0) == status
        is_covered = status in (AgentStatus.IDLE, AgentStatus.ACTIVE)
        assert shown_status(status, 2) == (AgentStatus.BUSY if is_covered else status)
