"""The two pictures of a report as SVG: the consensus curve, and how positions flow from round to round."""

from collections.abc import Sequence
from html import escape

from folkmoot.debates.reading import Report

WIDTH, HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 16, 16, 34
COLOURS = 8
"""Positions have one of so many colours, by the classes c0, c1 and so on; further ones share the last."""


def consensus_curve(report: Report) -> str:
    """C per round between 0 and 1, with the threshold."""
    rounds = report.rounds
    threshold = report.config.consensus_threshold
    points = [(_x(index, len(rounds)), _y(one.consensus_score)) for index, one in enumerate(rounds)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = "".join(
        f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>Round {one.round}: '
        f"{one.consensus_score:.3f}{escape(f', {one.leader} leads') if one.leader else ''}</title></circle>"
        f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{one.round}</text>'
        for (x, y), one in zip(points, rounds, strict=True)
    )
    scale = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{_y(value):.1f}" y2="{_y(value):.1f}"/>'
        f'<text class="tick" x="{_LEFT - 8}" y="{_y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        for value in (0, 0.25, 0.5, 0.75, 1)
    )
    bar = _y(threshold)
    needed = (
        f'<line class="threshold" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{bar:.1f}" y2="{bar:.1f}"/>'
        f'<text class="tick" x="{WIDTH - _RIGHT}" y="{bar - 6:.1f}" text-anchor="end">threshold {threshold:g}</text>'
    )
    label = f"Consensus after each of {len(rounds)} rounds: " + ", ".join(
        f"{one.consensus_score:.2f}" for one in rounds
    )
    return _svg(HEIGHT, label, f'{scale}{needed}<polyline class="curve" points="{path}"/>{marks}')


def position_flow(report: Report) -> str:
    """One ribbon for every participant through the positions it held after each round, its opening first."""
    stages = _stages(report)
    labels = positions_of(report)
    if not labels:
        return ""
    height = _TOP + _BOTTOM + 40 * max(2, len(report.participants))
    places = _places(stages, labels, height)
    ribbons = "".join(
        _ribbon([*held], seat, places, labels, seat_count=len(stages[0]))
        for seat, held in enumerate(zip(*stages, strict=True))
    )
    columns = "".join(
        f'<text class="tick" x="{_x(index, len(stages)):.1f}" y="{height - 12}" text-anchor="middle">'
        f"{'opening' if index == 0 else f'round {index}'}</text>"
        for index in range(len(stages))
    )
    label = "How the participants' positions changed from the opening to the last round"
    return _svg(height, label, ribbons + columns)


def positions_of(report: Report) -> tuple[str, ...]:
    """Every position anybody held, the final vote's strongest first: its place here is its colour."""
    held = {one.position for seated in report.participants for one in seated.positions}
    weight = report.votes.final.votes
    return tuple(sorted(held, key=lambda position: (-weight.get(position, 0.0), position)))


def colour_of(labels: Sequence[str], position: str) -> str:
    return f"c{min(labels.index(position), COLOURS - 1)}"


def _stages(report: Report) -> list[tuple[str | None, ...]]:
    """Who held what at the opening and after each round."""
    seated = report.participants
    stages: list[tuple[str | None, ...]] = [tuple(one.initial_position for one in seated)]
    stages += [tuple(one.position_after(line.round) for one in seated) for line in report.rounds]
    return stages


_Places = dict[tuple[int, int], tuple[float, float]]


def _places(stages: Sequence[tuple[str | None, ...]], labels: Sequence[str], height: int) -> _Places:
    """Where each seat's ribbon passes each stage: seats of one position lie side by side, in the labels' order."""
    order = {label: index for index, label in enumerate(labels)}
    places: _Places = {}
    for stage, held in enumerate(stages):
        seats = sorted(range(len(held)), key=lambda seat: (order.get(held[seat] or "", len(order)), seat))
        step = (height - _TOP - _BOTTOM) / max(1, len(seats))
        for place, seat in enumerate(seats):
            places[stage, seat] = (_x(stage, len(stages)), _TOP + step * (place + 0.5))
    return places


def _ribbon(held: list[str | None], seat: int, places: _Places, labels: Sequence[str], *, seat_count: int) -> str:
    parts = []
    for stage, position in enumerate(held):
        x, y = places[stage, seat]
        if position is None:
            continue
        colour = colour_of(labels, position)
        if stage + 1 < len(held) and held[stage + 1] is not None:
            far_x, far_y = places[stage + 1, seat]
            middle = (x + far_x) / 2
            curve = f"M{x:.1f},{y:.1f} C{middle:.1f},{y:.1f} {middle:.1f},{far_y:.1f} {far_x:.1f},{far_y:.1f}"
            parts.append(f'<path class="ribbon {colour}" d="{curve}"/>')
        parts.append(
            f'<circle class="dot {colour}" cx="{x:.1f}" cy="{y:.1f}" r="{6 if seat_count > 6 else 8}">'
            f"<title>{escape(position)}</title></circle>"
        )
    return "".join(parts)


def _x(index: int, count: int) -> float:
    inner = WIDTH - _LEFT - _RIGHT - 40
    return _LEFT + 20 + (inner * index / (count - 1) if count > 1 else inner / 2)


def _y(share: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - share)


def _svg(height: int, label: str, inner: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">{inner}</svg>'
