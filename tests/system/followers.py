"""Clients of the event log: each keeps what it was told, on every transport, over as many connections as it takes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from time import perf_counter
from typing import Any

import aiohttp
from httpx2 import AsyncClient, HTTPError

from folkmoot.client import AsyncFolkmoot, Event
from folkmoot.kernel.json import JsonObject, dumps, loads

PAUSE_SECONDS = 0.05
COME_IN_SECONDS, HAVE_SECONDS = 20, 40
SOCKETIO = "/socket.io/?EIO=4&transport="
_SMALL = 16_384


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

    @property
    def wanted(self) -> JsonObject:
        """What a client of Socket.IO subscribes to."""
        return {"channels": [self.channel], "after": self.last}

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


Follow = Callable[[Follower, str], Coroutine[Any, Any, None]]
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
    """The official client over a WebSocket: it comes back by itself, and says then where it was."""
    async with aiohttp.ClientSession() as http:
        library = import_module("socketio")
        client: Any = library.AsyncClient(
            http_session=http, reconnection_delay=PAUSE_SECONDS, reconnection_delay_max=10 * PAUSE_SECONDS
        )

        async def subscribe() -> None:
            with suppress(library.exceptions.SocketIOError):  # gone again
                await client.emit("subscribe", follower.wanted)

        client.on("connect", subscribe)
        client.on("subscribed", follower.take)
        client.on("event", follower.take)
        try:
            await client.connect(address, transports=["websocket"], retry=True)
            await asyncio.Event().wait()
        finally:
            await client.shutdown()


async def by_bare_socketio(follower: Follower, address: str) -> None:
    """The same by hand, because the official client cannot be kept from reading."""
    async with aiohttp.ClientSession(connector=_connector(follower)) as http:
        while True:
            with suppress(aiohttp.ClientError, OSError):
                async with http.ws_connect(f"{address}{SOCKETIO}websocket") as opened:
                    async for message in opened:
                        if (answer := _take_packet(follower, str(message.data))) is not None:
                            await opened.send_str(answer)
                        if follower.is_in.is_set():
                            await follower.reads.wait()
            await asyncio.sleep(PAUSE_SECONDS)


async def by_polling(follower: Follower, address: str) -> None:
    """By hand too: where a poll's answer is lost, the official client waits forever, and aiohttp polls again by itself.

    What is lost with the answer to a poll is lost to the session, so whoever loses one has to connect anew.
    """
    url = f"{address}{SOCKETIO}polling"
    async with AsyncClient(timeout=60) as http:
        while True:
            with suppress(HTTPError):
                said = (await http.get(url)).raise_for_status().text
                session = f"{url}&sid={_object(said[1:])['sid']}"
                while True:
                    answers = [_take_packet(follower, packet) for packet in said.split("\x1e")]
                    if body := "\x1e".join(answer for answer in answers if answer is not None):
                        (await http.post(session, content=body)).raise_for_status()
                    said = (await http.get(session)).raise_for_status().text
            await asyncio.sleep(PAUSE_SECONDS)


def _take_packet(follower: Follower, packet: str) -> str | None:
    """Answers what is to be said to it: connects, subscribes, beats."""
    if packet.startswith("0"):
        return "40"
    if packet.startswith("40"):
        return f"42{dumps(['subscribe', follower.wanted])}"
    if packet == "2":
        return "3"
    if packet.startswith(('42["event"', '42["subscribed"')):
        said = loads(packet[2:])
        assert isinstance(said, list)
        follower.take(_object(dumps(said[1])))
    return None


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


async def all_have(followers: Sequence[Follower], seq: int) -> None:
    """Says who does not, and how far he is."""
    try:
        async with asyncio.timeout(HAVE_SECONDS):
            await asyncio.gather(*(follower.until(seq) for follower in followers))
    except TimeoutError:
        late = [(place, one.last, one.connections) for place, one in enumerate(followers) if one.last < seq]
        raise AssertionError(f"not at {seq}: {late}") from None


async def _all_in(followers: Sequence[Follower]) -> None:
    try:
        async with asyncio.timeout(COME_IN_SECONDS):
            await asyncio.gather(*(follower.is_in.wait() for follower in followers))
    except TimeoutError:
        out = [place for place, one in enumerate(followers) if not one.is_in.is_set()]
        raise AssertionError(f"did not come in: {out}") from None


@asynccontextmanager
async def following(*who: tuple[Follower, Follow, str]) -> AsyncIterator[None]:
    """Everybody at an address, from the first event on; whoever breaks breaks the test."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follow(follower, address)) for follower, follow, address in who]
        await _all_in([follower for follower, _, _ in who])
        yield
        for task in tasks:
            task.cancel()
