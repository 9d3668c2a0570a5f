"""HTTP/1.1 as uvicorn reads it, with the bounds it leaves open: how large a request's head may be, and how slow."""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from folkmoot.http.headers import secured
from folkmoot.http.problems import MEDIA_TYPE, document
from folkmoot.kernel.errors import BadRequest, Problem
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import dumps

HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 10.0


class NotHttp(BadRequest):
    """The bytes are no HTTP request"""


class HeadTooLarge(Problem):
    """The head of the request is larger than 65,536 bytes"""

    status = 431


class HeadTooSlow(Problem):
    """The head of the request took longer than 10 seconds"""

    status = 408


class BoundedHttp(HttpToolsProtocol):
    """Refuses what never comes to a point, before anything else sees it.

    Bytes count until they become a whole head or part of a body, so endless trailers and chunk extensions end too.
    """

    _pending = 0
    _is_in_head = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._end, HeadTooSlow())

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._pending += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._pending > HEAD_BYTES:
            self._end(HeadTooLarge())
        elif self._is_in_head and self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._end, HeadTooSlow())

    def on_message_begin(self) -> None:
        self._pending = 0
        self._is_in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # what comes later is a trailer, which nothing here reads
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._pending = 0
        self._is_in_head = False
        self._in_time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._end(NotHttp())

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, problem: Problem) -> None:
        """Answer, and close."""
        self._in_time()
        request_id = new_id()
        body = dumps(document(problem, "", request_id)).encode()
        given = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            (b"x-request-id", request_id.encode()),
        ]
        head = b"HTTP/1.1 %d %s\r\n" % (problem.status, HTTPStatus(problem.status).phrase.encode())
        lines = b"".join(b"%s: %s\r\n" % header for header in secured(given, self.scheme or "http"))
        self.transport.write(b"%s%s\r\n%s" % (head, lines, body))
        self.transport.close()
