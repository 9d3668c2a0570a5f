"""The crowd, a process of its own: subscribers that count what they are told, and some that take nothing at all."""

import asyncio
import gc
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

from bench.wire import Connection

_LIMIT_SECONDS = 120.0
_HEAD = (
    "GET /ws/events HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_AT = re.compile(rb'"at":([0-9.]+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """`per_second` 0 is as fast as it goes; the silent ones are opened and never read."""

    port: int
    subscribers: int
    events: int
    per_second: float = 0.0
    size: int = 250
    silent: int = 0


@dataclass(slots=True)
class Heard:
    """Latencies in ms, from before the commit to the subscriber."""

    seconds: float = 0.0
    deliveries: int = 0
    bytes: int = 0
    latencies: list[float] = field(default_factory=list)


class Subscriber(asyncio.Protocol):
    """Reads frames off the wire: the first is `subscribed`, the others count."""

    def __init__(self, events: int, heard: Heard, *, is_timed: bool, is_silent: bool) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self._left = events + 1
        self._heard = heard
        self._is_timed = is_timed
        self._is_silent = is_silent
        self._is_upgraded = False
        self._rest = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self.transport.write(_HEAD.encode())

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.opened, self.done):
            if not future.done():
                future.set_exception(ConnectionError(str(exc or "closed by the server")))
                future.exception()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self._is_upgraded:
            head, separator, data = data.partition(b"\r\n\r\n")
            if not separator:
                self._rest = head
                return
            assert b" 101 " in head, head
            self._is_upgraded = True
        self._rest = self._take(data)

    def _take(self, data: bytes) -> bytes:
        """All whole frames; answers what is left."""
        at, length, count = 0, len(data), 0
        while at + 2 <= length:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            if start + size > length:
                break
            if data[at] == 0x81:
                count += 1
                if self._is_timed:
                    self._time(data[start : start + size])
            at = start + size
        self._heard.bytes += at
        self._count(count)
        return data[at:]

    def _time(self, body: bytes) -> None:
        if found := _AT.search(body):
            self._heard.latencies.append((time.perf_counter() - float(found[1])) * 1000)

    def _count(self, count: int) -> None:
        if count and not self.opened.done():
            self.opened.set_result(None)
            if self._is_silent and self.transport is not None:
                self.transport.pause_reading()
        self._left -= count
        self._heard.deliveries += count
        if self._left <= 0 and not self.done.done():
            self.done.set_result(None)


async def listen(crowd: Crowd) -> Heard:
    heard, unheard = Heard(), Heard()
    is_timed = crowd.per_second > 0
    async with asyncio.timeout(_LIMIT_SECONDS):
        readers = [await _open(crowd, heard, is_timed=is_timed, is_silent=False) for _ in range(crowd.subscribers)]
        silent = [await _open(crowd, unheard, is_timed=False, is_silent=True) for _ in range(crowd.silent)]
        publisher = await Connection.open(crowd.port)
        gc.collect()
        gc.freeze()
        gc.disable()
        heard.deliveries = heard.bytes = 0
        began = time.perf_counter()
        query = f"events={crowd.events}&per_second={crowd.per_second}&size={crowd.size}"
        publishing = asyncio.ensure_future(publisher.post(f"/bench/publish?{query}", b""))
        await asyncio.gather(*(reader.done for reader in readers))
        heard.seconds = time.perf_counter() - began
        await publishing
    publisher.close()
    if crowd.silent:
        print("READ", file=sys.stderr, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    for subscriber in (*readers, *silent):
        if subscriber.transport is not None:
            subscriber.transport.abort()
    return heard


async def _open(crowd: Crowd, heard: Heard, *, is_timed: bool, is_silent: bool) -> Subscriber:
    _, subscriber = await asyncio.get_running_loop().create_connection(
        lambda: Subscriber(crowd.events, heard, is_timed=is_timed, is_silent=is_silent), "127.0.0.1", crowd.port
    )
    await subscriber.opened
    return subscriber


def main() -> None:
    crowd = Crowd(**json.loads(sys.stdin.readline()))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(asdict(runner.run(listen(crowd))), sys.stdout)


if __name__ == "__main__":
    main()
