"""A provider's server that says what it is told to, over real HTTP, faults included; its wire is a subclass's."""

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, Self

from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject

LONG_TEXT = " ".join(f"word{number}" for number in range(66)) + "."
DIMENSIONS = 64


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. With a `status` other than 200 `text` is the error's message; `raw` replaces the whole body.

    `finish` and `usage` are in the words of the OpenAI-compatible wire, which each stub translates.
    """

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()  # name, arguments as JSON text (or not)
    finish: str | None = "stop"  # None: the answer just ends
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    usage: JsonObject | None = field(default_factory=lambda: {**_COUNTS})
    code: str | None = None
    breaks: Literal["reset", "hang_before", "hang_within"] | None = None
    has_done: bool = True
    call_extra: JsonObject | None = None


_COUNTS: JsonObject = {"prompt_tokens": 12, "completion_tokens": 7}

Script = Sequence[Reply] | Callable[[JsonObject], Reply]


class Stub(ABC):
    """`async with SomeStub([Reply(...), ...]) as stub`: answers in this order, the last one again and again.

    A function takes the request's body and returns the reply. `calls` are the bodies received, `paths` where they
    came to, `headers` the headers of each, `connections` those they came over; `chunks` is in how many pieces a
    streamed text comes. While `goes_on` is cleared, streams wait half-way.
    """

    def __init__(
        self,
        script: Script = (Reply(text=LONG_TEXT),),
        *,
        port: int = 0,
        delay_ms: float = 0,
        chunks: int = 5,
        keep_calls: bool = True,
    ) -> None:
        self.calls: list[JsonObject] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[object] = set()
        self.address = ""
        self.chunks = chunks
        self._script = script
        self._port = port
        self._delay = delay_ms / 1000
        self._keeps = keep_calls
        self._asked = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @abstractmethod
    def routes(self) -> list[web.RouteDef]: ...

    @abstractmethod
    def error(self, reply: Reply) -> Json:
        """The body of an answer that is an error."""

    @abstractmethod
    def whole(self, reply: Reply) -> JsonObject:
        """The body of an answer that comes at once."""

    @abstractmethod
    def lines(self, reply: Reply, body: JsonObject) -> tuple[list[bytes], list[bytes]]:
        """A stream: what carries the answer, in which a break happens half-way, and what follows it."""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64_000_000)
        app.router.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        assert self._runner is not None, "entered before"
        await self._runner.cleanup()

    async def said(self, request: web.Request) -> JsonObject:
        """The request's body, kept."""
        body: JsonObject = json.loads(await request.read())
        if self._keeps:
            self.calls.append(body)
            self.paths.append(request.path_qs)
            self.headers.append(dict(request.headers))
            self.connections.add(request.transport)
        return body

    async def answer(self, request: web.Request, body: JsonObject, *, is_streamed: bool) -> web.StreamResponse:
        reply = self.next(body)
        if self._delay:
            await asyncio.sleep(self._delay)
        if reply.breaks == "hang_before":
            await self._closing.wait()
        if reply.raw is not None or reply.status != 200:
            return self.refused(reply)
        if is_streamed:
            kind = {"Content-Type": "text/event-stream"}
            return await self._written(request, reply, kind, *self.lines(reply, body))
        whole = dumped(self.whole(reply))
        if reply.breaks is not None:
            size = {"Content-Length": str(len(whole))}
            return await self._written(request, reply, size, [whole[: len(whole) // 2], b""], [])
        return web.Response(body=whole, content_type="application/json")

    def refused(self, reply: Reply) -> web.Response:
        raw = reply.raw if reply.raw is not None else dumped(self.error(reply))
        return web.Response(status=reply.status, headers=reply.headers, body=raw)

    def next(self, body: JsonObject) -> Reply:
        self._asked += 1
        if callable(self._script):
            return self._script(body)
        return self._script[min(self._asked, len(self._script)) - 1]

    async def _written(
        self, request: web.Request, reply: Reply, headers: dict[str, str], parts: list[bytes], rest: list[bytes]
    ) -> web.StreamResponse:
        """One part after the other; where the reply breaks, the connection is reset or falls silent half-way."""
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        for number, part in enumerate(parts):
            if number == len(parts) // 2:
                await self.goes_on.wait()
            await response.write(part)
            if reply.breaks and number == len(parts) // 2:
                if reply.breaks == "hang_within":
                    await self._closing.wait()
                assert request.transport is not None, "the client is still there"
                request.transport.abort()
                return response
        for part in rest:
            await response.write(part)
        await response.write_eof()
        return response


def pieces(text: str, count: int) -> list[str]:
    size = max(1, -(-len(text) // count))
    return [text[at : at + size] for at in range(0, len(text), size)]


def object_of(arguments: str) -> Json:
    """Arguments as those wires have them that write an object, where they are one."""
    try:
        value: Json = json.loads(arguments)
    except ValueError:
        return arguments
    return value


def vector_of(text: str) -> list[Json]:
    """A text's words, each in one of the dimensions: texts that share words are near each other."""
    counts = [0.0] * DIMENSIONS
    for found in re.findall(r"[a-z0-9]+", text.lower()):
        counts[sha256(found.encode()).digest()[0] % DIMENSIONS] += 1.0
    return [*counts] if any(counts) else [1.0, *counts[1:]]


def dumped(value: Json) -> bytes:
    return json.dumps(value).encode()
