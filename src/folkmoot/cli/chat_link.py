"""The line of a chat to its server, which may be cut: said once when it is lost and once when it is back."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

from folkmoot.cli.chat_face import Face
from folkmoot.cli.client import Client, delay_seconds
from folkmoot.cli.problems import ConnectionLost, Refused, is_passing
from folkmoot.cli.text import word

T = TypeVar("T")

_TRIES = 40
_AGAIN_SECONDS = 1.0


class ServerAway(ConnectionLost):
    """The server could not be reached for more than a minute"""


class Link:
    """Knows whether the server was there when it was last asked."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._is_lost = False

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The same again while the server is away. Raises Refused, ServerAway."""
        for tries in range(_TRIES):
            try:
                return await ask()
            except (ConnectionLost, Refused) as problem:
                if not is_passing(problem):
                    raise
            self.lose()
            await self.pause(tries)
        raise ServerAway

    async def pause(self, tries: int) -> None:
        await asyncio.sleep(delay_seconds(tries))

    def lose(self) -> None:
        if not self._is_lost:
            self._face.note("the connection was lost, trying again")
        self._is_lost = True

    def hold(self) -> None:
        if self._is_lost:
            self._face.note("connected again")
        self._is_lost = False


async def listen(client: Client, face: Face, run_id: str, name: str) -> None:
    """Show what an agent writes while it writes, until this is cancelled: its run's end is told by the room.

    Text before the tools it asked for is no part of what it says.
    """
    while True:
        key, text = "", ""
        with suppress(ConnectionLost, Refused):
            async with aclosing(client.stream(f"/api/runs/{run_id}/stream")) as frames:
                async for frame in frames:
                    kind, before = frame.data.get("type"), key
                    if kind not in ("delta", "delta_reset"):
                        continue
                    key = word(frame.data.get("key"))
                    more = str(frame.data.get("text") or "")
                    text = text + more if kind == "delta" and key == before else more
                    face.speaks(name, text)
        await asyncio.sleep(_AGAIN_SECONDS)
