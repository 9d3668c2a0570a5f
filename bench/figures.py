"""Figures: what was measured, what the floor needs for the same, what the bar is, and how they are shown."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of a table. A `bar` is the most there may be, or with `is_least` the least."""

    name: str
    unit: str
    measured: float
    floor: float | None = None
    bar: float | None = None
    is_least: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times the floor's cost; of throughput, how many times slower."""
        if not self.floor or not self.measured:
            return None
        return self.floor / self.measured if self.is_least else self.measured / self.floor

    @property
    def verdict(self) -> str:
        if self.bar is None:
            return ""
        is_within = self.measured >= self.bar if self.is_least else self.measured <= self.bar
        return "within" if is_within else "OVER"


def show(title: str, figures: Sequence[Figure]) -> None:
    print(f"\n{title}  (load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")
    print(f"  {'':44}{'measured':>12}{'floor':>10}{'ratio':>8}{'bar':>12}")
    for figure in figures:
        bar = "" if figure.bar is None else f"{'>=' if figure.is_least else '<='} {number(figure.bar)}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.1f}x"
        floor = "" if figure.floor is None else number(figure.floor)
        name = f"{figure.name}, {figure.unit}"
        print(f"  {name:44}{number(figure.measured):>12}{floor:>10}{ratio:>8}{bar:>12}  {figure.verdict}".rstrip())


def number(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"


def quantile(values: Sequence[float], share: float) -> float:
    """0 where there are no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def middle(values: Sequence[float]) -> float:
    """The median; 0 where there are no values."""
    return median(values) if values else 0.0
