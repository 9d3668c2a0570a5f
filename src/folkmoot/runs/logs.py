"""A run's log: its journal, told in sentences."""

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.runs.journal import Entry
from folkmoot.runs.schemas import Level, LogLine

LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
_MESSAGE = 1000


def wanted(level: Level, least: Level) -> bool:
    return LEVELS.index(level) >= LEVELS.index(least)


def line_of(entry: Entry) -> LogLine:
    level, message = _told(entry)
    return LogLine(seq=entry.seq, at=entry.at, level=level, message=" ".join(message.split())[:_MESSAGE])


def _told(entry: Entry) -> tuple[Level, str]:
    data = entry.data
    match entry.kind:
        case "begun":
            return "info", "The run began"
        case "intended":
            return "debug", f"About to use {data.get('tool')} ({entry.key})"
        case "done":
            return _done(entry)
        case "waiting":
            what = {"person": "a person", "child": "another run"}.get(str(data.get("for")), data.get("for"))
            return "info", f"Waiting for {what} ({entry.key})"
        case "told":
            return "info", f"Told by {_name(data.get('author'))}"
        case "controlled":
            return "info", f"{str(data.get('verb')).capitalize()} by {_name(data.get('by'))}"
        case "ended":
            return _ended(data)


def _done(entry: Entry) -> tuple[Level, str]:
    who = _who(entry.data.get("by"))
    fault = entry.data.get("fault")
    if isinstance(fault, dict):
        return "warning", f"{entry.key}{who} failed: {fault.get('sentence')} ({fault.get('code')})"
    return "info", f"{entry.key}{who} is done{_usage(entry.data.get('usage'))}"


def _ended(data: JsonObject) -> tuple[Level, str]:
    fault = data.get("fault")
    why = f": {fault.get('sentence')} ({fault.get('code')})" if isinstance(fault, dict) else ""
    level: Level = "info" if data.get("status") == "completed" else "error"
    return level, f"The run ended {data.get('status')} ({data.get('stop_reason')}){why}"


def _who(by: Json) -> str:
    if not isinstance(by, dict):
        return ""
    named = [str(by[key]) for key in ("role", "model") if by.get(key)]
    failed = by.get("failed")
    listed = failed if isinstance(failed, list) else []
    passed = [f"{one.get('model')}: {one.get('code')}" for one in listed if isinstance(one, dict)]
    after = f", after {'; '.join(passed)}" if passed else ""
    return f" by {' with '.join(named)}{after}" if named else ""


def _usage(usage: Json) -> str:
    if not isinstance(usage, dict):
        return ""
    cost = "" if usage.get("cost_usd") is None else f", {usage['cost_usd']} USD"
    return f" ({usage.get('input_tokens')} tokens in, {usage.get('output_tokens')} out{cost})"


def _name(actor: Json) -> str:
    return str(actor.get("name")) if isinstance(actor, dict) else str(actor)
