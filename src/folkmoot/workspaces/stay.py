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
from folkmoot.workspaces.member_queries import (
    active_workspaces,
    good_families,
    good_keys,
    list_places,
    list_rooms_of,
    rooms_there,
)
from folkmoot.workspaces.queries import NoSuchWorkspace

_SECONDS = 0.5
_AT_ONCE = 500
"""How many stays one unit asks about: each brings an id or two into a list of the statement."""

IsLocal = Callable[[], Awaitable[bool]]

_log = logging.getLogger(__name__)


class End(Enum):
    """Why a stay has ended."""

    LOGGED_OUT = "logged_out"
    NOT_A_MEMBER = "not_a_member"
    NOT_IN_ROOM = "not_in_room"
    ROOM_GONE = "room_gone"

    @property
    def is_of_room(self) -> bool:
        """Whether the caller may still be in the workspace."""
        return self in (End.NOT_IN_ROOM, End.ROOM_GONE)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the database says of the stays it was asked about."""

    workspaces: set[str]
    members: set[tuple[str, str]]
    families: set[str]
    keys: set[str]
    in_rooms: set[tuple[str, str]]
    rooms: set[str]


class Stay:
    """One caller's open stream in a workspace, or in a room of it; watched while it is entered.

    `end` says why it is over.
    """

    def __init__(self, stays: "Stays", caller: Caller, scope: Scope, room_id: str | None = None) -> None:
        self._stays = stays
        self._over = asyncio.Event()
        self.caller = caller
        self.scope = scope
        self.room_id = room_id
        self.end: End | None = None

    def of_room(self, room_id: str | None) -> "Stay":
        """The same caller's, of what is shown only to who is in this room; None where it is of no room."""
        return Stay(self._stays, self.caller, self.scope, room_id)

    async def __aenter__(self) -> "Stay":
        self._stays.begin(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stays.leave(self)

    async def ended(self) -> None:
        """Until the session, the key, the user or a membership that let the caller in is no longer good."""
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

    def stay(self, caller: Caller, scope: Scope, room_id: str | None = None) -> Stay:
        return Stay(self, caller, scope, room_id)

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
    wanted = {(stay.room_id, stay.caller.actor.id) for stay in stays if stay.room_id is not None}
    in_rooms = list_rooms_of(tx, {user for _, user in wanted}, {room for room, _ in wanted})
    return _Standing(
        in_rooms=in_rooms,
        rooms=rooms_there(tx, {room for room, _ in wanted - in_rooms}),
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
    if not is_member or workspace_id not in standing.workspaces:
        return End.NOT_A_MEMBER
    if stay.room_id is None or (stay.room_id, caller.actor.id) in standing.in_rooms:
        return None
    return End.NOT_IN_ROOM if stay.room_id in standing.rooms else End.ROOM_GONE
