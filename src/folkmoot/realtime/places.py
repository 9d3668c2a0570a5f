"""Which workspaces those may see who follow all of theirs: asked for all of them together, and told when it changes."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from folkmoot.accounts.rules import Caller
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.workspaces.queries import list_workspaces

_SECONDS = 0.5
_ALL = 1_000_000

_log = logging.getLogger(__name__)


class View:
    """One caller's workspaces, as last seen."""

    def __init__(self, caller: Caller, ids: frozenset[str]) -> None:
        self.caller = caller
        self.ids = ids
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Until they are others than when it was last waited for."""
        await self._changed.wait()
        self._changed.clear()

    def see(self, ids: frozenset[str]) -> None:
        if ids != self.ids:
            self.ids = ids
            self._changed.set()


class Places:
    """All of the process: one unit every half second, none while nobody follows everything."""

    def __init__(self, db: Database, supervisor: Supervisor) -> None:
        self._db = db
        self._supervisor = supervisor
        self._views: set[View] = set()
        self._watch: asyncio.Task[None] | None = None

    async def look(self, caller: Caller) -> View:
        """The caller's workspaces now. Raises what the database raises."""
        [ids] = await self._db.read(_visible, [caller])
        return View(caller, ids)

    @contextmanager
    def watched(self, view: View) -> Iterator[View]:
        """Kept up to date while the context is open."""
        self._views.add(view)
        if self._watch is None or self._watch.done():
            self._watch = self._supervisor.start(self._look_after(), "workspaces of followers")
        try:
            yield view
        finally:
            self._views.discard(view)

    async def _look_after(self) -> None:
        while self._views:
            views = [*self._views]
            try:
                found = await self._db.read(_visible, [view.caller for view in views])
            except Unavailable as problem:
                _log.warning("what followers may see has to wait: %s", problem.detail)
            else:
                for view, ids in zip(views, found, strict=True):
                    view.see(ids)
            await asyncio.sleep(_SECONDS)


def _visible(tx: Tx, callers: list[Caller]) -> list[frozenset[str]]:
    """Equal callers are asked for once."""
    known: dict[tuple[str, str | None], frozenset[str]] = {}
    for caller in callers:
        key = (caller.actor.id, caller.workspace_id)
        if key not in known:
            known[key] = frozenset(row.id for row in list_workspaces(tx, caller, 0, _ALL)[0])
    return [known[caller.actor.id, caller.workspace_id] for caller in callers]
