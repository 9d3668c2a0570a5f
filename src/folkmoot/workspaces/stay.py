"""Open streams outlive the request that was let in: whoever may no longer be here is cut off within a second."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from folkmoot.accounts.authentication import NotAuthenticated
from folkmoot.accounts.rules import Caller, CredentialKind
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.workspaces.member_queries import active_workspaces, good_families, good_keys, list_places
from folkmoot.workspaces.queries import NoSuchWorkspace

_SECONDS = 0.5
_AT_ONCE = 500
"""How many stays one unit asks about: each brings an id or two into a list of the statement."""

IsLocal = Callable[[], Awaitable[bool]]

_log = logging.getLogger(__name__)


class End(Enum):
    """Why a stay has ended; the value is the code that a socket is closed with."""

    LOGGED_OUT = 4401
    NOT_A_MEMBER = 4403


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the database says of the stays it was asked about."""

    workspaces: set[str]
    members: set[tuple[str, str]]
    families: set[str]
    keys: set[str]


class Stay:
    """One caller's open stream in a workspace; watched while it is entered. `end` says why it is over."""

    def __init__(self, stays: "Stays", caller: Caller, scope: Scope) -> None:
        self._stays = stays
        self._over = asyncio.Event()
        self.caller = caller
        self.scope = scope
        self.end: End | None = None

    async def __aenter__(self) -> "Stay":
        self._stays.begin(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stays.leave(self)

    async def ended(self) -> None:
        """Until the session, the key, the user or the membership that let the caller in is no longer good."""
        await self._over.wait()

    async def until_ended(self) -> None:
        """The whole stay, for whoever does not enter it himself."""
        async with self:
            await self.ended()

    async def check(self) -> None:
        """For what answers after a long wait. Raises NotAuthenticated, NoSuchWorkspace."""
        await self._stays.check([self])
        if self.end is not None:
            raise NotAuthenticated if self.end is End.LOGGED_OUT else NoSuchWorkspace

    def finish(self, end: End) -> None:
        self.end = end
        self._over.set()


class Stays:
    """All of the process: one question to the database every half second, none while nobody stays."""

    def __init__(self, db: Database, supervisor: Supervisor, is_local: IsLocal) -> None:
        self._db = db
        self._supervisor = supervisor
        self._is_local = is_local
        self._open: set[Stay] = set()
        self._watch: asyncio.Task[None] | None = None

    def stay(self, caller: Caller, scope: Scope) -> Stay:
        return Stay(self, caller, scope)

    def begin(self, stay: Stay) -> None:
        self._open.add(stay)
        if self._watch is None or self._watch.done():
            self._watch = self._supervisor.start(self._look_after(), "open streams")

    def leave(self, stay: Stay) -> None:
        self._open.discard(stay)

    async def _look_after(self) -> None:
        """Where the database does not answer, nothing is streamed from it either: it is asked again."""
        while self._open:
            await asyncio.sleep(_SECONDS)
            try:
                await self.check([*self._open])
            except Unavailable as problem:
                _log.warning("open streams have to wait: %s", problem.detail)

    async def check(self, stays: list[Stay]) -> None:
        """Finishes those that are over. Raises DatabaseUnavailable."""
        is_local = await self._is_local()
        for start in range(0, len(stays), _AT_ONCE):
            some = stays[start : start + _AT_ONCE]
            standing = await self._db.read(_standing, some)
            for stay in some:
                if (end := _end_of(stay, standing, is_local=is_local)) is not None:
                    stay.finish(end)


def _standing(tx: Tx, stays: list[Stay]) -> _Standing:
    workspaces = {stay.scope.workspace_id for stay in stays}
    users = {stay.caller.actor.id for stay in stays if not stay.caller.is_everywhere}
    return _Standing(
        workspaces=active_workspaces(tx, workspaces),
        members=list_places(tx, users, workspaces),
        families=good_families(tx, _ids_of("session", stays)),
        keys=good_keys(tx, _ids_of("api_key", stays), now()),
    )


def _ids_of(credential: CredentialKind, stays: list[Stay]) -> set[str]:
    return {stay.caller.credential_id for stay in stays if stay.caller.credential == credential}


def _end_of(stay: Stay, standing: _Standing, *, is_local: bool) -> End | None:
    """None while it may go on."""
    caller, workspace_id = stay.caller, stay.scope.workspace_id
    is_good = {
        "session": caller.credential_id in standing.families,
        "api_key": caller.credential_id in standing.keys,
        "local": is_local,
    }
    if not is_good.get(caller.credential, True):
        return End.LOGGED_OUT
    is_member = caller.is_everywhere or (workspace_id, caller.actor.id) in standing.members
    return None if is_member and workspace_id in standing.workspaces else End.NOT_A_MEMBER
