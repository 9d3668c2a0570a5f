"""A line between a client and its server that breaks where a seed says."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Line:
    """How many connections there were, and how many of them broke."""

    target: str
    budget: Callable[[], int | None]
    address: str = ""
    connections: int = 0
    cuts: int = 0
    said: asyncio.Event = field(default_factory=asyncio.Event)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hands on what the server says up to the budget of this connection, then resets it."""
        self.connections += 1
        place = urlsplit(self.target)
        try:
            upstream, upward = await asyncio.open_connection(place.hostname, place.port)
        except OSError:
            writer.transport.abort()
            return
        self.open.add(writer)
        up = asyncio.create_task(_hand_on(reader, upward))
        try:
            await self._down(upstream, writer)
        finally:
            up.cancel()
            self.open.discard(writer)
            upward.transport.abort()
            writer.transport.abort()

    async def _down(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self.budget()
        with suppress(ConnectionError):
            while raw := await upstream.read(4096):
                writer.write(raw if left is None else raw[:left])
                await writer.drain()
                self.said.set()
                if left is not None:
                    left -= len(raw)
                    if left <= 0:
                        self.cuts += 1
                        return
            await writer.drain()

    def cut(self) -> None:
        """All that is open now."""
        for writer in self.open:
            self.cuts += 1
            writer.transport.abort()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Whoever hangs up is gone for the other side too."""
    with suppress(ConnectionError):
        while raw := await reader.read(4096):
            writer.write(raw)
            await writer.drain()
    writer.transport.abort()


def cuts_of(seed: int, most: int, times: int) -> Callable[[], int | None]:
    """For so many connections a number of bytes each, then a line that holds."""
    numbers = random.Random(seed)
    left = iter([numbers.randint(1, most) for _ in range(times)])
    return lambda: next(left, None)


@asynccontextmanager
async def line_to(target: str, budget: Callable[[], int | None] = lambda: None) -> AsyncIterator[Line]:
    line = Line(target, budget)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        line.cut()
