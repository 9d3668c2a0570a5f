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
    """How values are spread over buckets, each of which ends with its bound; apart for each combination of labels."""

    def __init__(self, name: str, help: str, labels: Sequence[str] = (), bounds: Sequence[float] = SECONDS) -> None:
        self.name = name
        self._help = help
        self._labels = labels
        self._bounds = bounds
        self._spreads: dict[tuple[str, ...], _Spread] = {} if labels else {(): _Spread(len(bounds) + 1)}

    def observe(self, value: float, *values: str) -> None:
        """`values` are those of the labels, in their order."""
        spread = self._spreads.get(values)
        if spread is None:
            spread = self._spreads[values] = _Spread(len(self._bounds) + 1)
        spread.counts[bisect_left(self._bounds, value)] += 1
        spread.sum += value

    def lines(self) -> Iterator[str]:
        yield from heading(self.name, self._help, "histogram")
        for key, spread in [*self._spreads.items()]:
            counts = [*accumulate(spread.counts)]
            mine = pairs(self._labels, key)
            for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
                edge = f'le="{bound}"'
                yield f"{self.name}_bucket{{{f'{mine},{edge}' if mine else edge}}} {count}"
            shown = f"{{{mine}}}" if mine else ""
            yield f"{self.name}_sum{shown} {spread.sum!r}"
            yield f"{self.name}_count{shown} {counts[-1]}"


class _Spread:
    """The values with one combination of labels."""

    __slots__ = ("counts", "sum")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.sum = 0.0


def heading(name: str, help: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"


def told(name: str, help: str, kind: str, labels: Sequence[str], values: Values) -> Iterator[str]:
    """The lines of a metric that has one value for each combination of labels."""
    yield from heading(name, help, kind)
    for key, value in values.items():
        mine = pairs(labels, key)
        yield f"{name}{{{mine}}} {value!r}" if mine else f"{name} {value!r}"


def pairs(labels: Sequence[str], key: tuple[str, ...]) -> str:
    return ",".join(f'{label}="{of.translate(_ESCAPES)}"' for label, of in zip(labels, key, strict=True))


def exposition(metrics: Iterable[Metric]) -> str:
    """All of them as one document."""
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())
