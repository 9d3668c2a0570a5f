"""One API, three spellings: `/api/...`, `/api/v1/...` and the bare path, each with or without a slash at its end."""

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


def canonical(path: str) -> str:
    """The one home of a path."""
    if len(path) > 1 and path.endswith("/"):
        path = path.rstrip("/") or "/"
    if path == "/" or any(path == kept or path.startswith(kept + "/") for kept in KEPT):
        return path
    if path == "/api/v1" or path.startswith("/api/v1/"):
        return "/api" + path[len("/api/v1") :]
    if path == "/api" or path.startswith("/api/"):
        return path
    return "/api" + path


class CanonicalPath:
    """Rewrites the path ahead of the router: no second set of routes, and no redirect that `curl` would not follow."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            path = canonical(scope["path"])
            if path != scope["path"]:
                scope = {**scope, "path": path, "raw_path": path.encode()}
        await self.app(scope, receive, send)
