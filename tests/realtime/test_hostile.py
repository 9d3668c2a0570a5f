"""Clients that send too much, nonsense, or nothing at all: each is cut off with a reason, the others are served."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from struct import pack, unpack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from folkmoot.cli import sockets
from folkmoot.cli.sockets import FRAGMENTS, framed
from folkmoot.db.tx import Tx
from folkmoot.events.facts import ResourceChanged
from folkmoot.kernel.json import JsonObject
from folkmoot.realtime.limits import Tally
from tests.realtime.wire import Wire, ended, note_of, receive

pytestmark = pytest.mark.system  # it lives of connections and of the time that passes

TEXT, CONTINUED, PING, PONG, CLOSE = 1, 0, 9, 10, 8
POOL = 5
"""Connections to PostgreSQL that may be opened meanwhile."""
PATHS = ("events", "agents/stream?after=0", "agent-updates", "debate-updates")


class Raw:
    """A client that frames what it sends as it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, opcode: int, body: bytes = b"", *, is_final: bool = True) -> None:
        """Masked with zeros, which changes nothing."""
        size = len(body)
        length = pack("!B", 0x80 | size) if size < 126 else pack("!BQ", 0x80 | 127, size)
        self.writer.write(bytes([0x80 * is_final | opcode]) + length + bytes(4) + body)
        await self.writer.drain()

    async def frame(self) -> tuple[int, bytes]:
        """Opcode and body of the next frame of the server."""
        first, size = await self.reader.readexactly(2)
        if size == 126:
            [size] = unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            [size] = unpack("!Q", await self.reader.readexactly(8))
        return first & 15, await self.reader.readexactly(size)

    async def close_code(self) -> int | None:
        """What the server closes with; None where it is only gone."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            async with asyncio.timeout(10):
                while True:
                    opcode, body = await self.frame()
                    if opcode == CLOSE:
                        return int(unpack("!H", body[:2])[0])
        return None


@asynccontextmanager
async def raw(wire: Wire, path: str = "events") -> AsyncIterator[Raw]:
    host, port = wire.place.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"GET /ws/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"X-Workspace-Id: {wire.scope.workspace_id}\r\n\r\n"
    )
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    yield Raw(reader, writer)
    writer.transport.abort()


async def is_well(wire: Wire) -> None:
    """Somebody else is told at once."""
    async with asyncio.timeout(2), wire.open("events") as socket:
        await receive(socket)
        await wire.say(7)
        assert note_of(await receive(socket)) == 7


def test_a_tally() -> None:
    tally = Tally(3)
    assert [tally.is_full(at) for at in (0.0, 1.0, 2.0, 9.9)] == [False, False, False, True]
    assert [tally.is_full(at) for at in (11.0, 12.0, 19.0)] == [False, False, True]


async def test_too_many_messages(wire: Wire) -> None:
    wire.app.state.socket_rules = replace(wire.app.state.socket_rules, messages=5)
    for path in PATHS:
        async with wire.open(path) as socket:
            for _ in range(5):
                await socket.send("hello")
            assert (await asyncio.wait_for(await socket.ping(), 10)) >= 0
            with suppress(ConnectionClosed):
                await socket.send(b"one too many")
            assert await ended(socket) == (4429, "too many messages"), path
    await is_well(wire)


async def test_too_large_messages(wire: Wire) -> None:
    for path in PATHS:
        async with wire.open(path) as socket:
            await socket.send("x" * 65_536)
            with suppress(ConnectionClosed):
                await socket.send("x" * 65_537)
            assert (await ended(socket))[0] == 1009, path
    wire.app.state.socket_rules = replace(wire.app.state.socket_rules, message_bytes=2_000)
    async with wire.open("events") as socket:
        await socket.send("ü" * 1_001)
        assert await ended(socket) == (1009, "the message is too large")
    await is_well(wire)


async def test_a_message_that_never_ends(wire: Wire) -> None:
    for piece in (b"", b"x" * 1000):
        async with raw(wire) as client:
            await client.send(TEXT, piece, is_final=False)
            with suppress(ConnectionError):
                for _ in range(FRAGMENTS + 10):
                    await client.send(CONTINUED, piece, is_final=False)
            assert await client.close_code() in (1009, None)
    async with raw(wire) as client:
        await client.send(TEXT, b"", is_final=False)
        for _ in range(FRAGMENTS):
            await client.send(CONTINUED, b"", is_final=False)
        assert await client.close_code() == 1009
    await is_well(wire)


NO_MESSAGES = (
    (TEXT, b"\xff\xfe", True, 1007),
    (TEXT, b"\xed\xa0\x80", True, 1007),
    (CONTINUED, b"of nothing", True, 1002),
    (3, b"", True, 1002),
    (0x40 | TEXT, b"", True, 1002),
    (PING, b"x" * 126, True, 1002),
    (PING, b"", False, 1002),
    (CLOSE, b"\x03", True, 1002),
)


async def test_what_is_no_message(wire: Wire) -> None:
    for opcode, body, is_final, code in NO_MESSAGES:
        async with raw(wire) as client:
            await client.send(opcode, body, is_final=is_final)
            assert await client.close_code() == code, (opcode, body)
        await is_well(wire)


async def test_bad_text_in_pieces(wire: Wire) -> None:
    async with raw(wire) as client:
        await client.send(TEXT, "ü".encode()[:1], is_final=False)
        await client.send(CONTINUED, "ü".encode()[1:])
        await client.send(TEXT, "ü".encode()[:1], is_final=False)
        await client.send(CONTINUED, b"x")
        assert await client.close_code() == 1007


async def test_pings_are_answered_while_answers_are_taken(wire: Wire) -> None:
    async with raw(wire) as client:
        await client.frame()
        await client.send(PING, b"are you there")
        assert await asyncio.wait_for(client.frame(), 10) == (PONG, b"are you there")


async def test_who_takes_nothing_is_not_waited_for(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deaf client neither keeps what it does not take nor its connection once it is closed."""
    monkeypatch.setattr(sockets, "LINGER_SECONDS", 0.1)
    figures = wire.app.state.figures
    async with raw(wire) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        data: JsonObject = {"text": "x" * 10_000}
        db = wire.app.state.runtime.db
        for _ in range(100):
            await db.write(shout, wire, data)
        before = figures.current_connections
        assert before >= 1
        wire.app.state.runtime.hub.close()
        async with asyncio.timeout(10):
            while figures.current_connections > 0:  # noqa: ASYNC110 no event says so
                await asyncio.sleep(0.02)


