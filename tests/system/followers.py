"""Clients of the event log: each keeps what it was told, on every transport, over as many connections as it takes."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from time import perf_counter
from typing import Any

import aiohttp
import pytest

from folkmoot.client import AsyncFolkmoot, Event
from folkmoot.kernel.json import Json, JsonObject, dumps, loads

POLLING, WEBSOCKET = ("polling",), ("websocket",)
PAUSE_SECONDS = 0.05
_SOCKETIO = "/socket.io/?EIO=4&transport=websocket"
_SMALL = 16_384

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="starts a redis-server of its own")


@dataclass(eq=False)
class Follower:
    """One client that follows all of a workspace. It drops what it has seen, as the promise says; `held` is the rest.

    `jumps` are frames that did not follow on the one before them on the same connection: there may be none at all.
    `late` is how many seconds a message that says when it was sent took to get here.
    """

    workspace_id: str
    held: list[tuple[int, str]] = field(default_factory=list)
    jumps: list[tuple[int, int]] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    connections: int = 0
    was_reset: bool = False
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    is_in: asyncio.Event = field(default_factory=asyncio.Event)
    _at: int = 0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.reads.set()

    @property
    def last(self) -> int:
        """The cursor."""
        return self.held[-1][0] if self.held else 0

    @property
    def channel(self) -> str:
        return f"workspace:{self.workspace_id}"

    def take(self, frame: JsonObject) -> None:
        """Whatever a stream says."""
        if frame.get("type") == "subscribed":
            self.connections += 1
            self.was_reset |= bool(frame["reset"])
            self._at = int(str(frame["after"]))
            self.is_in.set()
        elif "seq" in frame:
            data = frame["data"]
            assert isinstance(data, dict)
            self.take_event(int(str(frame["seq"])), str(frame["event_type"]), data)

    def take_event(self, seq: int, kind: str, data: JsonObject) -> None:
        if seq != self._at + 1:
            self.jumps.append((self._at, seq))
        self._at = seq
        if seq <= self.last:
            return
        self.held.append((seq, kind))
        sent_at = _sent_at(data)
        if sent_at is not None:
            self.late.append(perf_counter() - sent_at)
        self._moved.set()

    async def until(self, seq: int) -> None:
        while self.last < seq:
            self._moved.clear()
            await self._moved.wait()


def _sent_at(data: JsonObject) -> float | None:
    match data:
        case {"message": {"payload": {"sent_at": float() as sent_at}}}:
            return sent_at
        case _:
            return None


Follow = Callable[[Follower, str], Coroutine[object, object, None]]
"""Follows at an address until it is cancelled, and comes back whenever the connection is lost."""


async def by_websocket(follower: Follower, address: str) -> None:
    async with aiohttp.ClientSession(connector=_connector(follower)) as http:
        while True:
            path = f"/ws/events?channels={follower.channel}&after={follower.last}"
            with suppress(aiohttp.ClientError, OSError):
                async with http.ws_connect(address + path) as opened:
                    async for message in opened:
                        follower.take(_object(str(message.data)))
                        await follower.reads.wait()
            await asyncio.sleep(PAUSE_SECONDS)


async def by_client(follower: Follower, address: str) -> None:
    """Server-sent events as our own client follows them: it comes back and drops by itself."""
    async with (
        AsyncFolkmoot(address) as client,
        aclosing(client.events(after=0, channels=[follower.channel])) as items,
    ):
        follower.is_in.set()
        async for item in items:
            if isinstance(item, Event):
                follower.take_event(item.seq, item.event_type, item.data)
            else:
                follower.was_reset = True


async def by_socketio(follower: Follower, address: str) -> None:
    """The official client, over a WebSocket."""
    await _by_official_client(follower, address, WEBSOCKET)


async def by_polling(follower: Follower, address: str) -> None:
    await _by_official_client(follower, address, POLLING)


async def _by_official_client(follower: Follower, address: str, transports: tuple[str, ...]) -> None:
    """It comes back by itself, and says then where it was."""
    async with aiohttp.ClientSession() as http:
        library = import_module("socketio")
        client: Any = library.AsyncClient(
            http_session=http, reconnection_delay=PAUSE_SECONDS, reconnection_delay_max=10 * PAUSE_SECONDS
        )

        async def subscribe() -> None:
            with suppress(library.exceptions.SocketIOError):  # gone again
                await client.emit("subscribe", {"channels": [follower.channel], "after": follower.last})

        client.on("connect", subscribe)
        client.on("subscribed", follower.take)
        client.on("event", follower.take)
        try:
            await client.connect(address, transports=[*transports], retry=True)
            await asyncio.Event().wait()
        finally:
            await client.shutdown()


async def by_bare_socketio(follower: Follower, address: str) -> None:
    """Socket.IO by hand, because the official client cannot be kept from reading."""
    async with aiohttp.ClientSession(connector=_connector(follower)) as http:
        while True:
            with suppress(aiohttp.ClientError, OSError):
                async with http.ws_connect(address + _SOCKETIO) as opened:
                    async for message in opened:
                        said = str(message.data)
                        if said.startswith("0"):
                            await opened.send_str("40")
                        elif said.startswith("40"):
                            wanted: JsonObject = {"channels": [follower.channel], "after": follower.last}
                            await opened.send_str(f"42{dumps(['subscribe', wanted])}")
                        elif said == "2":
                            await opened.send_str("3")
                        elif said.startswith(('42["event"', '42["subscribed"')):
                            follower.take(_object(dumps(_list(said[2:])[1])))
                            await follower.reads.wait()
            await asyncio.sleep(PAUSE_SECONDS)


def _connector(follower: Follower) -> aiohttp.TCPConnector:
    """Who does not read keeps little in its own buffers."""

    def small(place: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, _ = place
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        return made

    return aiohttp.TCPConnector(socket_factory=None if follower.reads.is_set() else small)


def _object(text: str) -> JsonObject:
    found = loads(text)
    assert isinstance(found, dict)
    return found


def _list(text: str) -> list[Json]:
    found = loads(text)
    assert isinstance(found, list)
    return found


@asynccontextmanager
async def following(*who: tuple[Follower, Follow, str]) -> AsyncIterator[None]:
    """Everybody at an address, from the first event on; whoever breaks breaks the test."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follow(follower, address)) for follower, follow, address in who]
        for follower, _, _ in who:
            await follower.is_in.wait()
        yield
        for task in tasks:
            task.cancel()


class Redis:
    """A redis-server of the test's own, which keeps nothing."""

    def __init__(self, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        kept_nowhere = ("--save", "", "--appendonly", "no")
        self._process = await asyncio.create_subprocess_exec(
            *("redis-server", "--bind", "127.0.0.1", "--port", str(self._port), *kept_nowhere),
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(10):
            while b"Ready to accept connections" not in (line := await self._process.stdout.readline()):
                assert line, "redis-server did not start"

    async def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        await self._process.communicate()

    async def flush(self) -> None:
        """FLUSHALL."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"FLUSHALL\r\n")
        assert await reader.readline() == b"+OK\r\n"
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def redis() -> AsyncIterator[Redis]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = Redis(port)
    await served.start()
    try:
        yield served
    finally:
        await served.stop()
