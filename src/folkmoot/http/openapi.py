"""OpenAPI as we mean it: every error is a problem document, validation included."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from folkmoot.http.problems import MEDIA_TYPE

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
_REPLACED = ("HTTPValidationError", "ValidationError")


def operation_id(route: APIRoute) -> str:
    """Route function = operationId = CLI verb = client method."""
    return route.name


class Api(FastAPI):
    """FastAPI, with every error described as the problem document it is."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _described(super().openapi())
        return self.openapi_schema


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in _REPLACED:
        components.pop(name, None)
    components["ProblemDocument"] = _DOCUMENT
    for path in schema["paths"].values():
        for operation in path.values():
            _declare(operation["responses"])
    return schema


def _declare(responses: dict[str, Any]) -> None:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    for status, title in (("422", "The request is not valid"), ("500", "Internal server error")):
        if status not in responses or "application/json" in responses[status].get("content", {}):
            responses[status] = {"description": title, "content": content}