def shout(tx: Tx, wire: Wire, data: JsonObject) -> None:
    tx.emit(wire.scope.workspace_id, ResourceChanged(resource="note", id="1", change="updated", view=data))


async def test_file_descriptors_come_back(wire: Wire) -> None:
    await crowd_in_and_out(wire)
    before = open_sockets()
    for _ in range(5):
        await crowd_in_and_out(wire)
    async with asyncio.timeout(10):
        while open_sockets() > before + POOL or wire.app.state.figures.current_connections:  # noqa: ASYNC110 as above
            await asyncio.sleep(0.02)
    assert wire.app.state.runtime.hub._feeds == {}


async def crowd_in_and_out(wire: Wire) -> None:
    for path in PATHS:
        async with wire.open(path) as one, wire.open(path), raw(wire, path):
            await one.ping()
        async with raw(wire, path) as client:
            await client.send(TEXT, b"\xff")
    with pytest.raises(InvalidStatus):
        await wire.open("runs/x").__aenter__()


def open_sockets() -> int:
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return found


def test_frames_of_every_size() -> None:
    for size in (0, 125, 126, 65_535, 65_536):
        whole = framed(["x" * size, "y"])
        assert whole.endswith(b"\x81\x01y")
        assert len(whole) == size + {True: 2, False: 4}[size < 126] + 6 * (size > 65_535) + 3
