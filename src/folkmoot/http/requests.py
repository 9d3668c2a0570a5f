"""The outermost layer: every request gets an id, a time and a place in the figures."""

import re
from time import perf_counter

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from folkmoot.http.figures import Figures
from folkmoot.kernel.ids import new_id

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Requests:
    """Adds X-Request-Id (the caller's own, where it is a plain word) and X-Response-Time, and counts."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self.app = app
        self.figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = _id_of(scope)
        state["path"] = scope["path"]
        state["began"] = began = perf_counter()
        status = 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                mark(HTTPConnection(scope), MutableHeaders(scope=message))
            await send(message)

        self.figures.opened()
        try:
            await self.app(scope, receive, send_marked)
        finally:
            self.figures.closed()
            if scope["type"] == "http":
                self.figures.answered(status, perf_counter() - began)


def mark(connection: HTTPConnection, headers: MutableHeaders) -> None:
    """The two headers every answer carries."""
    headers["X-Request-Id"] = connection.state.request_id
    headers["X-Response-Time"] = f"{(perf_counter() - connection.state.began) * 1000:.2f}ms"


def _id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return new_id()
