"""An outgoing call and its answer as plain values, and what becomes of a call that is redirected."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

from folkmoot.net.faults import HeaderRefused
from folkmoot.net.rules import Target

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Headers = Mapping[str, str]

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\t\x20-\x7e\xa1-\xff]{0,8000}")
# What the connection and the message say about themselves is this client's business.
_OURS: Final = frozenset(
    (
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "accept-encoding",
        "proxy-authorization",
        "proxy-connection",
        "proxy-authenticate",
    )
)
_OF_BODY: Final = ("content-type", "content-encoding", "content-language", "content-location", "content-disposition")
# What goes along to another origin: nothing that could be a secret, whatever its header is called.
_HARMLESS: Final = frozenset(("accept", "accept-language", *_OF_BODY))


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds. `connect` (looking up and TLS included) is per hop, `total` is for all hops and the body;
    `body_bytes` counts what was sent as well as what it unpacks to; `redirects` is how many are followed, 0: none."""

    connect: float = 10.0
    total: float = 30.0
    body_bytes: int = 5_000_000
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Call:
    """One request; without `limits` the client's own hold. With 0 redirects allowed a redirect is the answer."""

    method: Method
    url: str
    headers: Headers = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of any status. Names of headers are in lower case; `url` is where the redirects ended."""

    status: int
    headers: Headers
    body: bytes
    url: str


class Incoming(Protocol):
    """An answer whose body is still to come; it has to be read inside the block that opened it."""

    status: int
    headers: Headers
    url: str

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, unpacked. Raises OutgoingTooLarge, OutgoingFailed, OutgoingTimeout."""

    async def read(self) -> bytes:
        """The whole body; raises as `chunks` does."""


def check_headers(headers: Headers) -> None:
    """Raises HeaderRefused."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or name.lower() in _OURS:
            raise HeaderRefused
        if not _VALUE.fullmatch(value):
            raise HeaderRefused(f"The value of the header {name} cannot be sent")


def redirected(call: Call, status: int, here: Target, there: Target) -> Call:
    """The call that follows a redirect (RFC 9110, 15.4): what becomes of its method, its body and its secrets."""
    method, body, headers = call.method, call.body, dict(call.headers)
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        headers = {name: value for name, value in headers.items() if name.lower() not in _OF_BODY}
    if there.origin != here.origin:
        headers = {name: value for name, value in headers.items() if name.lower() in _HARMLESS}
    return replace(call, method=method, url=there.url, body=body, headers=headers)
