"""One client of Socket.IO: it is told what the log says, in the log's order, and never more than it takes."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from time import monotonic

from folkmoot.accounts.rules import Caller
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.follow import EventHub
from folkmoot.events.frames import Frame, frame
from folkmoot.events.queries import find_head, list_events
from folkmoot.events.rules import AnyOf, Selection
from folkmoot.events.tables import Event
from folkmoot.http.race import race
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.scope import Role, Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.realtime.closing import Close
from folkmoot.realtime.company import Company
from folkmoot.realtime.pages import shown
from folkmoot.realtime.places import Places
from folkmoot.realtime.socketio_messages import Messages
from folkmoot.realtime.socketio_protocol import ends, failure_of, packet
from folkmoot.realtime.socketio_session import Packets, Session
from folkmoot.rooms.events import RoomMessage
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.stream import seen_by
from folkmoot.workspaces.lookup import WorkspaceLookup
from folkmoot.workspaces.stay import Stays

Work = Coroutine[object, object, None]

_ASKED = 1_000
_REPLAY = 50
_FRESH_SECONDS = 0.05
"""How long it counts who was in a room: so long is less than any client takes to be slow."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all clients of the process stand on."""

    db: Database
    hub: EventHub
    supervisor: Supervisor
    engine: RunEngine
    lookup: WorkspaceLookup
    stays: Stays
    places: Places
    company: Company
    messages: Messages
    packets: Packets


@dataclass(frozen=True, slots=True)
class Want:
    """Events of a channel with seq > after."""

    selection: Selection | AnyOf
    after: int

    def takes(self, event: Frame) -> bool:
        return event.seq > self.after and self.selection.takes(event.type, event.references)


