"""The numbers of a task."""

import pytest

from folkmoot.tasks.rules import name_from, success_rate


@pytest.mark.parametrize(
    ("successful", "failed", "rate"), [(0, 0, 0.0), (1, 0, 1.0), (0, 3, 0.0), (1, 2, 0.3333), (3, 1, 0.75)]
)
def test_the_success_rate_is_over_runs_that_ended_of_their_own(successful: int, failed: int, rate: float) -> None:
    assert success_rate(successful, failed) == rate


def test_a_name_is_made_of_the_first_words() -> None:
    assert name_from("Do\n  this ") == "Do this"
    long = name_from("word " * 100)
    assert len(long) <= 255
    assert long.endswith("...")
