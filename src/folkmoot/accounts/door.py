"""The door: who calls is found out before anything else looks at a request; whoever is not known stays outside."""

from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from folkmoot.accounts.authentication import Accounts, NotAuthenticated
from folkmoot.accounts.cookies import ACCESS, CSRF_HEADER, REFRESH, Cookies
from folkmoot.accounts.rules import Caller
from folkmoot.http.local import RawHeaders, check_local, check_page, is_own_page, is_unsafe
from folkmoot.http.render import answer
from folkmoot.kernel.errors import Forbidden, Problem

OPEN = (
    "/",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/asyncapi.json",
    "/studio",
    "/api/health",
    "/api/health/live",
    "/api/health/ready",
    "/api/login",
    "/api/register",
    "/api/logout",
)
"""Paths anybody may call; those of _OPEN_BELOW with all that is under them. Every other is closed."""

_OPEN_BELOW = ("/docs/", "/studio/", "/api/login/")
_FOR_METRICS = ("/metrics", "/api/health/status")
_SOCKET_IO = "/socket.io"
_BY_COOKIE = ("/api/login/refresh", "/api/logout")
"""Open, and yet of effect by a cookie alone."""


class CsrfRefused(Forbidden):
    """A call by cookie has to show that a page of this server made it"""

    hint = "Send the cookie folkmoot_csrf as X-CSRF-Token, or use a bearer token instead of the cookie"


class Credential(NamedTuple):
    by: str
    text: str


class Door:
    """Sets `caller` in the state of a request: a Caller, or None on a path that is open.

    It stands after the path was made canonical and before anything reads a body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                scope["state"]["caller"] = await _let_in(scope["app"].state.accounts, scope)
            except Problem as problem:
                await answer(HTTPConnection(scope), problem)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def is_open(path: str) -> bool:
    """Of a canonical path."""
    return path in OPEN or path.startswith(_OPEN_BELOW)


async def _let_in(accounts: Accounts, scope: Scope) -> Caller | None:
    """Raises NotAuthenticated, CsrfRefused, NotLocal, HostNotLocal, OriginRefused, DatabaseUnavailable."""
    client: tuple[str, int] | None = scope.get("client")
    address = None if client is None else client[0]
    if accounts.settings.is_private:
        return accounts.local_owner(address)
    headers = dict(scope["headers"])
    is_asking = not is_unsafe(scope)
    is_idle = is_asking and is_open(scope["path"])
    # What anybody may read is answered without a look at the database; who shows a credential knows of accounts.
    is_doubted = b"authorization" in headers or b"x-api-key" in headers
    if accounts.was_local if is_idle else await accounts.is_local(is_doubted=is_doubted):
        if not accounts.settings.is_insecure:
            check_local(client, headers)
        if not is_asking:
            check_page(headers, accounts.settings.origins)
        return accounts.local_owner(address)
    return None if is_idle else await _known(accounts, scope, headers, address)


async def _known(accounts: Accounts, scope: Scope, headers: RawHeaders, address: str | None) -> Caller | None:
    """Raises NotAuthenticated, CsrfRefused, OriginRefused, DatabaseUnavailable."""
    cookies = Cookies(scope, headers)
    credential = _credential(scope, headers, cookies)
    caller = None if credential is None else await _caller_of(accounts, credential, scope["path"], address)
    path_is_open = is_open(scope["path"])
    is_by_cookie = credential is None or credential.by == "cookie"
    if is_by_cookie and is_unsafe(scope):
        caller = _checked(scope, headers, cookies, caller, accounts.settings.origins)
    if path_is_open:
        check_page(headers, accounts.settings.origins)
    elif caller is None:
        raise NotAuthenticated
    return caller


def _checked(
    scope: Scope, headers: RawHeaders, cookies: Cookies, caller: Caller | None, origins: frozenset[str]
) -> Caller | None:
    """Who may change something by a cookie, which a browser sends along whatever page asks it to."""
    if is_own_page(headers, origins) or cookies.is_csrf_token(headers.get(CSRF_HEADER)):
        return caller
    path = scope["path"]
    is_by_refresh = path in _BY_COOKIE and cookies.get(REFRESH) is not None
    if is_by_refresh or (caller is not None and (path in _BY_COOKIE or not is_open(path))):
        raise CsrfRefused
    return None


async def _caller_of(accounts: Accounts, credential: Credential, path: str, address: str | None) -> Caller | None:
    if credential.by == "ticket":
        return await accounts.redeem(credential.text, address)
    if credential.by == "socket":
        return accounts.sockets.get(credential.text)
    caller = await accounts.identify(credential.text, address)
    if caller is None or (credential.by == "cookie" and caller.credential != "session"):
        return None
    return None if caller.credential == "metrics" and path not in _FOR_METRICS else caller


def _credential(scope: Scope, headers: RawHeaders, cookies: Cookies) -> Credential | None:
    """The one that was given most on purpose; a long-lived token in the query is none."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        return Credential("header", str(token.strip(), "latin-1"))
    key = headers.get(b"x-api-key")
    if key is not None:
        return Credential("header", str(key, "latin-1"))
    given = _in_query(scope)
    if given is not None and b"ticket=" in scope["query_string"]:
        return given
    kept = cookies.get(ACCESS)
    return given if kept is None else Credential("cookie", kept)


def _in_query(scope: Scope) -> Credential | None:
    """A ticket opens a socket once; of the several requests of Socket.IO the later ones give the id they were given."""
    is_socket_io = scope["path"] == _SOCKET_IO
    if not is_socket_io and (scope["type"] != "websocket" or b"ticket=" not in scope["query_string"]):
        return None
    query = parse_qs(str(scope["query_string"], "latin-1"))
    if is_socket_io and "sid" in query:
        return Credential("socket", query["sid"][0])
    return Credential("ticket", query["ticket"][0]) if "ticket" in query else None
