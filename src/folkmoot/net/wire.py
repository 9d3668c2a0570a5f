"""HTTP by aiohttp, loaded at the first outgoing call: one hop to an address the guard has judged."""

import socket
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ssl import SSLContext

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from folkmoot.net.calls import Call, Limits
from folkmoot.net.faults import CertificateRefused, OutgoingFailed, OutgoingTimeout, OutgoingTooLarge
from folkmoot.net.resolving import Guard
from folkmoot.net.rules import Target

_PIECE = 65_536
_CONNECTIONS = 200
_CONNECTIONS_PER_HOST = 20
_GZIP = 31  # window bits of zlib: gzip, and nothing else


class HttpWire:
    """One pool of connections, each made to an address that was judged when it was made."""

    def __init__(self, guard: Guard, user_agent: str, tls: SSLContext | None) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_Judging(guard),
                use_dns_cache=False,
                ssl=True if tls is None else tls,
                limit=_CONNECTIONS,
                limit_per_host=_CONNECTIONS_PER_HOST,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
            trust_env=False,
            auto_decompress=False,
        )

    @asynccontextmanager
    async def hop(self, call: Call, target: Target, limits: Limits) -> AsyncGenerator["Arriving"]:
        """Raises AddressRefused, OutgoingTimeout, OutgoingFailed."""
        url = URL(target.url, encoded=True)
        if url.raw_host != target.host or url.port != target.port:
            raise OutgoingFailed  # two readings of one URL: never connect
        with _translated(target):
            response = await self._session.request(
                call.method,
                url,
                data=call.body,
                headers=call.headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=limits.connect),
            )
        try:
            yield Arriving(response, target, limits.body_bytes)
        finally:
            response.close()

    async def aclose(self) -> None:
        await self._session.close()


class Arriving:
    """An answer being read. What is packed is unpacked in small pieces, so that no bomb grows past the limit."""

    def __init__(self, response: aiohttp.ClientResponse, target: Target, limit: int) -> None:
        self.status = response.status
        self.headers = {name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers}
        self.url = target.url
        self._response = response
        self._target = target
        self._left = limit

    async def chunks(self) -> AsyncIterator[bytes]:
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("identity", ""):
            async for data in self._received():
                yield data
        elif encoding in ("gzip", "x-gzip"):
            async for data in self._unpacked():
                yield data
        else:
            raise OutgoingFailed("The called server packed its answer in a way it was not asked to")

    async def read(self) -> bytes:
        return b"".join([data async for data in self.chunks()])

    async def _received(self) -> AsyncIterator[bytes]:
        left = self._left
        while True:
            with _translated(self._target):
                data = await self._response.content.readany()
            if not data:
                return
            left -= len(data)
            if left < 0:
                raise OutgoingTooLarge
            yield data

    async def _unpacked(self) -> AsyncIterator[bytes]:
        left, unpacker, is_empty = self._left, zlib.decompressobj(_GZIP), True
        async for data in self._received():
            is_empty, packed = False, data
            while packed:
                if unpacker.eof:  # another member follows
                    unpacker = zlib.decompressobj(_GZIP)
                try:
                    piece = unpacker.decompress(packed, _PIECE)
                except zlib.error:
                    raise OutgoingFailed("The called server's answer cannot be unpacked") from None
                left -= len(piece)
                if left < 0:
                    raise OutgoingTooLarge
                if piece:
                    yield piece
                packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        if not is_empty and not unpacker.eof:
            raise OutgoingFailed("The called server's answer stopped without an end")


class _Judging(AbstractResolver):
    """What the connector asks for addresses: it connects to these and to no others."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._guard.addresses(host, port)
        ]

    async def close(self) -> None:
        """The guard outlives the connector."""


@contextmanager
def _translated(target: Target) -> Iterator[None]:
    """The one place where this library's errors become ours, without the addresses they name."""
    try:
        yield
    except aiohttp.ServerTimeoutError:
        raise OutgoingTimeout(f"{target.host} did not accept a connection in time") from None
    except aiohttp.ClientConnectorCertificateError:
        raise CertificateRefused(f"The certificate of {target.host} is not valid for it") from None
    except aiohttp.ClientConnectorError:
        raise OutgoingFailed(f"{target.host} cannot be reached") from None
    except (aiohttp.ClientError, ConnectionError, ValueError):
        raise OutgoingFailed(f"{target.host} did not answer properly") from None


def open_wire(guard: Guard, user_agent: str, tls: SSLContext | None) -> HttpWire:
    """Inside the event loop it will belong to."""
    return HttpWire(guard, user_agent, tls)
