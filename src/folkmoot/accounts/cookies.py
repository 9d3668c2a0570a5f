"""The cookies of a login: access and refresh token, which no script reads, and the CSRF token, which ours do."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import cookie_parser
from starlette.responses import Response

from folkmoot.accounts.tokens import ACCESS_SECONDS, REFRESH_SECONDS, is_same, new_secret
from folkmoot.http.local import RawHeaders, host_of, names_this_machine

ACCESS, REFRESH, CSRF = "folkmoot_access", "folkmoot_refresh", "folkmoot_csrf"
CSRF_HEADER = b"x-csrf-token"

_HOST_ONLY = "__Host-"


class Cookies:
    """Of one request: read by the names that its scheme and host allow, so that none can be slipped in from beside."""

    def __init__(self, scope: Mapping[str, Any], headers: RawHeaders) -> None:
        is_plain = scope["scheme"] in ("http", "ws") and names_this_machine(host_of(headers))
        self._prefix = "" if is_plain else _HOST_ONLY
        sent = headers.get(b"cookie")
        self._sent = {} if sent is None else cookie_parser(str(sent, "latin-1"))

    def get(self, name: str) -> str | None:
        return self._sent.get(self._prefix + name) or None

    def is_csrf_token(self, token: bytes | None) -> bool:
        """Whether the caller could read the CSRF cookie, which a foreign page cannot."""
        kept = self.get(CSRF)
        return token is not None and kept is not None and is_same(kept, str(token, "latin-1"))

    def give(self, response: Response, access: str, refresh: str) -> None:
        self._set(response, ACCESS, access, ACCESS_SECONDS)
        self._set(response, REFRESH, refresh, REFRESH_SECONDS)
        self._set(response, CSRF, new_secret(), REFRESH_SECONDS)

    def take(self, response: Response) -> None:
        for name in (ACCESS, REFRESH, CSRF):
            self._set(response, name, "", 0)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            self._prefix + name,
            value,
            max_age=seconds,
            path="/",
            secure=bool(self._prefix),
            httponly=name != CSRF,
            samesite="lax",
        )
