"""Links to workspaces' MCP servers, each with the secret it is sent, which nothing that comes back may show."""

import asyncio
from dataclasses import dataclass
from functools import partial

from folkmoot.kernel.errors import Conflict
from folkmoot.net.client import GuardedClient
from folkmoot.providers.cipher import Cipher, Unreadable
from folkmoot.tools.mcp.http import open_http
from folkmoot.tools.mcp.links import Link
from folkmoot.tools.mcp.queries import Reach
from folkmoot.tools.mcp.talk import Session

_MOST_LINKS = 500
_HIDDEN = "[secret]"
_SHORTEST_HIDDEN = 6


class SecretGone(Conflict):
    """The secret of the MCP server is gone or cannot be read"""


@dataclass(frozen=True, slots=True)
class _Known:
    """A link and what it was made for: with another URL or secret it is another link."""

    stamp: tuple[object, ...]
    link: Link


class Links:
    """By server; the one that was made first goes where there are too many."""

    def __init__(self, outgoing: GuardedClient, cipher: Cipher) -> None:
        self._outgoing = outgoing
        self._cipher = cipher
        self._known: dict[str, _Known] = {}

    def to(self, reach: Reach) -> Link:
        """Raises SecretGone."""
        server, secret = reach.server, reach.secret
        stamp = (server.url, server.secret_name, secret.updated_at if secret else None)
        known = self._known.get(server.id)
        if known is None or known.stamp != stamp:
            self._token(reach)
            if len(self._known) >= _MOST_LINKS:
                self._known.pop(next(iter(self._known)))
            known = self._known[server.id] = _Known(stamp, Link(partial(self.open, reach)))
        return known.link

    async def open(self, reach: Reach) -> Session:
        """A session of its own. Raises SecretGone, and as `open_http` does."""
        return await open_http(self._outgoing, reach.server.url, self._token(reach))

    async def forget(self, server_id: str) -> None:
        """What is changed or gone is connected to anew, or no more."""
        known = self._known.pop(server_id, None)
        if known is not None:
            await known.link.aclose()

    async def aclose(self) -> None:
        known, self._known = self._known, {}
        await asyncio.gather(*(one.link.aclose() for one in known.values()))

    def hidden(self, reach: Reach, text: str) -> str:
        """A server that says its own secret is not to tell it to anybody."""
        try:
            token = self._token(reach)
        except SecretGone:
            return text
        return text if token is None or len(token) < _SHORTEST_HIDDEN else text.replace(token, _HIDDEN)

    def _token(self, reach: Reach) -> str | None:
        server, secret = reach.server, reach.secret
        if server.secret_name is None:
            return None
        if secret is None:
            raise SecretGone
        try:
            return self._cipher.decrypt(secret.workspace_id, secret.name, secret.ciphertext)
        except Unreadable:
            raise SecretGone from None
