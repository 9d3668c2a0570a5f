"""The guard of local mode: without accounts only this machine may speak, and no foreign page through its browser."""

import ipaddress
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from folkmoot.http.render import answer
from folkmoot.kernel.errors import Forbidden, Problem

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")


class NotLocal(Problem):
    """Only calls from this machine are answered until there are accounts"""

    status = 401


class HostNotLocal(Forbidden):
    """The Host header does not name this machine"""

    hint = "Use localhost or 127.0.0.1"


class OriginRefused(Forbidden):
    """Pages of that origin may not call this server"""

    hint = "List the origin in BACKEND_CORS_ORIGINS"


class LocalOnly:
    """Refuses other machines, proxies, foreign names (DNS rebinding) and foreign pages (drive-by requests)."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self.app = app
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            connection = HTTPConnection(scope)
            problem = self._problem(connection)
            if problem is not None:
                await answer(connection, problem)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _problem(self, connection: HTTPConnection) -> Problem | None:
        headers = connection.headers
        if connection.client is not None and not is_loopback(connection.client.host):
            return NotLocal()
        if any(name in headers for name in _PROXY_HEADERS):
            return NotLocal()
        if not _names_this_machine(headers.get("host", "")):
            return HostNotLocal()
        if connection.scope["type"] == "http" and connection.scope["method"] in _SAFE_METHODS:
            return None
        return None if self._is_own_page(connection) else OriginRefused()

    def _is_own_page(self, connection: HTTPConnection) -> bool:
        """Whether no page sent this, or one of our own, or one that is listed."""
        origin = connection.headers.get("origin")
        if origin is not None:
            return origin in self.origins or _split(origin).netloc == connection.headers.get("host")
        return connection.headers.get("sec-fetch-site", "none") in ("none", "same-origin")


@lru_cache(maxsize=256)
def _names_this_machine(host_header: str) -> bool:
    return is_loopback(_split(f"//{host_header}").hostname or "")


def _split(url: str) -> SplitResult:
    """The parts of a URL; none of one that cannot be read."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a name or address can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