class Line:
    """One workspace's log for one client. Where the client is at home, it is told in the words of the protocol too."""

    def __init__(self, client: "Client", scope: Scope, *, is_home: bool) -> None:
        self.scope = scope
        self.wants: dict[str, Want] = {}
        self.joined = asyncio.Event()
        self.cursor = 0
        self.task: asyncio.Task[None] | None = None
        self._client = client
        self._is_home = is_home
        self._sees = seen_by(client.ground.db, scope)
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Until the server goes down. Raises what the database raises."""
        ground = self._client.ground
        async with ground.hub.follow(self.scope.workspace_id, sees=self._sees) as follower:
            self.cursor = follower.after
            self.joined.set()
            if self._is_home:
                await self._client.welcome(follower.after)
            while frames := await follower.some():
                seen_at = monotonic()
                for event in frames:
                    async with self._turn:
                        if await self._may_tell(event, seen_at):
                            await self._tell(event)
                        self.cursor = event.seq

    async def _may_tell(self, event: Frame, seen_at: float) -> bool:
        """Of a room only to who is in it when the client takes it, however long it took what came before."""
        room_id = event.references.get("room_id")
        if room_id is None:
            return True
        await self._client.session.ready()
        return monotonic() - seen_at < _FRESH_SECONDS or bool(await self._sees(frozenset([room_id])))

    async def _tell(self, event: Frame) -> None:
        ground, client = self._client.ground, self._client
        if self._is_home:
            said = await ground.messages.of(self.scope, event)
            if said is not None:
                await client.session.send(said)
            await client.tell_asker(event)
        names = [name for name, want in self.wants.items() if want.takes(event)]
        if names:
            await self._send(event, names)

    async def _send(self, event: Frame, names: list[str]) -> None:
        """An event that these channels take; what was said in a room that was joined also as what it is.

        The event, whose cursor a client resumes by, comes last: a line that is cut before it tells both again.
        """
        messages, session = self._client.ground.messages, self._client.session
        if event.type == RoomMessage.type and any(name.startswith("room:") for name in names):
            await session.send(messages.room_message(self.scope, event))
        await session.send(messages.event(self.scope, event))

    async def add(self, wanted: Mapping[str, Selection | AnyOf], after: int | None) -> JsonObject:
        """Follow channels, from `after` on as far as it is kept; answers what `subscribed` says.

        Raises what the database raises.
        """
        await self.joined.wait()
        head = await self._client.ground.db.read(find_head, self.scope.workspace_id)
        oldest, latest = (head.oldest, head.seq) if head is not None else (1, 0)
        begin = latest if after is None else min(max(after, oldest - 1), latest)
        said: JsonObject = {
            "type": "subscribed",
            "channel": ",".join(wanted),
            "workspace_id": self.scope.workspace_id,
            "after": begin,
            "oldest": oldest,
            "latest": latest,
            "reset": after is not None and begin != after,
        }
        self._client.start(self._catch_up(wanted, begin, said))
        return said

    async def _catch_up(self, wanted: Mapping[str, Selection | AnyOf], after: int, said: JsonObject) -> None:
        """What the log says from there to where this line is, while the line waits; from then on it tells it."""
        ground, session = self._client.ground, self._client.session
        async with self._turn:
            await session.send(ground.packets(packet("subscribed", dumps(said))))
            whole = AnyOf(tuple(part for selection in wanted.values() for part in _parts(selection)))
            at = after
            while at < self.cursor:
                events, seen = await ground.db.read_long(_replay, self.scope, at, whole)
                seen_at = monotonic()
                for shown_as in [frame(event) for event in seen if event.seq <= self.cursor]:
                    if await self._may_tell(shown_as, seen_at):
                        await self._send(shown_as, _names(wanted, shown_as))
                at = events[-1].seq if len(events) == _REPLAY else self.cursor
            self.wants |= {name: Want(selection, max(after, self.cursor)) for name, selection in wanted.items()}


def _names(wanted: Mapping[str, Selection | AnyOf], event: Frame) -> list[str]:
    return [name for name, selection in wanted.items() if selection.takes(event.type, event.references)]


def _replay(tx: Tx, scope: Scope, after: int, whole: AnyOf) -> tuple[list[Event], list[Event]]:
    """A page of the log, and what of it the client may see."""
    events = list_events(tx, scope.workspace_id, after, _REPLAY, whole)
    return events, shown(tx, scope, events)


def _parts(selection: Selection | AnyOf) -> tuple[Selection, ...]:
    return selection.selections if isinstance(selection, AnyOf) else (selection,)


@dataclass(eq=False)
class Client:
    """A session that has connected, in one workspace. `asked` are the runs that are to answer it."""

    ground: Ground
    session: Session
    caller: Caller
    scope: Scope
    asked: dict[str, None] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self) -> None:
        self.line(self.scope)

    def leave(self) -> None:
        """It has gone."""
        for task in tuple(self.tasks):
            task.cancel()

    def start(self, work: Work) -> asyncio.Task[None]:
        """What is left of it ends with the client; where the database does not answer, the client comes back later."""
        task = self.ground.supervisor.start(self._guarded(work), "Socket.IO client")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _guarded(self, work: Work) -> None:
        try:
            await work
        except Problem as problem:
            _log.warning("a Socket.IO client has to come back: %s", problem.detail)
            self.session.finish(Close.TRY_AGAIN)

    def line(self, scope: Scope) -> Line:
        """Of a workspace the caller may see; it begins to be followed where it was not."""
        line = self.lines.get(scope.workspace_id)
        if line is None:
            is_home = scope.workspace_id == self.scope.workspace_id
            line = self.lines[scope.workspace_id] = Line(self, scope, is_home=is_home)
            line.task = self.start(self._home(line) if is_home else self._abroad(line))
        return line

    async def _home(self, line: Line) -> None:
        ground = self.ground
        async with ground.stays.stay(self.caller, self.scope) as stay:
            await race(ground.supervisor, line.run(), stay.ended())
        self.session.finish(Close.GOING_AWAY if stay.end is None else Close.of_stay(stay.end))

    async def _abroad(self, line: Line) -> None:
        """Another of the caller's workspaces, as long as it is one."""
        ground, workspace_id = self.ground, line.scope.workspace_id
        try:
            async with ground.stays.stay(self.caller, line.scope) as stay:
                await race(ground.supervisor, line.run(), stay.ended())
        finally:
            self.lines.pop(workspace_id, None)
        if stay.end is not None:
            await self.session.emit("error", {"error": Close.of_stay(stay.end).reason, "workspace_id": workspace_id})

    async def welcome(self, latest: int) -> None:
        """Whatever happens after `latest` it will be told."""
        here: JsonObject = {"status": "connected", "workspace_id": self.scope.workspace_id, "latest": latest}
        await self.session.emit("connection_response", here)

    async def tell_asker(self, event: Frame) -> None:
        """A reply that does not come is told only to whoever has asked for it."""
        run_id = event.references.get("run_id", "")
        if run_id in self.asked and ends(event, run_id):
            del self.asked[run_id]
            failure = failure_of(event)
            if failure is not None:
                await self.session.send(self.ground.packets(packet("error", dumps(failure))))

    def expect(self, run_id: str) -> None:
        while len(self.asked) >= _ASKED:
            del self.asked[next(iter(self.asked))]
        self.asked[run_id] = None

    async def require(self, role: Role) -> None:
        """As it is now. Raises RoleTooLow, NoSuchWorkspace."""
        standing = await self.ground.lookup.stand(self.caller, ("id", self.scope.workspace_id))
        standing.require(role)
