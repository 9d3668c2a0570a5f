"""A request as a span, a part of its caller's trace where that says so; called only where there is a tracer."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from folkmoot.http.access_log import Answered
from folkmoot.kernel.tracing import Attribute, Tracer

_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
_ROUTE = "route"


class NotesRoute:
    """The innermost layer: keeps the route that was found where the outermost sees it, whatever lies between."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        finally:
            scope.setdefault("state", {})[_ROUTE] = getattr(scope.get("route"), "path", None)


async def traced(tracer: Tracer, scope: Scope, answered: Answered, work: Awaitable[None]) -> None:
    """Neither the path, in which names may stand, nor the query is told: only the route."""
    method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
    attributes: dict[str, Attribute] = {"http.request.method": method, "url.scheme": scope.get("scheme", "http")}
    with tracer.span(method, attributes, kind="server", parent=_parent_of(scope)) as span:
        try:
            await work
        finally:
            route = scope["state"].get(_ROUTE)
            if isinstance(route, str):
                span.rename(f"{method} {route}")
                span.set({"http.route": route})
            span.set({"http.response.status_code": answered.status})
            if answered.status >= 500:
                span.fail(str(answered.status))


def _parent_of(scope: Scope) -> str | None:
    """What is not as W3C writes it is no parent: the tracer looks."""
    found = (value for name, value in scope["headers"] if name == b"traceparent")
    return str(next(found, b""), "latin-1") or None
