"""Counting what a process does, and telling it in Prometheus' text format."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Protocol

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Bounds that fit what takes from a millisecond to a minute."""

Values = Mapping[tuple[str, ...], float]
"""By the values of the labels, in their order."""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Metric(Protocol):
    """Whatever has lines to tell."""

    name: str

    def lines(self) -> Iterator[str]: ...


class Counter:
    """Only grows, apart for each combination of its labels' values, of which there must be few."""

    kind = "counter"

    def __init__(self, name: str, help: str, labels: Sequence[str] = ()) -> None:
        self.name = name
        self._help = help
        self._labels = labels
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0}

    def add(self, *values: str, amount: float = 1) -> None:
        """`values` are those of the labels, in their order."""
        self._values[values] = self._values.get(values, 0) + amount

    def lines(self) -> Iterator[str]:
        return told(self.name, self._help, self.kind, self._labels, dict(self._values))


class Gauge:
    """Goes up and down; what it says is asked for when it is told. Without labels the one value has the key `()`."""

    kind = "gauge"

    def __init__(self, name: str, help: str, values: Values, labels: Sequence[str] = ()) -> None:
        self.name = name
        self._help = help
        self._labels = labels
        self._values = values

    def lines(self) -> Iterator[str]:
        return told(self.name, self._help, self.kind, self._labels, self._values)


class Histogram:
    """How values are spread over buckets, each of which ends with its bound."""

    def __init__(self, name: str, help: str, bounds: Sequence[float] = SECONDS) -> None:
        self.name = name
        self._help = help
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self) -> Iterator[str]:
        yield from heading(self.name, self._help, "histogram")
        counts = [*accumulate(self._counts)]
        for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
            yield f'{self.name}_bucket{{le="{bound}"}} {count}'
        yield f"{self.name}_sum {self._sum!r}"
        yield f"{self.name}_count {counts[-1]}"


def heading(name: str, help: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"


def told(name: str, help: str, kind: str, labels: Sequence[str], values: Values) -> Iterator[str]:
    """The lines of a metric that has one value for each combination of labels."""
    yield from heading(name, help, kind)
    for key, value in values.items():
        pairs = ",".join(f'{label}="{of.translate(_ESCAPES)}"' for label, of in zip(labels, key, strict=True))
        yield f"{name}{{{pairs}}} {value!r}" if pairs else f"{name} {value!r}"


def exposition(metrics: Iterable[Metric]) -> str:
    """All of them as one document."""
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())
