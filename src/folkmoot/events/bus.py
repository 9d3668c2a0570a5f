"""Waking: who follows a workspace hears that it has more, from this process at once, from others by the relay.

A wake says "look" and may be lost or come for nothing: once a second the poll looks anyway.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from folkmoot.db.database import Database
from folkmoot.events.queries import list_heads
from folkmoot.events.relay import Alone, Relay
from folkmoot.kernel.errors import Problem

POLL_SECONDS = 1.0
TOPIC = "more"

_log = logging.getLogger(__name__)


class Bus:
    """One process's listeners, and its way to the other processes of the installation."""

    def __init__(self, relay: Relay | None = None) -> None:
        self.relay = relay or Alone()
        self._listeners: dict[str, Callable[[int | None], None]] = {}
        self.relay.listen(TOPIC, self._hear)

    def listen(self, workspace_id: str, listener: Callable[[int | None], None]) -> None:
        """`listener` is called with the newest seq where it is known."""
        self._listeners[workspace_id] = listener

    def forget(self, workspace_id: str) -> None:
        self._listeners.pop(workspace_id, None)

    def wake(self, workspace_ids: set[str]) -> None:
        """These have more: said after a commit, here and everywhere."""
        self._wake_here(workspace_ids)
        for workspace_id in workspace_ids:
            self.relay.tell(TOPIC, workspace_id, once=True)

    def _hear(self, text: str) -> None:
        """What another process said; nothing for "look at all": the relay was gone for a while."""
        self._wake_here((text,) if text else tuple(self._listeners))

    def _wake_here(self, workspace_ids: Iterable[str]) -> None:
        for workspace_id in workspace_ids:
            listener = self._listeners.get(workspace_id)
            if listener is not None:
                listener(None)

    async def poll(self, db: Database) -> None:
        """One statement a second over all followed heads, for what no wake has told of."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self._listeners:
                await self._look(db)

    async def _look(self, db: Database) -> None:
        try:
            heads = await db.read(list_heads, list(self._listeners))
        except Problem as problem:
            _log.warning("event heads cannot be read: %s", problem)
            return
        for head in heads:
            listener = self._listeners.get(head.workspace_id)
            if listener is not None:
                listener(head.seq)
