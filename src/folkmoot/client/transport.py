"""The two ways a call gets to the server, and how one text of code serves both.

Everything above is written once, as coroutines. Those over the blocking transport never suspend, so a single step
runs each of them from its beginning to its end: no event loop, no thread, no second copy of the code.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import httpx2

from folkmoot.client.faults import ClientFault, Unreachable
from folkmoot.client.wire import Answer, Request

CONNECT_SECONDS = 5.0

T = TypeVar("T")


class Stream(NamedTuple):
    """An answer whose body is read as it comes; of one that is not a 200 the body is in `head`."""

    head: Answer
    chunks: AsyncIterator[bytes]


class Transport(Protocol):
    """Raises Unreachable where there is no answer, or no more of it."""

    @property
    def is_closed(self) -> bool: ...

    async def send(self, request: Request) -> Answer: ...

    def open(self, request: Request) -> AbstractAsyncContextManager[Stream]: ...

    async def sleep(self, seconds: float) -> None: ...


class BlockingTransport:
    """For code without an event loop."""

    def __init__(self, base_url: str, socket: Path | None = None) -> None:
        self._closed = threading.Event()
        self._http = httpx2.Client(
            base_url=base_url,
            cookies=_no_cookies(),
            transport=httpx2.HTTPTransport(uds=str(socket)) if socket else None,
        )

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    async def send(self, request: Request) -> Answer:
        with _translated():
            response = self._http.send(_built(self._http, request))
            return _answer(response, response.content)

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[Stream]:
        with _translated(), closing(self._http.send(_built(self._http, request), stream=True)) as response:
            body = b"" if response.status_code == 200 else response.read()
            yield Stream(_answer(response, body), _each(response.iter_bytes()))

    async def sleep(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def close(self) -> None:
        self._closed.set()
        self._http.close()


class AsyncTransport:
    """For code in an event loop of asyncio."""

    def __init__(self, base_url: str, socket: Path | None = None) -> None:
        self.is_closed = False
        self._http = httpx2.AsyncClient(
            base_url=base_url,
            cookies=_no_cookies(),
            transport=httpx2.AsyncHTTPTransport(uds=str(socket)) if socket else None,
        )

    async def send(self, request: Request) -> Answer:
        with _translated():
            response = await self._http.send(_built(self._http, request))
            return _answer(response, response.content)

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[Stream]:
        with _translated():
            response = await self._http.send(_built(self._http, request), stream=True)
            try:
                body = b"" if response.status_code == 200 else await response.aread()
                yield Stream(_answer(response, body), response.aiter_bytes())
            finally:
                await response.aclose()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        self.is_closed = True
        await self._http.aclose()


def finish(work: Coroutine[object, None, T]) -> T:
    """The result of a coroutine over the blocking transport."""
    try:
        work.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    work.close()
    raise AssertionError("nothing suspends over the blocking transport")


def iterate(items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """The items of an asynchronous generator over the blocking transport."""
    try:
        while True:
            try:
                item = finish(_next(items))
            except StopAsyncIteration:
                return
            yield item
    finally:
        finish(items.aclose())


async def _each(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await anext(items)


def _built(http: httpx2.Client | httpx2.AsyncClient, request: Request) -> httpx2.Request:
    timeout = httpx2.Timeout(request.seconds, connect=CONNECT_SECONDS)
    return http.build_request(
        request.method, request.path, headers=dict(request.headers), content=request.body, timeout=timeout
    )


@contextmanager
def _translated() -> Iterator[None]:
    """The one place where the library's errors become ours."""
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise Unreachable(f"The server cannot be reached: {error}", was_sent=False) from error
    except (httpx2.TransportError, httpx2.StreamError) as error:
        raise Unreachable(f"The connection was lost: {error}", was_sent=True) from error
    except httpx2.HTTPError as error:
        raise ClientFault(f"{error}") from error


def _answer(response: httpx2.Response, body: bytes) -> Answer:
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def _no_cookies() -> CookieJar:
    """A session's cookie would make every later call one of a browser."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
