"""Log lines of a server: to the error stream, as text or as JSON, with the request and the run they are about."""

import logging
import sys
from datetime import UTC, datetime

from folkmoot.kernel.hiding import Hider
from folkmoot.kernel.json import Json, JsonObject, clean_json, dumps
from folkmoot.kernel.origin import origin
from folkmoot.kernel.settings import Settings, secrets_in

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OURS = "folkmoot"
_LIBRARIES = ("uvicorn", "asyncio", "opentelemetry")
"""Whose warnings are told in the same form."""


class TextLines(logging.Formatter):
    """A line for a person; a traceback stands in the lines below it. No message begins a line of its own."""

    def __init__(self, hider: Hider) -> None:
        super().__init__(FORM)
        self._hider = hider

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 the library's name
        line = super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
        of = origin()
        if of.request_id is not None and _fields(record) is None:
            line += f" request={of.request_id}"
        return line if of.run_id is None else f"{line} run={of.run_id}"

    def format(self, record: logging.LogRecord) -> str:
        return self._hider.over(super().format(record))


class JsonLines(logging.Formatter):
    """One object a line: at, level, logger, message, what it is about, the record's own fields, a traceback."""

    def __init__(self, hider: Hider) -> None:
        super().__init__()
        self._hider = hider

    def format(self, record: logging.LogRecord) -> str:
        of = origin()
        told: JsonObject = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": of.request_id,
            "run_id": of.run_id,
            **(_fields(record) or {}),
        }
        if of.trace is not None:
            _, told["trace_id"], told["span_id"], _ = of.trace.split("-")
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        shown = {name: self._shown(value) for name, value in told.items() if value is not None}
        return dumps(clean_json(shown))

    def _shown(self, value: Json) -> Json:
        return self._hider.over(value) if isinstance(value, str) else value


def fielded(**fields: Json) -> dict[str, object]:
    """The `extra` of a record whose message can also be told apart, for JSON."""
    return {"fields": fields}


def _fields(record: logging.LogRecord) -> JsonObject | None:
    fields: JsonObject | None = getattr(record, "fields", None)
    return fields


def log_to_stderr(settings: Settings) -> None:
    """For a process that is a server; a command of the CLI keeps its terminal for itself.

    No secret of the settings gets into a line.
    """
    logging.getLogger(_OURS).setLevel(settings.effective_log_level)
    hider = Hider(secrets_in(settings))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(hider) if settings.log_format == "json" else TextLines(hider))
    for name in (_OURS, *_LIBRARIES):
        log = logging.getLogger(name)
        if not log.handlers:
            log.addHandler(handler)
