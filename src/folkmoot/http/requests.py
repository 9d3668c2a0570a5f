"""The outermost layer: every request gets an id, a time, safe headers and a place in figures, traces and the log."""

import re
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from folkmoot.http.access_log import Answered, log_access, open_log
from folkmoot.http.figures import Figures
from folkmoot.http.headers import RawHeaders, secured
from folkmoot.http.tracing import traced
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.origin import Origin, enter, leave
from folkmoot.kernel.tracing import OFF, Tracer

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_STARTS = ("http.response.start", "websocket.http.response.start")


class Requests:
    """Adds X-Request-Id (the caller's own, where it is a plain word), X-Response-Time and safe headers, and counts."""

    def __init__(self, app: ASGIApp, figures: Figures, *, is_logged: bool = False, tracer: Tracer = OFF) -> None:
        self.app = app
        self.figures = figures
        self.is_logged = is_logged
        self.tracer = tracer
        if is_logged:
            open_log()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = _id_of(scope)
        state["path"] = scope["path"]
        state["began"] = perf_counter()
        answered = Answered()
        token = enter(Origin(state["request_id"]))
        try:
            work = self._answer(scope, receive, send, answered)
            await (traced(self.tracer, scope, answered, work) if self._is_traced(scope) else work)
        finally:
            leave(token)

    def _is_traced(self, scope: Scope) -> bool:
        """A socket lasts too long for a span."""
        return self.tracer.is_on and scope["type"] == "http"

    async def _answer(self, scope: Scope, receive: Receive, send: Send, answered: Answered) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] in _STARTS:
                message["headers"] = marked(scope, message.get("headers", ()))
            answered.note(message)
            await send(message)

        is_socket = scope["type"] == "websocket"
        self.figures.opened(is_socket=is_socket)
        try:
            await self.app(scope, receive, send_marked)
        finally:
            seconds = perf_counter() - scope["state"]["began"]
            self.figures.closed(is_socket=is_socket)
            if not is_socket:
                self.figures.answered(scope["method"], answered.status, seconds)
            if self.is_logged:
                log_access(scope, answered, seconds)


def marked(scope: Scope, headers: RawHeaders) -> RawHeaders:
    """The headers every answer carries."""
    state = scope["state"]
    found = secured(headers, scope.get("scheme", "http"))
    found.append((b"x-request-id", state["request_id"].encode()))
    found.append((b"x-response-time", b"%.2fms" % ((perf_counter() - state["began"]) * 1000)))
    return found


def _id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return new_id()
