"""What can go wrong at the terminal, and how the terminal says it: one line, a hint, an exit code."""

from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import Json, JsonObject, dumps

COMPLETED = 0
NOT_COMPLETED = 1
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143

_OF_THE_CALLER = frozenset({400, 404, 413, 415, 422})
_SHOWN_ERRORS = 5


class BadUsage(Problem):
    """The command cannot be carried out as it was given"""

    status = 400


class ConnectionLost(Problem):
    """The server cannot be reached"""

    status = 503
    retryable = True


class Refused(Problem):
    """The API refused the call; its problem document is kept as the fact `document`"""


def refused(status: int, document: JsonObject) -> Refused:
    """The problem of an answer that was not a 2xx; a foreign body gives at least its status."""
    detail = document.get("detail") or document.get("title") or f"The server answered {status}"
    return Refused(f"{detail}", http_status=status, document=document)


def is_passing(problem: Problem) -> bool:
    """Whether the same call may well succeed in a moment: no connection, or a fault of the server's."""
    status = problem.facts.get("http_status", problem.status)
    return isinstance(status, int) and status >= 500


def exit_code(problem: Problem) -> int:
    """2 where what was typed is wrong, else 1."""
    status = problem.facts.get("http_status", problem.status)
    return USAGE if status in _OF_THE_CALLER else NOT_COMPLETED


def document(problem: Problem) -> JsonObject:
    """The problem as JSON, for `--json`."""
    told = problem.facts.get("document")
    if isinstance(told, dict):
        return told
    found: JsonObject = {"code": problem.code, "detail": problem.detail, "error": problem.detail}
    return found | ({"hint": problem.hint} if problem.hint else {}) | problem.facts


def sentence(problem: Problem) -> str:
    """One line: what is wrong, where, and what to do next."""
    told = document(problem)
    parts = [problem.detail.rstrip(".")]
    errors = told.get("errors")
    if isinstance(errors, list) and errors:
        parts.append("; ".join(_error(error) for error in errors[:_SHOWN_ERRORS]))
    line = ": ".join(parts) + "."
    hint = told.get("hint")
    return f"{line} {hint}" if isinstance(hint, str) else line


def _error(error: Json) -> str:
    if not isinstance(error, dict):
        return dumps(error)
    where = error.get("loc")
    places = [str(part) for part in where if part != "body"] if isinstance(where, list) else []
    return f"{'.'.join(places)} {error.get('msg', 'is not valid')}".strip()
