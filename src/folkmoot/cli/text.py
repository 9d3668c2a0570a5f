"""The API's JSON as words: pure functions, so that every line a person reads can be tested."""

from decimal import Decimal, InvalidOperation

from folkmoot.cli.screen import one_line, plain
from folkmoot.kernel.json import Json, JsonObject


def status_of(run: JsonObject) -> str:
    return str(run.get("status"))


def objects(value: Json) -> list[JsonObject]:
    """The objects in a list, whatever else is in it; none if it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def word(value: Json) -> str:
    return "" if value is None else one_line(str(value))


def number(value: Json) -> int:
    return int(value) if isinstance(value, int | float) else 0


def usage_words(usage: Json) -> str:
    """`3 calls, 1,204 tokens in, 377 out, $0.0042`; an unknown price is said to be unknown."""
    used = usage if isinstance(usage, dict) else {}
    calls = number(used.get("model_calls"))
    tokens = f"{number(used.get('input_tokens')):,} tokens in, {number(used.get('output_tokens')):,} out"
    return f"{calls} call{'' if calls == 1 else 's'}, {tokens}, {cost_words(used.get('cost_usd'))}"


def cost_words(cost: Json) -> str:
    if cost is None:
        return "cost unknown"
    try:
        amount = Decimal(str(cost))
    except InvalidOperation:
        return "cost unknown"
    return "no cost" if amount == 0 else f"${amount:.4f}"


def progress_words(data: JsonObject) -> str:
    """`40 % work, step 2 of 5`."""
    percent, total = number(data.get("progress_percent")), number(data.get("total_steps"))
    step = f", step {number(data.get('step'))} of {total}" if total else ""
    return f"{percent} % {word(data.get('current_phase'))}{step}"


def status_words(run: JsonObject) -> str:
    """`failed (not_approved): the rounds are used up`, `pending, waiting for admission`."""
    words = status_of(run)
    code, reason = word(run.get("error_code")), word(run.get("stop_reason"))
    if code or reason:
        words += f" ({code or reason})"
    if run.get("waiting_for"):
        words += f", waiting for {word(run['waiting_for'])}"
    return f"{words}: {word(run['error_message'])}" if run.get("error_message") else words


def duration_words(run: JsonObject) -> str:
    seconds = run.get("duration_seconds")
    if not isinstance(seconds, int | float):
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02d}s" if minutes else f"{seconds:.1f}s"


def log_words(line: JsonObject) -> str:
    """One line of a run's log, with the time of day it was written."""
    at = str(line.get("at") or line.get("timestamp") or "")[11:19]
    level = str(line.get("level") or "info")
    mark = "" if level == "info" else f"{level}: "
    return f"{at} {mark}{word(line.get('message') or line.get('text'))}".strip()


def plan_lines(plan: Json) -> list[str]:
    """A team's plan: its steps with who does them and what they wait for."""
    if not isinstance(plan, dict):
        return []
    lines = [f"plan (complexity {word(plan.get('complexity'))}):"]
    for step in objects(plan.get("steps")):
        after = step.get("depends_on")
        follows = f", after {', '.join(word(item) for item in after)}" if isinstance(after, list) and after else ""
        lines.append(f"  {word(step.get('id'))}: {word(step.get('title'))} ({word(step.get('role'))}{follows})")
    return lines


def result_lines(run: JsonObject) -> list[str]:
    """What a run delivered, as lines of plain text."""
    results = run.get("results")
    if not isinstance(results, dict):
        return []
    lines = []
    summary = results.get("summary")
    if isinstance(summary, str) and summary.strip():
        lines += [plain(summary).strip(), ""]
    for title, key in (("Deliverables", "deliverables"), ("Open issues", "open_issues")):
        items = results.get(key)
        if isinstance(items, list) and items:
            lines += [f"{title}:", *(f"  - {_item(item)}" for item in items), ""]
    return lines


def _item(item: Json) -> str:
    if not isinstance(item, dict):
        return word(item)
    name = word(item.get("name") or item.get("title") or item.get("artifact") or item.get("step_id"))
    note = word(item.get("description") or item.get("note") or item.get("summary"))
    return ": ".join(part for part in (name, note) if part) or word(str(item))
