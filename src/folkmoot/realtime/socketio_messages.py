"""Events as packets of Socket.IO, each made once however many clients are told."""

from time import monotonic

from folkmoot.agents.queries import find_agent
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.frames import Frame
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.scope import Scope
from folkmoot.realtime.socketio_protocol import Named, data_of, event_packet, is_told, packet, told
from folkmoot.realtime.socketio_session import Packets

_KEPT = 256
_NAMES = 10_000
_SECONDS = 1.0


class Messages:
    """Of the process. How an agent is called is remembered for at most a second."""

    def __init__(self, db: Database, packets: Packets) -> None:
        self._db = db
        self._packets = packets
        self._events: dict[tuple[str, int], object] = {}
        self._said: dict[tuple[str, int], object | None] = {}
        self._names: dict[str, tuple[float, Named | None]] = {}

    def event(self, scope: Scope, event: Frame) -> object:
        key = (scope.workspace_id, event.seq)
        made = self._events.get(key)
        if made is None:
            made = _keep(self._events, key, self._packets(event_packet(event)))
        return made

    def room_message(self, scope: Scope, event: Frame) -> object:
        """What was said in a room, for who has joined it."""
        key = (scope.workspace_id, event.seq)
        made = self._said.get(key)
        if made is None:
            said: JsonObject = {"message": data_of(event).get("message")}
            made = _keep(self._said, key, self._packets(packet("room_message", dumps(said))))
        return made

    async def of(self, scope: Scope, event: Frame) -> object | None:
        """The event in the words of the protocol, None where it has none. Raises what the database raises."""
        if not is_told(event):
            return None
        key = (scope.workspace_id, event.seq)
        if key not in self._said:
            agent_id = event.references.get("agent_id")
            said = told(event, None if agent_id is None else await self.named(scope, agent_id))
            made = None if said is None else self._packets(packet(said[0], dumps(said[1])))
            _keep(self._said, key, made)
            return made
        return self._said[key]

    async def named(self, scope: Scope, agent_id: str) -> Named | None:
        """None for one that is not there any more."""
        at, known = self._names.get(agent_id, (0.0, None))
        if known is not None and monotonic() - at < _SECONDS:
            return known
        named = await self._db.read(_named, scope, agent_id)
        if len(self._names) >= _NAMES:
            self._names.clear()
        self._names[agent_id] = (monotonic(), named)
        return named


def _keep(kept: dict[tuple[str, int], "object | None"], key: tuple[str, int], made: object | None) -> object | None:
    while len(kept) >= _KEPT:
        del kept[next(iter(kept))]
    kept[key] = made
    return made


def _named(tx: Tx, scope: Scope, agent_id: str) -> Named | None:
    agent = find_agent(tx, scope, agent_id)
    return None if agent is None else Named(agent.id, agent.number, agent.name)
