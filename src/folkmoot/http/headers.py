"""Security headers: what an answer forbids the browser that shows it, unless its route says otherwise."""

from collections.abc import Iterable

RawHeaders = list[tuple[bytes, bytes]]

_ALWAYS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    # Of listed origins too: it does not bind requests that CORS allows.
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
_NEVER_KEPT = (b"cache-control", b"no-store")
_ASKED_AGAIN = (b"cache-control", b"private, no-cache")
_ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")

_PLAIN: RawHeaders = [*_ALWAYS, _POLICY, _NEVER_KEPT]
_NOT_PLAIN = {name for name, _ in _PLAIN} | {b"etag"}


def secured(headers: Iterable[tuple[bytes, bytes]], scheme: str) -> RawHeaders:
    """The headers with those they lack; a page with an ETag may be kept if it is asked for again every time."""
    given = list(headers)
    named = _NOT_PLAIN.intersection([name for name, _ in given])
    if named:
        kept = _ASKED_AGAIN if b"etag" in named else _NEVER_KEPT
        given += [added for added in (*_ALWAYS, _POLICY, kept) if added[0] not in named]
    else:
        given += _PLAIN
    if scheme in ("https", "wss"):
        given.append(_ONLY_HTTPS)
    return given
