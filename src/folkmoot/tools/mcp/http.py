"""MCP over HTTP ("streamable HTTP"): every request of a session goes through the guarded client.

It is written here because the protocol's own SDK brings its own HTTP client and tasks of its own, and what is needed
of the protocol is this page: POST, an answer as JSON or as events, a session's id.
"""

from collections.abc import AsyncIterator
from itertools import count
from typing import Final

from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import Json, JsonObject, dumps, loads
from folkmoot.net.calls import Call, Incoming, Limits
from folkmoot.net.client import GuardedClient
from folkmoot.tools.mcp.talk import (
    McpFailed,
    McpRefused,
    SessionLost,
    answers,
    greeting,
    message,
    result_of,
    version_of,
)

ANSWER_SECONDS: Final = 60.0
"""Of one request, a tool's work included."""

_LIMITS = Limits(connect=10.0, total=ANSWER_SECONDS, body_bytes=4_000_000, redirects=3)
_LAST_LIMITS = Limits(connect=1.0, total=2.0, body_bytes=100_000, redirects=0)
_ACCEPT = "application/json, text/event-stream"
_EVENTS = "text/event-stream"


class HttpSession:
    """Made by `open_http`."""

    def __init__(self, client: GuardedClient, url: str, token: str | None, limits: Limits = _LIMITS) -> None:
        self.is_open = True
        self._client = client
        self._url = url
        self._limits = limits
        self._numbers = count(1)
        self._headers = {"Accept": _ACCEPT, "Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    async def greet(self) -> JsonObject:
        """What the server says of itself."""
        welcome = await self.request("initialize", greeting())
        self._headers["MCP-Protocol-Version"] = version_of(welcome)
        await self.notify("notifications/initialized", {})
        return welcome

    async def request(self, method: str, params: JsonObject) -> JsonObject:
        number = next(self._numbers)
        async with self._client.stream(self._call(message(method, params, number))) as incoming:
            self._check(incoming.status)
            session = incoming.headers.get("mcp-session-id")
            if method == "initialize" and session:
                self._headers["Mcp-Session-Id"] = session
            return result_of(await _answer(incoming, number))

    async def notify(self, method: str, params: JsonObject) -> None:
        async with self._client.stream(self._call(message(method, params))) as incoming:
            self._check(incoming.status)

    async def aclose(self) -> None:
        """Tells the server, which need not answer."""
        self.is_open = False
        if "Mcp-Session-Id" not in self._headers:
            return
        try:
            await self._client.request(Call("DELETE", self._url, self._headers, limits=_LAST_LIMITS))
        except Problem:
            return

    def _call(self, body: JsonObject) -> Call:
        return Call("POST", self._url, self._headers, dumps(body).encode(), self._limits)

    def _check(self, status: int) -> None:
        """Raises McpRefused, SessionLost, McpFailed."""
        if status in (401, 403):
            raise McpRefused
        if status == 404 and "Mcp-Session-Id" in self._headers:
            self.is_open = False
            raise SessionLost
        if not 200 <= status < 300:
            raise McpFailed(f"The MCP server answered with status {status}")


async def open_http(client: GuardedClient, url: str, token: str | None, limits: Limits = _LIMITS) -> HttpSession:
    """A session that was greeted. Raises McpFailed, McpRefused, and what the guarded client does."""
    session = HttpSession(client, url, token, limits)
    await session.greet()
    return session


async def _answer(incoming: Incoming, number: int) -> Json:
    """The message that answers this request; others that come with it are not for us. Raises McpFailed."""
    if incoming.headers.get("content-type", "").partition(";")[0].strip().lower() != _EVENTS:
        got = _parsed(await incoming.read())
        if answers(got, number):
            return got
        raise McpFailed
    async for data in _events(incoming.chunks()):
        got = _parsed(data)
        if answers(got, number):
            return got
    raise McpFailed("The MCP server's answer stopped without an end")


def _parsed(data: bytes) -> Json:
    try:
        return loads(data)
    except ValueError:
        raise McpFailed("The MCP server's answer is not JSON") from None


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each server-sent event that has some."""
    waiting, data = b"", list[bytes]()
    async for chunk in chunks:
        *lines, waiting = (waiting + chunk).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line:
                if whole := b"\n".join(data):
                    yield whole
                data.clear()
