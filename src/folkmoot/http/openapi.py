"""OpenAPI as we mean it: every error is a problem document, and every answer has an example."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from folkmoot.http.body import BodyTooLarge, BodyTooSlow
from folkmoot.http.links import add_links
from folkmoot.http.problems import MEDIA_TYPE, problems
from folkmoot.http.rate_limit import RateLimitReached
from folkmoot.http.render import InternalError
from folkmoot.kernel.errors import BadRequest, Invalid, Problem

_DOCUMENT = {
    "title": "ProblemDocument",
    "description": "RFC 9457; members beyond these are facts about the problem.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "instance", "timestamp", "request_id", "error"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
        "request_id": {"type": "string"},
        "error": {"type": "string", "description": "The same as detail"},
        "hint": {"type": "string", "description": "The next step, where there is one"},
        "errors": {
            "type": "array",
            "description": "Of a 422: where and why, never what was sent",
            "items": {
                "type": "object",
                "properties": {
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "msg": {"type": "string"},
                    "type": {"type": "string"},
                },
            },
        },
    },
}
_PROBLEM = {"$ref": "#/components/schemas/ProblemDocument"}
_SELECTOR = "x-workspace-id"
_SCHEMES: dict[str, dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token, an API key or the admin token",
    },
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "folkmoot_access",
        "description": "Set by a login; over https its name is __Host-folkmoot_access",
    },
    "password": {
        "type": "oauth2",
        "flows": {"password": {"tokenUrl": "/api/login/access-token", "scopes": {}}},
    },
}
_REPLACED = ("HTTPValidationError", "ValidationError")


def operation_id(route: APIRoute) -> str:
    """Route function = operationId = CLI verb = client method."""
    return route.name


class Api(FastAPI):
    """FastAPI, with every error described as the problem document it is."""

    problems_of_scope: tuple[type[Problem], ...] = ()
    """What an operation that takes a workspace selector may answer besides what its route declares."""
    problems_of_door: tuple[type[Problem], ...] = ()
    """What whoever is not let in is told, by every operation."""
    is_open: Callable[[str], bool] | None = None
    """Whether an operation's path is for everybody."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = self._described(super().openapi())
        return self.openapi_schema

    def _described(self, document: dict[str, Any]) -> dict[str, Any]:
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in _REPLACED:
            schemas.pop(name, None)
        schemas["ProblemDocument"] = _DOCUMENT
        document["components"]["securitySchemes"] = _SCHEMES
        document["security"] = [{name: []} for name in _SCHEMES]
        for schema in schemas.values():
            if "examples" in schema:
                schema["examples"] = [_whole(schema, example) for example in schema["examples"]]
        by_hand = _read_by_hand(self)
        for path, methods in document["paths"].items():
            for operation in methods.values():
                if read := by_hand.get(operation["operationId"]):
                    operation.setdefault("parameters", []).extend(read)
                is_scoped = any(given["name"] == _SELECTOR for given in operation.get("parameters", ()))
                _declare(operation, (*self.problems_of_door, *(self.problems_of_scope if is_scoped else ())))
                if self.is_open is not None and self.is_open(path):
                    operation["security"] = []
                for answer in operation["responses"].values():
                    _show(answer.get("content", {}), schemas)
                _show(operation.get("requestBody", {}).get("content", {}), schemas)
        add_links(document)
        return document


def _read_by_hand(app: FastAPI) -> dict[str, list[dict[str, Any]]]:
    """By operation: what its dependencies read of the request themselves, and say in `openapi_parameters`."""
    routes = (context.original_route for context in iter_route_contexts(app.routes))
    return {route.name: list(_said(route.dependant)) for route in routes if isinstance(route, APIRoute)}


def _said(dependant: Dependant) -> Iterator[dict[str, Any]]:
    found = {}
    for below in dependant.dependencies:
        said = (*getattr(below.call, "openapi_parameters", ()), *_said(below))
        found.update({(parameter["in"], parameter["name"]): parameter for parameter in said})
    yield from found.values()


def _whole(schema: dict[str, Any], example: Any) -> Any:
    """The example with the nulls that the framework takes out of it."""
    return {**dict.fromkeys(schema.get("required", ())), **example} if isinstance(example, dict) else example


def _declare(operation: dict[str, Any], ahead: tuple[type[Problem], ...]) -> None:
    """Add what the layers ahead of every route may answer."""
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]
    taken = operation.get("requestBody", {}).get("content", {})
    of_body = (BodyTooLarge, BodyTooSlow) if taken else ()
    of_form = (BadRequest,) if set(taken) - {"application/json"} else ()
    everywhere = problems(*ahead, *of_form, *of_body, Invalid, RateLimitReached, InternalError)
    for status, added in everywhere.items():
        _add(responses.setdefault(str(status), {"description": "", "content": {}}), added)
    operation["responses"] = dict(sorted(responses.items()))


def _add(declared: dict[str, Any], added: dict[str, Any]) -> None:
    """One more reason for a status that has some already."""
    known = declared["content"].setdefault(MEDIA_TYPE, {"schema": _PROBLEM, "examples": {}})["examples"]
    declared["description"] = "; ".join(filter(None, (declared["description"], added["description"])))
    known.update(added["content"][MEDIA_TYPE]["examples"])


def _show(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    for media in content.values():
        if "example" not in media and "examples" not in media:
            media.update(("example", example) for example in _example(media.get("schema", {}), schemas))


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> list[Any]:
    """What the schema shows of itself, else what its parts show together; empty where one shows nothing."""
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "examples" in schema:
        return [schema["examples"][0]]
    if "default" in schema:
        return [schema["default"]]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas)
    if schema.get("type") == "array":
        found = _example(schema.get("items", {}), schemas)
        return [found] if found else []
    parts = {name: _example(part, schemas) for name, part in schema.get("properties", {}).items()}
    return [{name: part[0] for name, part in parts.items()}] if parts and all(parts.values()) else []
