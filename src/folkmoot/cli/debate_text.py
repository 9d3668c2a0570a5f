"""A debate in words: statements, scores, the consensus as a bar, the end."""

from folkmoot.cli.screen import one_line, plain
from folkmoot.cli.text import word
from folkmoot.kernel.json import Json, JsonObject

BAR = 24
UNDER_WAY = ("initialized", "active", "paused")


def statement_lines(statement: JsonObject) -> list[str]:
    """Who said what, and what for."""
    position, confidence = statement.get("position"), statement.get("confidence")
    held = f" [{one_line(word(position), 60)}{_share(confidence)}]" if position else ""
    head = f"{word(statement.get('name'))}, round {statement.get('round')} {word(statement.get('type'))}{held}"
    text = plain(str(statement.get("text") or statement.get("detail") or word(statement.get("outcome"))))
    because = statement.get("changed_because")
    moved = [f"    moved because: {one_line(str(because))}"] if because else []
    return [head, *(f"    {line}".rstrip() for line in text.strip().splitlines()), *moved]


def round_line(scores: JsonObject, threshold: float | None = None) -> str:
    """A round's consensus as a bar with the threshold in it."""
    score = scores.get("consensus_score")
    share = float(score) if isinstance(score, int | float) else 0.0
    leader = scores.get("leader")
    who = f"{one_line(word(leader), 60)} leads" if leader else "nobody leads"
    return f"round {scores.get('round')}  {bar(share, threshold)} {share:.2f}  {who}"


def bar(share: float, threshold: float | None = None) -> str:
    """`share` is 0..1; the threshold is the mark in it."""
    filled = round(min(max(share, 0.0), 1.0) * BAR)
    cells = ["#"] * filled + ["."] * (BAR - filled)
    if threshold is not None:
        cells[min(BAR - 1, round(threshold * BAR))] = "|"
    return f"[{''.join(cells)}]"


def end_lines(report: JsonObject, status: str) -> list[str]:
    """What was decided, what the debate did to the vote, what it cost."""
    decision, votes, usage = _object(report, "decision"), _object(report, "votes"), _object(report, "usage")
    winner = decision.get("winner")
    type_, rule = word(decision.get("type")), word(decision.get("rule"))
    how = type_ if rule == type_ else f"{type_}, decided by {rule.replace('_', ' ')}"
    verdict = f"{one_line(word(winner))}: {how}, support{_share(decision.get('support'))}"
    first, last = (_object(votes, name).get("winner") for name in ("initial", "final"))
    warnings = report.get("warnings")
    reason = word(report.get("stop_reason")).replace("_", " ")
    told = [one for one in warnings if isinstance(one, dict)] if isinstance(warnings, list) else []
    cost = usage.get("cost_usd")
    return [
        verdict if winner else f"No decision: {how}",
        f"vote before the debate: {_named(first)}; after it: {_named(last)}",
        *(f"warning: {one_line(word(one.get('sentence')))}" for one in told),
        f"{status.replace('_', ' ')}{'' if reason == status else f' ({reason})'}, "
        f"{usage.get('model_calls')} model calls, cost {'unknown' if cost is None else f'{cost} USD'}",
        f"debate {report.get('debate_id')}; folkmoot debates report {report.get('debate_id')} --out FILE.html",
    ]


def _named(winner: Json) -> str:
    return one_line(word(winner), 80) if winner else "none"


def _share(value: Json) -> str:
    return f" {value:.2f}" if isinstance(value, int | float) else ""


def _object(value: JsonObject, name: str) -> JsonObject:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
