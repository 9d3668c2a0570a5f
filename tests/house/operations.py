"""The operations of the application, read from its OpenAPI document, for tests that go through all of them."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from folkmoot.app import create_app
from folkmoot.kernel.settings import Settings


@dataclass(frozen=True)
class Operation:
    """What OpenAPI says of one; `said` is its part of the document."""

    method: str
    path: str
    said: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.said["operationId"])

    @property
    def is_scoped(self) -> bool:
        return any(given["name"] == "x-workspace-id" for given in self.said.get("parameters", ()))

    def media(self, of: str) -> dict[str, Any]:
        """What is said of an answer, or of the request's `body`, by media type."""
        part = self.said.get("requestBody", {}) if of == "body" else self.said["responses"][of]
        found: dict[str, Any] = part.get("content", {})
        return found


def operations_of(document: dict[str, Any]) -> list[Operation]:
    return [
        Operation(method.upper(), path, said)
        for path, methods in document["paths"].items()
        for method, said in methods.items()
    ]


@cache
def document() -> dict[str, Any]:
    """Made when it is first asked for: every process that collects tests would pay for it."""
    return create_app(Settings(_env_file=None)).openapi()


@cache
def operations() -> list[Operation]:
    return operations_of(document())


@cache
def by_id() -> dict[str, Operation]:
    return {operation.id: operation for operation in operations()}


def schemas() -> dict[str, Any]:
    """What the document's references name."""
    named: dict[str, Any] = document()["components"]["schemas"]
    return named


ENDLESS = {"stream_events"}
"""Answers that end when their reader leaves, which one who waits for the whole never does."""
