"""Resolving who a caller is in which workspace, without asking the database for every request."""

import re
from time import monotonic
from typing import Literal

from folkmoot.accounts.rules import LOCAL_OWNER, Caller
from folkmoot.db.database import Database
from folkmoot.kernel.errors import Forbidden
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.scope import Role, Scope
from folkmoot.kernel.values import fixed
from folkmoot.workspaces.queries import NoSuchWorkspace, find_seat
from folkmoot.workspaces.rules import DEFAULT, role_of

_SECONDS = 1.0
_ENTRIES = 10_000
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

Selector = tuple[Literal["id", "slug", "home"], str]

_HOME: Selector = ("home", "")
_DEFAULT: Selector = ("slug", DEFAULT)


class RoleTooLow(Forbidden):
    """Your role in this workspace does not allow this"""


@fixed
class Standing:
    """A caller in a workspace: where, and as what."""

    scope: Scope
    role: Role

    def require(self, needed: Role) -> None:
        """Raises RoleTooLow."""
        if self.role < needed:
            raise RoleTooLow(needed=needed.word, role=self.role.word)


@fixed
class _Seat:
    workspace_id: str
    project_id: str
    role: Role
    at: float


class WorkspaceLookup:
    """Caller and selector to where that is; remembered for at most a second, so that who is removed is soon out."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[tuple[str, Selector], _Seat] = {}

    async def find(self, caller: Caller = LOCAL_OWNER, selector: Selector | None = None) -> Scope:
        """As `stand`, for whoever only wants to know where."""
        return (await self.stand(caller, selector)).scope

    async def stand(self, caller: Caller, selector: Selector | None = None) -> Standing:
        """Without a selector: the workspace of the caller's key, else the caller's oldest one.

        Raises NoSuchWorkspace, also for one that is there and not the caller's.
        """
        seat = await self._seat(caller, selector or _home_of(caller))
        if caller.workspace_id is not None and caller.workspace_id != seat.workspace_id:
            raise NoSuchWorkspace
        scope = Scope(seat.workspace_id, seat.project_id, caller.actor)
        return Standing(scope, min(seat.role, caller.at_most))

    def forget(self) -> None:
        """Ask anew: a workspace, a project or somebody's place in one has changed."""
        self._known.clear()

    async def _seat(self, caller: Caller, selector: Selector) -> _Seat:
        at = monotonic()
        key = (caller.actor.id, selector)
        seat = self._known.get(key)
        if seat is not None and at - seat.at < _SECONDS:
            return seat
        by, value = selector
        if (by == "id" and not is_id(value)) or (by == "slug" and not _SLUG.fullmatch(value)):
            raise NoSuchWorkspace
        found = await self._db.read(find_seat, None if caller.is_everywhere else caller.actor.id, by, value)
        if found is None:
            raise NoSuchWorkspace
        if len(self._known) >= _ENTRIES:
            self._known.clear()
        seat = self._known[key] = _Seat(found.workspace_id, found.project_id, role_of(found.role), at)
        return seat


def _home_of(caller: Caller) -> Selector:
    if caller.workspace_id is not None:
        return ("id", caller.workspace_id)
    return _DEFAULT if caller.is_everywhere else _HOME
