"""Channels: names for parts of workspaces' logs, and what they are for one caller, who may not know of others'."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from folkmoot.accounts.rules import Caller
from folkmoot.agents.queries import get_agent
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.debates.queries import get_debate
from folkmoot.events.rules import EVERYTHING, AnyOf, Selection, about
from folkmoot.kernel.errors import Invalid
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import LARGEST_INTEGER, loads
from folkmoot.kernel.scope import Scope
from folkmoot.rooms.queries import NoSuchRoom, get_room
from folkmoot.runs.queries import NoSuchRun, get_run
from folkmoot.tasks.queries import NoSuchTask, get_task
from folkmoot.workspaces.lookup import WorkspaceLookup

MOST = 100
"""Channels one stream may have."""


class BadChannel(Invalid):
    """A channel is one of agent:{id}, agents, task:{id}, run:{id}, room:{id}, debate:{id}, workspace:{id} and all"""


class TooManyChannels(Invalid):
    """A stream has at most 100 channels"""


class BadCursor(Invalid):
    """A cursor is a seq, or where several workspaces are followed a JSON object of seqs by workspace id"""


class SeveralLogs(Invalid):
    """A page is of one workspace's events"""

    hint = "Ask for one workspace at a time, or follow several at /api/events/stream"


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel as it was asked for; `ref` names the thing that it is about."""

    kind: str
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What of one workspace's log is followed. `dropped` are rooms that were followed by name and are no more."""

    scope: Scope
    selection: Selection | AnyOf = EVERYTHING
    dropped: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Followed:
    """Channels as one caller may follow them: one part for each workspace, or with `is_all` whatever he may see.

    `name` is what `subscribed` says of it. `rooms` are those that were named, `is_of_rooms` where nothing else was.
    """

    name: str
    parts: tuple[Part, ...]
    is_all: bool = False
    rooms: frozenset[str] = frozenset()
    is_of_rooms: bool = False

    @property
    def is_single(self) -> bool:
        """Whether its cursor is a seq."""
        return len(self.parts) == 1 and not self.is_all

    def drop(self, room_id: str) -> None:
        """Not to come back with the caller; whoever follows all of the workspace follows its rooms as they are."""
        for part in self.parts:
            if part.selection != EVERYTHING:
                part.dropped.add(room_id)


def parse(names: Sequence[str]) -> list[Channel]:
    """Raises BadChannel, TooManyChannels."""
    if len(names) > MOST:
        raise TooManyChannels
    return [_parsed(name.strip()) for name in names]


def _parsed(name: str) -> Channel:
    kind, colon, ref = name.partition(":")
    if kind in _ALONE and not colon:
        return Channel(kind)
    if kind in (*_ABOUT, "workspace") and ref:
        return Channel(kind, ref)
    raise BadChannel


async def resolve(db: Database, lookup: WorkspaceLookup, caller: Caller, here: Scope, names: Sequence[str]) -> Followed:
    """What is named by id is looked for in `here`; without names it is all of that workspace.

    Raises BadChannel, TooManyChannels, NoSuchWorkspace and what the thing's own room says where it is not there.
    """
    channels = parse(names) or [Channel("workspace", here.workspace_id)]
    scopes = {here.workspace_id: here}
    wanted: dict[str, list[Selection]] = {}
    for channel in channels:
        if channel.kind == "workspace":
            workspace_id = channel.ref.lower()
            if workspace_id not in scopes:
                scopes[workspace_id] = await lookup.find(caller, ("id", workspace_id))
            wanted.setdefault(workspace_id, []).append(EVERYTHING)
    narrow = [channel for channel in channels if channel.kind in (*_ABOUT, "agents")]
    found = await db.read(_selections, here, narrow) if narrow else []
    if found:
        wanted.setdefault(here.workspace_id, []).extend(found)
    rooms = frozenset[str]().union(*(one.ids or () for one in found if one.reference == "room_id"))
    parts = tuple(Part(scopes[workspace_id], _any_of(selections)) for workspace_id, selections in wanted.items())
    is_all = Channel("all") in channels
    name = ",".join(dict.fromkeys(name.strip() for name in names)) or f"workspace:{here.workspace_id}"
    is_of_rooms = all(channel.kind == "room" for channel in channels)
    return Followed(name, () if is_all else parts, is_all, rooms, is_of_rooms)


def one_log(followed: Followed) -> Part:
    """Raises SeveralLogs."""
    if not followed.is_single:
        raise SeveralLogs
    return followed.parts[0]


def _selections(tx: Tx, scope: Scope, channels: list[Channel]) -> list[Selection]:
    return [
        Selection("agent_id") if channel.kind == "agents" else _about_one(tx, scope, channel) for channel in channels
    ]


def _about_one(tx: Tx, scope: Scope, channel: Channel) -> Selection:
    return about(f"{channel.kind}_id", _ABOUT[channel.kind](tx, scope, channel.ref))


def _any_of(selections: list[Selection]) -> Selection | AnyOf:
    distinct = tuple(dict.fromkeys(selections))
    if EVERYTHING in distinct:
        return EVERYTHING
    return distinct[0] if len(distinct) == 1 else AnyOf(distinct)


def id_of_agent(tx: Tx, scope: Scope, ref: str) -> str:
    """By id, number or slug. Raises NoSuchAgent, NotInitialized."""
    return get_agent(tx, scope, ref).id


def ids_of_agents(tx: Tx, scope: Scope, refs: Sequence[str]) -> frozenset[str]:
    """Raises NoSuchAgent, NotInitialized."""
    return frozenset(id_of_agent(tx, scope, ref) for ref in refs)


def _id_of_task(tx: Tx, scope: Scope, ref: str) -> str:
    if not is_id(ref):
        raise NoSuchTask
    return get_task(tx, scope, ref).id


def _id_of_run(tx: Tx, scope: Scope, ref: str) -> str:
    if not is_id(ref):
        raise NoSuchRun
    return get_run(tx, scope, ref.lower()).id


def id_of_room(tx: Tx, scope: Scope, ref: str) -> str:
    """Raises NoSuchRoom, also for who is not in it."""
    if not is_id(ref):
        raise NoSuchRoom
    return get_room(tx, scope, ref).id


def id_of_debate(tx: Tx, scope: Scope, ref: str) -> str:
    """Raises NoSuchDebate."""
    return get_debate(tx, scope, ref).id


_ABOUT: Mapping[str, Callable[[Tx, Scope, str], str]] = {
    "agent": id_of_agent,
    "task": _id_of_task,
    "run": _id_of_run,
    "room": id_of_room,
    "debate": id_of_debate,
}
"""Kinds of channels that are about one thing, and what finds it by the reference and gives its id."""

_ALONE = ("agents", "all")


def cursors(text: str | None, followed: Followed) -> dict[str, int]:
    """Where to go on from, by workspace; a workspace that is not in it is followed from now on. Raises BadCursor."""
    if not text:
        return {}
    if text.isascii() and text.isdecimal():
        if not followed.is_single:
            raise BadCursor
        return {followed.parts[0].scope.workspace_id: _seq(int(text[:20]))}
    try:
        given = loads(text)
    except ValueError:
        raise BadCursor from None
    if not isinstance(given, dict):
        raise BadCursor
    return {workspace_id.lower(): _seq(seq) for workspace_id, seq in given.items()}


def _seq(value: object) -> int:
    """Raises BadCursor."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_INTEGER:
        raise BadCursor
    return value
