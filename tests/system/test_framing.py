"""Bytes that are no HTTP, or HTTP that means two things, on a real port: refused, and everybody else is served."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from folkmoot.cli import protocol
from folkmoot.http import body
from tests.serving import listening, running, settings_for

PATIENCE_SECONDS = 2
GET = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/knowledge/documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SOCKET = (
    b"GET /ws/runs/0190f0f0-0000-7000-8000-000000000000 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\n"
)
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
SMUGGLED = b"GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

NO_HTTP = [
    b"\r\n\r\n\r\n",
    b"\x00" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x7f" * 200,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /api/health\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET  /api/health  HTTP/1.1\r\n\r\n",
    b"GET /api/health HTTP/9.9\r\n\r\n",
    b"GET /api/health HTTP/1.1\n\n",
    b"G\x00T / HTTP/1.1\r\n\r\n",
    b"\xff\xfe / HTTP/1.1\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://evil.example/api/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET //evil.example/api/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"CONNECT / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/health HTTP/1.1\r\n\r\n",
    b"GET /api/health HTTP/1.0\r\n\r\n",
    b"GET /api/health?%ZZ=%&=&&&;=\xe2\x80\xae HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /%c0%ae%c0%ae/%u002e%uff0e HTTP/1.1\r\nHost: localhost\r\n\r\n",
    GET + b"Host: evil.example\r\n\r\n",
    GET + b"no colon\r\n\r\n",
    GET + b": no name\r\n\r\n",
    GET + b"X Y: space\r\n\r\n",
    GET + b"X-Null: a\x00b\r\n\r\n",
    GET + b"X-Bare: a\rb\r\n\r\n",
    GET + b"X-Folded: a\r\n b\r\n\r\n",
    GET + b"X-Control: \x01\x02\x7f\r\n\r\n",
    GET + b"X-Many: 1\r\n" * 3000 + b"\r\n",
    GET + b"X-Long: " + b"x" * 60_000 + b"\r\n\r\n",
    GET + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n",
    GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    GET + b"Connection: close, keep-alive, upgrade\r\n\r\n",
    GET + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    GET + b"Content-Length: 5\r\n\r\n",
]
TWO_MEANINGS = [
    POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}   " + SMUGGLED,
    POST + b"Content-Length: 5, 6\r\n\r\n{}   " + SMUGGLED,
    POST + b"Content-Length: +2\r\n\r\n{}" + SMUGGLED,
    POST + b"Content-Length: -1\r\n\r\n{}" + SMUGGLED,
    POST + b"Content-Length: 0x2\r\n\r\n{}" + SMUGGLED,
    POST + b"Content-Length: 2 2\r\n\r\n{}" + SMUGGLED,
    POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}" + SMUGGLED,
    POST + b"Content-Length:\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"x" * 70_000 + b"\r\n{}\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nHost: evil.example\r\n\r\n",
]
NO_SOCKET = [
    SOCKET + b"\r\n",
    SOCKET + KEY + b"\r\n",
    SOCKET + KEY + b"Sec-WebSocket-Version: 0\r\n\r\n",
    SOCKET + b"Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
    SOCKET + KEY + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate; x=\xff\r\n\r\n",
    SOCKET + KEY + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " + b"x," * 4000 + b"\r\n\r\n",
    SOCKET + KEY + b"Sec-WebSocket-Version: 13\r\nOrigin: https://evil.example\r\n\r\n",
    SOCKET + KEY + b"Sec-WebSocket-Version: 13\r\n\r\n" + b"\xff" * 500,
    SOCKET.replace(b"GET", b"POST") + KEY + b"Sec-WebSocket-Version: 13\r\n\r\n",
    SOCKET.replace(b"/ws/runs", b"/ws/" + b"x" * 3000) + KEY + b"Sec-WebSocket-Version: 13\r\n\r\n",
    SOCKET.replace(b"/ws/", b"/api/") + KEY + b"Sec-WebSocket-Version: 13\r\n\r\n",
]


def mutated(count: int) -> list[bytes]:
    """Good requests with bytes changed, doubled or left out; the same ones every time."""
    chosen = random.Random(4)
    body = b'{"title": "a", "text": "b"}'
    good = [GET + b"\r\n", POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, SOCKET + KEY + b"\r\n"]
    found = []
    for _ in range(count):
        data = bytearray(chosen.choice(good))
        for _ in range(chosen.randint(1, 4)):
            at = chosen.randrange(len(data))
            data[at : at + chosen.randint(0, 2)] = chosen.choice(
                [b"", b"\x00", b"\r\n", b"\n", b" ", b":", b"\xff", bytes([chosen.randrange(256)]), b"9" * 20]
            )
        found.append(bytes(data))
    return found


@pytest.fixture
async def address(sqlite_url: str, tmp_path: Path) -> AsyncIterator[str]:
    async with running(settings_for(sqlite_url, tmp_path)) as app, listening(app) as address:
        yield address


async def exchanged(address: str, sent: bytes, seconds: float = PATIENCE_SECONDS) -> bytes:
    """What the server answers until it closes, or has been waited for long enough: it may wait for more itself."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = b""
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(seconds):
            writer.write(sent)
            await writer.drain()
            while more := await reader.read(65536):
                answer += more
    writer.transport.abort()
    return answer


