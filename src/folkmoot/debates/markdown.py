"""A report as Markdown. What agents wrote is quoted, never markup of this text's own."""

import re
from collections.abc import Iterable, Iterator

from folkmoot.debates.reading import Report

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~-])")


def markdown(report: Report) -> str:
    """The whole report; ends with a newline."""
    return "\n".join(_lines(report)).strip() + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield from (f"# {_plain(report.config.debate_topic)}", "", f"**{_plain(report.verdict)}**", "")
    yield from (_plain(report.change), "", _quoted(report.config.problem_statement), "")
    for warning in report.warnings:
        yield from (f"> Warning: {_plain(warning.sentence)}", "")
    yield from ("## Rounds", "")
    yield from _table(
        ("round", "consensus", "leader", "confidence", "changes", "without reason"),
        (
            (
                one.round,
                f"{one.consensus_score:.3f}",
                one.leader or "none",
                _share(one.confidence),
                one.flips,
                one.unsupported_flips,
            )
            for one in report.rounds
        ),
    )
    yield from ("## Participants", "")
    yield from _table(
        ("name", "model", "first position", "last position", "confidence", "turns", "changes"),
        (
            (
                one.name,
                one.model or one.kind,
                one.initial_position or "none",
                one.final_position or "none",
                _share(one.confidence),
                one.turns,
                one.flips,
            )
            for one in report.participants
        ),
    )
    yield from _moves(report)
    yield from _dissent(report)
    yield from _evidence(report)
    yield from _transcript(report)
    yield from ("---", "", f"{report.cost}. Seed {report.seed}. Report {report.hash}.")


def _moves(report: Report) -> Iterator[str]:
    if not report.moved:
        return
    yield from ("## Who moved", "")
    for move in report.moved:
        reason = _plain(move.changed_because) if move.changed_because else "no reason given"
        cited = f" (cites {_plain(', '.join(move.evidence))})" if move.evidence else ""
        ways = f"{_plain(move.since or 'none')} → {_plain(move.to or 'none')}"
        yield f"- Round {move.round}, {_plain(move.name)}: {ways}: {reason}{cited}"
    yield ""


def _dissent(report: Report) -> Iterator[str]:
    if not report.dissent:
        return
    yield from ("## Dissent", "")
    for one in report.dissent:
        yield f"**{_plain(one.position or 'none')}** ({_plain(', '.join(one.names))})"
        yield ""
        if one.best_argument is not None:
            yield from (_quoted(one.best_argument.text), "")


def _evidence(report: Report) -> Iterator[str]:
    if not report.evidence:
        return
    yield from ("## Evidence", "")
    for one in report.evidence:
        known = _plain(one.title or "untitled") if one.is_known else "cited, but no tool has returned it"
        yield f"- `{one.id.replace('`', '')}` {known}, cited in {', '.join(f'#{number}' for number in one.cited_by)}"
    yield ""


def _transcript(report: Report) -> Iterator[str]:
    yield from ("## Transcript", "")
    for line in report.transcript:
        held = f", {_plain(line.position)} ({_share(line.confidence)})" if line.position else ""
        yield from (f"**#{line.number} {_plain(line.name)}**, round {line.round}, {line.type}{held}", "")
        yield from (_quoted(line.text) if line.text else f"_{_plain(line.detail or line.outcome)}_", "")


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head)):
        yield f"| {' | '.join(row)} |"
    for found in rows:
        yield f"| {' | '.join(_plain(str(cell)) for cell in found)} |"
    yield ""


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _plain(text: str) -> str:
    return _escaped(" ".join(text.split()))


def _quoted(text: str) -> str:
    return "\n".join(f"> {_escaped(line)}".rstrip() for line in text.splitlines())


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
