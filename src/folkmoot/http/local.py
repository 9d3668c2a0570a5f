"""Which calls come from this machine, and from which page: the checks of local mode and of calls by cookie. Pure."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from folkmoot.kernel.addresses import is_loopback
from folkmoot.kernel.errors import Forbidden, Problem

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

RawHeaders = Mapping[bytes, bytes]
"""Of a request, by their names in lower case."""


class NotLocal(Problem):
    """Only calls from this machine are answered until there are accounts"""

    status = 401


class HostNotLocal(Forbidden):
    """The Host header does not name this machine"""

    hint = "Use localhost or 127.0.0.1"


class OriginRefused(Forbidden):
    """Pages of that origin may not call this server"""

    hint = "List the origin in BACKEND_CORS_ORIGINS"


def check_local(client: tuple[str, int] | None, headers: RawHeaders) -> None:
    """Refuses other machines, proxies and foreign names (DNS rebinding). Raises NotLocal, HostNotLocal."""
    if client is not None and not is_loopback(client[0]):
        raise NotLocal
    if any(name == b"forwarded" or name.startswith(b"x-forwarded-") for name in headers):
        raise NotLocal
    if not names_this_machine(host_of(headers)):
        raise HostNotLocal


def is_unsafe(scope: Mapping[str, Any]) -> bool:
    """Whether a request may change something: also the handshake of a socket, over which anything may come."""
    return scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS


def check_page(headers: RawHeaders, origins: Collection[str]) -> None:
    """Refuses what a foreign page sent (drive-by requests); what no page sent may pass. Raises OriginRefused."""
    is_silent = b"origin" not in headers and headers.get(b"sec-fetch-site", b"none") == b"none"
    if not is_silent and not is_own_page(headers, origins):
        raise OriginRefused


def is_own_page(headers: RawHeaders, origins: Collection[str]) -> bool:
    """Whether a browser says that a page of this server sent it, or one that is listed."""
    origin = headers.get(b"origin")
    if origin is None:
        return headers.get(b"sec-fetch-site") == b"same-origin"
    text = str(origin, "latin-1")
    return text in origins or (_split(text).netloc or None) == host_of(headers)


def host_of(headers: RawHeaders) -> str:
    return str(headers.get(b"host", b""), "latin-1")


@lru_cache(maxsize=256)
def names_this_machine(host_header: str) -> bool:
    return is_loopback(_split(f"//{host_header}").hostname or "")


def _split(url: str) -> SplitResult:
    """The parts of a URL; none of one that cannot be read."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
