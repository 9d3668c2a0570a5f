"""A link to one MCP server: a session that is opened when it is first asked, and opened again when it is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject
from folkmoot.tools.mcp.rules import definitions_of
from folkmoot.tools.mcp.talk import McpFailed, Session, SessionLost, list_tools

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


class Link:
    """`opens` makes a greeted session. After a failure it is not tried again for a while, each time twice as long."""

    def __init__(self, opens: Callable[[], Awaitable[Session]]) -> None:
        self._opens = opens
        self._opening = asyncio.Lock()
        self._session: Session | None = None
        self._pause = 0.0
        self._not_before = 0.0
        self.listed: list[JsonObject] | None = None
        self.listed_at = 0.0

    async def request(self, method: str, params: JsonObject) -> JsonObject:
        """A session that the server has forgotten is made anew once. Raises McpFailed, and what the network does."""
        try:
            return await (await self._open()).request(method, params)
        except SessionLost:
            pass
        try:
            return await (await self._open()).request(method, params)
        except SessionLost:
            raise McpFailed("The MCP server forgets its sessions") from None

    async def look(self, after_seconds: float = 0.0) -> list[JsonObject]:
        """The definitions it lists; those of the last look where that was less long ago. Raises as `request` does."""
        if self.listed is None or monotonic() - self.listed_at >= after_seconds:
            self.listed = definitions_of(await list_tools(self))
            self.listed_at = monotonic()
        return self.listed

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.aclose()

    async def _open(self) -> Session:
        async with self._opening:
            if self._session is not None and self._session.is_open:
                return self._session
            if monotonic() < self._not_before:
                raise McpFailed("The MCP server has just failed; it is tried again in a moment")
            await self.aclose()
            try:
                self._session = await self._opens()
            except (Problem, SessionLost):
                self._pause = min(max(2 * self._pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
                self._not_before = monotonic() + self._pause
                raise
            self._pause = 0.0
            return self._session
