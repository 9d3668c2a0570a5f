"""Resolving a workspace selector without asking the database for every request."""

import re
from time import monotonic
from typing import Literal

from folkmoot.db.database import Database
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.workspaces.queries import NoSuchWorkspace, find_project_of_id, find_project_of_slug
from folkmoot.workspaces.rules import DEFAULT

_SECONDS = 1.0
_ENTRIES = 1000
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

# Until there are accounts, whoever reaches the loopback address is the owner of the machine's data.
LOCAL_OWNER = Actor(kind="user", id="local", name="local owner")

Selector = tuple[Literal["id", "slug"], str]


class WorkspaceLookup:
    """Selector to Scope, remembered for at most a second, so that a deleted workspace is soon gone."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[Selector, tuple[float, Scope]] = {}

    async def find(self, selector: Selector = ("slug", DEFAULT)) -> Scope:
        """Raises NoSuchWorkspace."""
        at = monotonic()
        known = self._known.get(selector)
        if known is not None and at - known[0] < _SECONDS:
            return known[1]
        scope = await self._ask(selector)
        if len(self._known) >= _ENTRIES:
            self._known.clear()
        self._known[selector] = (at, scope)
        return scope

    def forget(self) -> None:
        """Ask anew: a workspace or a project is going."""
        self._known.clear()

    async def _ask(self, selector: Selector) -> Scope:
        by, value = selector
        if not (is_id(value) if by == "id" else _SLUG.fullmatch(value)):
            raise NoSuchWorkspace
        project = await self._db.read(find_project_of_id if by == "id" else find_project_of_slug, value)
        if project is None:
            raise NoSuchWorkspace
        return Scope(workspace_id=project.workspace_id, project_id=project.id, actor=LOCAL_OWNER)
