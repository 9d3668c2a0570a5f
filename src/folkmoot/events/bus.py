"""Waking: who follows a workspace hears that it has more, from this process at once, from any other within a second."""

import asyncio
import logging
from collections.abc import Callable

from folkmoot.db.database import Database
from folkmoot.events.queries import list_heads
from folkmoot.kernel.errors import Problem

POLL_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Bus:
    """A wake may be lost or come for nothing: it says "look", and the poll says it again."""

    def __init__(self) -> None:
        self._listeners: dict[str, Callable[[int | None], None]] = {}

    def listen(self, workspace_id: str, listener: Callable[[int | None], None]) -> None:
        """`listener` is called with the newest seq where it is known."""
        self._listeners[workspace_id] = listener

    def forget(self, workspace_id: str) -> None:
        self._listeners.pop(workspace_id, None)

    def wake(self, workspace_ids: set[str]) -> None:
        for workspace_id in workspace_ids:
            listener = self._listeners.get(workspace_id)
            if listener is not None:
                listener(None)

    async def poll(self, db: Database) -> None:
        """One statement a second over all followed heads, for what other processes have written."""
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
