"""A report as one page that needs nothing else: no script, no font, no address; what agents wrote is text."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from typing import Final

from folkmoot.debates.charts import colour_of, consensus_curve, position_flow, positions_of
from folkmoot.debates.reading import Dissent, Report
from folkmoot.debates.schemas import StatementView

STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#d5dbe3;--paper:#fff;--panel:#f5f7fa;
--c0:#2563eb;--c1:#d97706;--c2:#059669;--c3:#c026d3;--c4:#dc2626;--c5:#0891b2;--c6:#65a30d;--c7:#71717a}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa7b8;--line:#323c4a;--paper:#12171e;--panel:#1a212b;
--c0:#60a5fa;--c1:#fbbf24;--c2:#34d399;--c3:#e879f9;--c4:#f87171;--c5:#22d3ee;--c6:#a3e635;--c7:#a1a1aa}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:780px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 8px}h2{font-size:1.15rem;margin:36px 0 10px}
.verdict{font-size:1.2rem;font-weight:600;margin:0 0 4px}.soft,figcaption{color:var(--soft)}
.warning{border-left:4px solid var(--c1);background:var(--panel);padding:8px 12px;margin:12px 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
figure{margin:12px 0}svg{width:100%;height:auto;display:block}
.grid{stroke:var(--line)}.threshold{stroke:var(--c1);stroke-dasharray:6 5}.tick{fill:var(--soft);font-size:13px}
.curve{fill:none;stroke:var(--c0);stroke-width:3}.mark{fill:var(--c0)}
.ribbon{fill:none;stroke-width:6;opacity:.55}.key{display:inline-block;margin-right:16px}
.key i{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.4em}
.said{border-top:1px solid var(--line);padding:12px 0}.said p{margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere}
blockquote{margin:8px 0;padding-left:12px;border-left:3px solid var(--line);white-space:pre-wrap;overflow-wrap:anywhere}
footer{margin-top:40px;font-size:.85rem;color:var(--soft);overflow-wrap:anywhere}
""" + "".join(
    f".ribbon.c{one}{{stroke:var(--c{one})}}.dot.c{one}{{fill:var(--c{one})}}.key .c{one}{{background:var(--c{one})}}\n"
    for one in range(8)
)
_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"
"""The page's own Content-Security-Policy: its one style sheet, and nothing from anywhere."""


def page(report: Report) -> str:
    """The whole document, with its policy in it, so that it also holds for a saved copy."""
    topic = escape(report.config.debate_topic)
    policy = escape(POLICY.partition("; frame-ancestors")[0])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{topic}</title><style>{STYLE}</style></head><body><main>"
        f'<h1>{topic}</h1><p class="verdict">{escape(report.verdict)}</p><p>{escape(report.change)}</p>'
        f"{_quote(report.config.problem_statement)}{_warnings(report)}{_pictures(report)}{_participants(report)}"
        f"{_moves(report)}{_dissent(report.dissent)}{_evidence(report)}{_transcript(report.transcript)}"
        f"<footer>{escape(report.cost)}. Mode {escape(report.config.debate_mode)}, ended "
        f"{escape(report.stop_reason.replace('_', ' '))}. Seed {report.seed}. Report {escape(report.hash)}.</footer>"
        "</main></body></html>\n"
    )


def _warnings(report: Report) -> str:
    return "".join(f'<p class="warning">{escape(one.sentence)}</p>' for one in report.warnings)


def _pictures(report: Report) -> str:
    if not report.rounds:
        return ""
    labels = positions_of(report)
    keys = "".join(
        f'<span class="key"><i class="{colour_of(labels, label)}"></i>{escape(label)}</span>' for label in labels
    )
    flow = position_flow(report)
    flows = f"<h2>Positions</h2><figure>{flow}<figcaption>{keys}</figcaption></figure>" if flow else ""
    backing = "Share of backing for the leading position after each round."
    curve = f"<figure>{consensus_curve(report)}<figcaption>{backing}</figcaption></figure>"
    return f"<h2>Consensus</h2>{curve}{flows}"


def _participants(report: Report) -> str:
    rows = (
        (
            one.name,
            one.model or one.kind,
            one.initial_position or "none",
            one.final_position or "none",
            "" if one.confidence is None else f"{one.confidence:.2f}",
            one.turns,
            one.flips,
            f"{one.timeouts} / {one.abstentions}",
        )
        for one in report.participants
    )
    head = ("Name", "Model", "First", "Last", "Confidence", "Turns", "Changes", "Timeouts / abstentions")
    return f"<h2>Participants</h2>{_table(head, rows)}"


def _moves(report: Report) -> str:
    if not report.moved:
        return ""
    rows = (
        (
            one.round,
            one.name,
            one.since or "none",
            one.to or "none",
            one.changed_because or "no reason given",
            ", ".join(one.evidence),
        )
        for one in report.moved
    )
    return f"<h2>Who moved</h2>{_table(('Round', 'Name', 'From', 'To', 'Because', 'Citing'), rows)}"


def _dissent(found: Iterable[Dissent]) -> str:
    parts = [
        f"<p><strong>{escape(one.position or 'none')}</strong> ({escape(', '.join(one.names))})</p>"
        f"{_quote(one.best_argument.text) if one.best_argument else ''}"
        for one in found
    ]
    return f"<h2>Dissent</h2>{''.join(parts)}" if parts else ""


def _evidence(report: Report) -> str:
    if not report.evidence:
        return ""
    rows = (
        (
            one.id,
            (one.title or "untitled") if one.is_known else "cited, but no tool has returned it",
            (one.text or "")[:400],
            ", ".join(f"#{number}" for number in one.cited_by),
        )
        for one in report.evidence
    )
    return f"<h2>Evidence</h2>{_table(('Id', 'Source', 'Text', 'Cited in'), rows)}"


def _transcript(lines: Iterable[StatementView]) -> str:
    return f"<h2>Transcript</h2>{''.join(map(_said, lines))}"


def _said(line: StatementView) -> str:
    held = "" if line.position is None else f", {line.position}"
    sure = "" if line.confidence is None else f" ({line.confidence:.2f})"
    head = f"#{line.number} {line.name}, round {line.round}, {line.type}{held}{sure}"
    text = f"<p>{escape(line.text)}</p>" if line.text else f'<p class="soft">{escape(line.detail or line.outcome)}</p>'
    because = f'<p class="soft">Moved because: {escape(line.changed_because)}</p>' if line.changed_because else ""
    return f'<div class="said"><strong>{escape(head)}</strong>{text}{because}</div>'


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _quote(text: str) -> str:
    return f"<blockquote>{escape(text)}</blockquote>"
