"""HTTP/1.1 by hand over one kept connection: what the load generator and the floor's model client are made of."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools

Chunk = Callable[[bytes], None]


@dataclass(slots=True)
class Answer:
    status: int = 0
    parts: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)


class Connection(asyncio.Protocol):
    """One request at a time. Raises ConnectionError where the peer goes away."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer = Answer()
        self._whole: asyncio.Future[Answer] | None = None
        self._chunk: Chunk | None = None
        self._login = ""

    @classmethod
    async def open(cls, port: int, key: str | None = None) -> "Connection":
        """`key` is the API key that goes with every request."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        if key:
            connection._login = f"Authorization: Bearer {key}\r\n"
        return connection

    async def post(self, path: str, body: bytes, chunk: Chunk | None = None) -> Answer:
        """`chunk` is told the parts of the body as they come."""
        if self._transport is None:
            raise ConnectionError("closed")
        self._parser = httptools.HttpResponseParser(self)
        self._answer, self._chunk = Answer(), chunk
        self._whole = asyncio.get_running_loop().create_future()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"{self._login}Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        return await self._whole

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        assert self._parser is not None, "nobody speaks before he is asked"
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._whole is not None and not self._whole.done():
            self._whole.set_exception(ConnectionError(str(exc or "the peer closed the connection")))

    def on_body(self, body: bytes) -> None:
        self._answer.parts.append(body)
        if self._chunk is not None:
            self._chunk(body)

    def on_message_complete(self) -> None:
        assert self._parser is not None, "it is the one that calls"
        assert self._whole is not None, "it was asked"
        self._answer.status = self._parser.get_status_code()
        if not self._whole.done():
            self._whole.set_result(self._answer)


class Pool:
    """Kept connections to one port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Connection] = []

    async def post(self, path: str, body: bytes, chunk: Chunk | None = None) -> Answer:
        connection = self._free.pop() if self._free else await Connection.open(self._port)
        answer = await connection.post(path, body, chunk)
        self._free.append(connection)
        return answer
