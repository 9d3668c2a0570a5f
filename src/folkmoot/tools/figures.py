"""What is counted of tools that are used."""

from time import perf_counter
from typing import Literal

from folkmoot.kernel.metrics import Counter, Histogram, Metric

Came = Literal["answered", "refused", "failed", "timed_out", "unknown"]
"""What came of a use: an answer, a Problem, a bug, no answer in time, or there is no such tool here."""

_UNKNOWN = "unknown"


class ToolFigures:
    """By the name of the tool, or of its kind where there may be any number of names."""

    def __init__(self) -> None:
        self._calls = Counter("folkmoot_tool_calls_total", "Tools that were used", ("tool", "outcome"))
        self._seconds = Histogram("folkmoot_tool_seconds", "How long tools took", ("tool",))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return self._calls, self._seconds

    def used(self, name: str | None, came: Came, began: float) -> None:
        """`name` is None for a tool that nobody knows; `began` as `perf_counter` said."""
        self._calls.add(name or _UNKNOWN, came)
        if name is not None:
            self._seconds.observe(perf_counter() - began, name)
