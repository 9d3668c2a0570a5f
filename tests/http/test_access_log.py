"""The access log: one line for one request, which no request can forge and in which no secret stands."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from folkmoot.http.figures import Figures
from folkmoot.http.requests import Requests
from folkmoot.kernel.scope import Actor

LINE = re.compile(r"(\S+) (\S+) (\d{3}(?:/\d+)?) [\d.]+ms (\d+)b request=([\w.-]+) caller=(\S+) address=(\S+)")


@dataclass(frozen=True)
class Somebody:
    actor: Actor
    credential: str = "api_key"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """As a process that runs at LOG_LEVEL=WARNING; the log was asked for all the same."""
    log, access = logging.getLogger("folkmoot"), logging.getLogger("folkmoot.access")
    levels = log.level, access.level
    log.setLevel(logging.WARNING)
    yield
    log.setLevel(levels[0])
    access.setLevel(levels[1])


async def _ignore(_: Message) -> None:
    pass


async def _nothing() -> Message:
    return {"type": "websocket.connect"}


async def _answering(scope: Scope, receive: Receive, send: Send) -> None:
    scope["state"]["caller"] = Somebody(Actor("user", "u1", "Ada\nLovelace"))
    await PlainTextResponse("hello")(scope, receive, send)


def _request(path: str, **parts: object) -> Scope:
    known = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "client": ("::1", 9)}
    return {**known, **parts}


async def _lines(caplog: pytest.LogCaptureFixture, *scopes: Scope) -> list[tuple[str, ...]]:
    logged = Requests(_answering, Figures(), is_logged=True)
    for scope in scopes:
        await logged(scope, _nothing, _ignore)
    found = [LINE.fullmatch(record.getMessage()) for record in caplog.records]
    assert all(found), caplog.text
    return [match.groups() for match in found if match]


async def test_a_line(caplog: pytest.LogCaptureFixture) -> None:
    sent = [(b"x-request-id", b"mine"), (b"authorization", b"Bearer s3cret"), (b"cookie", b"folkmoot_access=s3cret")]
    [line] = await _lines(caplog, _request("/v1x/agents/1/", query_string=b"ticket=s3cret", headers=sent))
    assert line == ("GET", "/api/v1x/agents/1", "200", "5", "mine", "api_key:u1", "::1")
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    "path",
    ["/a\n2026 INFO x", "/a\r\nb", "/a\x1b[31mb", "/a b", "/a\x00", "/é\u2028\u202e", "/\ud800", '/a"b%', "/" * 9999],
)
async def test_a_line_cannot_be_forged(caplog: pytest.LogCaptureFixture, path: str) -> None:
    [line] = await _lines(caplog, _request(path, method="GE\nT", client=("1\n2", 1)))
    assert line[0] == "GE%0AT"
    assert "".join(line).isascii()
    assert len(line[1]) <= 500


async def test_a_socket_is_one_line_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    async def opened(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.send_text("hello")
        await socket.close(4401)

    async def refused(scope: Scope, receive: Receive, send: Send) -> None:
        await WebSocket(scope, receive, send).close()

    for app in (opened, refused):
        handshake = _request("/ws/runs/1", type="websocket", client=None)
        await Requests(app, Figures(), is_logged=True)(handshake, _nothing, _ignore)
    told = [record.getMessage() for record in caplog.records]
    assert re.match(r"SOCKET /ws/runs/1 101/4401 \S+ 5b .* caller=- address=-$", told[0])
    assert told[1].startswith("SOCKET /ws/runs/1 403/1000 ")


async def test_nothing_is_logged_unless_it_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    await Requests(_answering, Figures())(_request("/"), _nothing, _ignore)
    assert caplog.records == []


async def test_what_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await Requests(failing, Figures(), is_logged=True)(_request("/x"), _nothing, _ignore)
    assert " 500 " in caplog.text
