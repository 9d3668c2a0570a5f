"""HTTP to providers: one pool of connections, no redirects, and each way of taking too long told apart."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp

from folkmoot.llm.choice import Place
from folkmoot.llm.faults import (
    AnswerTooLarge,
    ConnectTimeout,
    FirstTokenTimeout,
    IdleTimeout,
    ModelConnectionLost,
    ModelTimeout,
    ModelUnreachable,
    TotalTimeout,
)
from folkmoot.llm.settings import LlmLimits


class Reply:
    """An answer being read. Every read of a stream moves its deadline: first token, then idle."""

    def __init__(self, response: aiohttp.ClientResponse, deadline: "_Deadline") -> None:
        self._response = response
        self._deadline = deadline

    @property
    def status(self) -> int:
        return self._response.status

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    async def next(self) -> bytes:
        """What has arrived since the last read, b"" at the end."""
        data = await self._response.content.readany()
        self._deadline.moved()
        return data

    async def read(self, limit: int) -> bytes:
        """The whole body; raises AnswerTooLarge past `limit` bytes."""
        body = await self.read_some(limit + 1)
        if len(body) > limit:
            raise AnswerTooLarge
        return body

    async def read_some(self, limit: int) -> bytes:
        """At most the first `limit` bytes of the body."""
        received: list[bytes] = []
        content = self._response.content
        while limit > 0 and not content.at_eof() and (data := await content.readany()):
            received.append(data[:limit])
            limit -= len(data)
        return b"".join(received)

    def close(self) -> None:
        self._response.close()


class Link:
    """The connections of one gateway; belongs to the event loop of its first call."""

    def __init__(self, limits: LlmLimits) -> None:
        self.limits = limits
        self._session: aiohttp.ClientSession | None = None

    def post(self, place: Place, path: str, body: bytes, *, is_streamed: bool) -> AbstractAsyncContextManager[Reply]:
        return self._asked("POST", place, path, body, is_streamed=is_streamed)

    def get(self, place: Place, path: str) -> AbstractAsyncContextManager[Reply]:
        return self._asked("GET", place, path, None, is_streamed=True)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def _asked(
        self, method: str, place: Place, path: str, body: bytes | None, *, is_streamed: bool
    ) -> AsyncGenerator[Reply]:
        """The one place where this library's errors become ours."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if place.key_header is not None:
            name, value = place.key_header
            headers[name] = value
        deadline = _Deadline(self.limits, is_streamed=is_streamed)
        try:
            async with (
                asyncio.timeout_at(deadline.first) as timeout,
                self._pool().request(
                    method, place.url.rstrip("/") + path, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                deadline.timeout = timeout
                yield Reply(response, deadline)
        except aiohttp.ServerTimeoutError as error:
            raise ConnectTimeout(provider=place.provider) from error
        except TimeoutError as error:
            raise deadline.fault(provider=place.provider) from error
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise ModelUnreachable(
                f"The language model's server cannot be reached at {place.shown}", provider=place.provider
            ) from error
        except (aiohttp.ClientError, ConnectionError):
            # Without its cause, whose message shows what was sent back, be it the key.
            raise ModelConnectionLost(provider=place.provider) from None

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
                timeout=aiohttp.ClientTimeout(total=None, connect=self.limits.connect),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


class _Deadline:
    """When the current read has to be over, and which fault it is if it is not."""

    def __init__(self, limits: LlmLimits, *, is_streamed: bool) -> None:
        self._idle = limits.idle
        self._loop = asyncio.get_running_loop()
        self._total = self._loop.time() + limits.total
        self.first = min(self._total, self._loop.time() + limits.first_token) if is_streamed else self._total
        self._phase: type[ModelTimeout] = FirstTokenTimeout if self.first < self._total else TotalTimeout
        self.timeout: asyncio.Timeout | None = None

    def moved(self) -> None:
        """Something arrived: from here on it is the pauses that count."""
        idle = self._loop.time() + self._idle
        self._phase = IdleTimeout if idle < self._total else TotalTimeout
        if self.timeout is not None:
            self.timeout.reschedule(min(idle, self._total))

    def fault(self, provider: str) -> ModelTimeout:
        return self._phase(provider=provider)