async def is_well(address: str) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(1), http.get(f"http://{address}/health") as answer:
        assert answer.status == 200


def statuses(answer: bytes) -> list[int]:
    return [int(line[9:12]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


async def test_bytes(address: str) -> None:
    every = [*NO_HTTP, *TWO_MEANINGS, *NO_SOCKET, *mutated(400)]
    answered = 0
    for start in range(0, len(every), 120):
        some = every[start : start + 120]
        answers = await asyncio.gather(*(exchanged(address, sent) for sent in some))
        for sent, answer in zip(some, answers, strict=True):
            found = statuses(answer)
            answered += bool(found)
            assert [status for status in found if status >= 500] == [], (sent[:300], answer[:300])
            refused = answer.startswith(b"HTTP/1.1 4") and b"websocket" not in sent.lower()
            assert not refused or b"application/problem+json" in answer, (sent[:300], answer[:300])
        await is_well(address)
    assert answered > len(every) / 2


async def test_nothing_is_smuggled(address: str) -> None:
    answers = await asyncio.gather(*(exchanged(address, sent) for sent in TWO_MEANINGS))
    for sent, answer in zip(TWO_MEANINGS, answers, strict=True):
        assert b"/api/smuggled" not in answer, (sent, answer)


@pytest.mark.parametrize(
    "start",
    [
        b"GET /",
        GET + b"X-Endless: ",
        GET + b"X-Endless",
        POST + b"Transfer-Encoding: chunked\r\n\r\n2;",
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: ",
    ],
)
async def test_an_endless_head(address: str, start: bytes) -> None:
    """At most what the kernel's buffers hold is taken of it."""
    answer = await exchanged(address, start + b"x" * 50_000_000, 10)
    assert answer == b"" or statuses(answer)[0] in (400, 431)
    await is_well(address)


async def test_many_that_never_come_to_a_point(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    silent = [exchanged(address, sent, 10) for sent in (b"", b"G", GET, GET + b"X-Slow: ") for _ in range(50)]
    waiting = asyncio.gather(*silent)
    await is_well(address)
    for answer in await waiting:
        assert statuses(answer) == [408]


async def test_one_that_is_answered_stays(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head's time is not an answer's, nor a body's, nor that between two requests."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    body = b'{"title": "a", "text": "b"}'
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(body))
    for byte in body:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)
    assert b" 201 " in await reader.readline()
    await asyncio.sleep(0.5)
    writer.write(GET + b"Connection: close\r\n\r\n")
    assert b"healthy" in await reader.read()
    writer.close()


async def test_a_body_that_stops(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.3)
    answer = await exchanged(address, POST + b"Content-Length: 100\r\n\r\n{", 10)
    assert (statuses(answer), b"body_too_slow" in answer) == ([408], True)
