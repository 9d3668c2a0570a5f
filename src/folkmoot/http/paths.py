"""One API, three spellings: `/api/...`, `/api/v1/...` and the bare path, each with or without a slash at its end."""

from collections.abc import Awaitable

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

KEPT = (
    "/docs",
    "/redoc",
    "/openapi.json",
    "/asyncapi.json",
    "/metrics",
    "/studio",
    "/ws",
    "/socket.io",
    "/mcp",
    "/a2a",
    "/v1",
)
_BELOW_KEPT = tuple(f"{path}/" for path in KEPT)


def canonical(path: str) -> str:
    """The one home of a path."""
    if len(path) > 1 and path.endswith("/"):
        path = path.rstrip("/") or "/"
    if path == "/" or path in KEPT or path.startswith(_BELOW_KEPT):
        return path
    if path == "/api/v1" or path.startswith("/api/v1/"):
        return "/api" + path[len("/api/v1") :]
    if path == "/api" or path.startswith("/api/"):
        return path
    return "/api" + path


class CanonicalPath:
    """Rewrites the path ahead of the router: no second set of routes, and no redirect that `curl` would not follow.

    A route that other software has added to the application is reached as it is spelled there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] in ("http", "websocket"):
            path = canonical(scope["path"])
            if path != scope["path"] and not any(route.matches(scope)[0] == Match.FULL for route in _added(scope)):
                scope = {**scope, "path": path, "raw_path": path.encode()}
        return self.app(scope, receive, send)


def _added(scope: Scope) -> list[BaseRoute]:
    """What came after `create_app`, which sets `routes_of_house` to the number of its own."""
    app = scope["app"]
    routes: list[BaseRoute] = app.router.routes
    return routes[getattr(app.state, "routes_of_house", len(routes)) :]
