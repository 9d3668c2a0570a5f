"""Problems on the wire (RFC 9457): one document for everything that goes wrong, and what routes declare of it."""

from http import HTTPStatus
from typing import Any

from folkmoot.kernel.clock import iso, now
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject

MEDIA_TYPE = "application/problem+json"
_RESERVED = {"type", "title", "status", "detail", "code", "instance", "timestamp", "request_id", "error", "hint"}


def document(problem: Problem, instance: str, request_id: str) -> JsonObject:
    """The problem document; the problem's facts ride along as members of their own."""
    body: JsonObject = {
        "type": f"urn:folkmoot:problem:{problem.code}",
        "title": title(type(problem)),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "instance": instance,
        "timestamp": iso(now()),
        "request_id": request_id,
        "error": problem.detail,
    }
    if problem.hint is not None:
        body["hint"] = problem.hint
    body.update((name, fact) for name, fact in problem.facts.items() if name not in _RESERVED - {"hint"})
    return body


def title(problem: type[Problem]) -> str:
    return (problem.__doc__ or HTTPStatus(problem.status).phrase).strip().splitlines()[0]


def problems(*classes: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """What a route declares as `responses`: the problems it may answer besides 422 and 500."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem in classes:
        known = responses.setdefault(problem.status, {"description": "", "content": {MEDIA_TYPE: _content()}})
        known["description"] = "; ".join(filter(None, (known["description"], title(problem))))
        known["content"][MEDIA_TYPE]["examples"][problem.code] = {"value": _example(problem)}
    return responses


def _content() -> dict[str, Any]:
    return {"schema": {"$ref": "#/components/schemas/ProblemDocument"}, "examples": {}}


def _example(problem: type[Problem]) -> JsonObject:
    return {
        "type": f"urn:folkmoot:problem:{problem.code}",
        "title": title(problem),
        "status": problem.status,
        "detail": title(problem),
        "code": problem.code,
    }
