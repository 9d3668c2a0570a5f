"""The WebSockets: who may open one is decided before it opens, by the same dependencies as REST.

What is refused is refused as on REST: the handshake is answered with the problem. Later a close code says why.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.websockets import WebSocket

from folkmoot.agents.routes import AgentRef, enabled_agents
from folkmoot.events.frames import Frame
from folkmoot.events.rules import Selection, about
from folkmoot.kernel.json import LARGEST_INTEGER, JsonObject
from folkmoot.ops.deps import Seen
from folkmoot.realtime.channels import cursors, id_of_agent, id_of_debate, id_of_room, ids_of_agents
from folkmoot.realtime.closing import Close
from folkmoot.realtime.deps import After, Afters, Following, Rules, Visiting
from folkmoot.realtime.guests import Guest
from folkmoot.realtime.streams import one_by_one
from folkmoot.realtime.updates import Updates
from folkmoot.realtime.websocket import Connection, when_deleted
from folkmoot.runs.deps import Engine, RunId
from folkmoot.runs.queries import get_run
from folkmoot.runs.stream import TERMINAL, RunWatch
from folkmoot.runs.views import is_told
from folkmoot.tasks.deps import TaskId
from folkmoot.tasks.queries import get_task

router = APIRouter(prefix="/ws")

_OF_AGENTS = [Depends(enabled_agents)]
Several = Annotated[str | None, Query(max_length=8000, description="Agents by id, number or slug, comma-separated")]
Debate = Annotated[str | None, Query(max_length=255, description="One debate by its id")]


async def _connection(websocket: WebSocket, visit: Visiting, rules: Rules) -> Connection:
    return Connection(websocket, visit.process.supervisor, rules)


Opening = Annotated[Connection, Depends(_connection)]


@router.websocket("/agents/stream", dependencies=_OF_AGENTS)
async def follow_agents(socket: Opening, visit: Visiting, agent_id: Several = None, after: After = None) -> None:
    """The events of all agents of the workspace, or of some."""
    refs = list(filter(None, map(str.strip, (agent_id or "").split(","))))
    ids = await visit.process.db.read(ids_of_agents, visit.here, refs) if refs else None
    channel = "agents" if ids is None else ",".join(f"agent:{id}" for id in sorted(ids))
    batches = visit.follow(channel, Selection("agent_id", ids), after, is_announced=after is not None)
    await socket.run(visit.until_out(), socket.pump(batches))


@router.websocket("/agents/{agent_id}", dependencies=_OF_AGENTS)
async def follow_agent(socket: Opening, visit: Visiting, agent_id: AgentRef, after: After = None) -> None:
    """One agent's events, by its id, number or slug; closed with 4404 when it is deleted."""
    id = await visit.process.db.read(id_of_agent, visit.here, agent_id)
    batches = visit.follow(f"agent:{id}", about("agent_id", id), after, is_announced=after is not None)
    await socket.run(visit.until_out(), socket.pump(batches, when_deleted("agent", id)))


@router.websocket("/agent-updates")
async def follow_agent_updates(socket: Opening, visit: Visiting, rules: Rules, seen: Seen, after: After = None) -> None:
    """`system_status` at once, `status_update` with the same data every 30 seconds, and `task_completed`."""
    updates = Updates(visit, seen, rules.status_seconds)
    await socket.run(visit.until_out(), socket.pump(updates.batches(after)), updates.repeat(socket))


@router.websocket("/debate-updates")
async def follow_debate_updates(
    socket: Opening, visit: Visiting, debate_id: Debate = None, after: After = None
) -> None:
    """The events of debates, or of one; a heartbeat after 30 seconds without a frame either way."""
    ids = None if debate_id is None else frozenset([await visit.process.db.read(id_of_debate, visit.here, debate_id)])
    batches = visit.follow("debates", Selection("debate_id", ids), after, is_announced=False)
    await socket.run(visit.until_out(), socket.pump(batches), socket.beat())


@router.websocket("/debates/{debate_id}")
async def follow_debate(socket: Opening, visit: Visiting, debate_id: str, after: After = None) -> None:
    """A debate's events, from its making on."""
    id = await visit.process.db.read(id_of_debate, visit.here, debate_id)
    batches = visit.follow(f"debate:{id}", about("debate_id", id), after)
    await socket.run(visit.until_out(), socket.pump(batches))


@router.websocket("/rooms/{room_id}")
async def follow_room(socket: Opening, visit: Visiting, room_id: str, after: After = None) -> None:
    """What happens in a room, for who is in it and as long as he is; `after` is a seq of the workspace's log.

    Says who is there, and who is typing: for others to hear, `{"type": "typing"}`. Closed with 4403 for who is removed.
    """
    id = await visit.process.db.read(id_of_room, visit.here, room_id)
    batches = visit.follow(f"room:{id}", about("room_id", id), after)
    guest = Guest(visit, socket, [id])
    await socket.run(visit.until_out(id), socket.pump(batches), guest.attend(), guest.pass_on())


@router.websocket("/tasks/{task_id}")
async def follow_task(socket: Opening, visit: Visiting, task_id: TaskId, after: After = None) -> None:
    """A task's events, of all its runs; closed with 4404 when it is deleted."""
    id = (await visit.process.db.read(get_task, visit.here, task_id)).id
    batches = visit.follow(f"task:{id}", about("task_id", id), after)
    await socket.run(visit.until_out(), socket.pump(batches, when_deleted("task", id)))


@router.websocket("/runs/{run_id}")
async def follow_run(socket: Opening, visit: Visiting, engine: Engine, run_id: RunId, after: After = None) -> None:
    """A run's events after a cursor, or only new ones, and what it shows meanwhile; closed after its last event."""
    process, here = visit.process, visit.here
    is_over = await process.db.read(is_told, here, run_id, LARGEST_INTEGER if after is None else after)
    run = await process.db.read(get_run, here, run_id)
    items = RunWatch(process.hub, engine.live, process.supervisor).follow(here, run, after)
    over = visit.until_out(run.room_id)
    await socket.run(over, socket.pump(one_by_one(items), _the_end if not is_over else _at_once))


@router.websocket("/events")
async def follow_events(socket: Opening, visit: Visiting, followed: Following, after: Afters = None) -> None:
    """Channels, also of several workspaces; by default all of this one.

    In rooms that are named it is as on `/ws/rooms`, with `room_id` where a message is about one of several.
    """
    joined = await visit.join(followed, cursors(after, followed))
    if not followed.rooms:
        await socket.run(joined.until_out(), socket.pump(joined.batches()))
        return
    guest = Guest(visit, socket, followed.rooms)
    await socket.run(joined.until_out(guest.lose), socket.pump(joined.batches()), guest.attend(), guest.pass_on())


def _the_end(item: Frame | JsonObject) -> Close | None:
    return Close.DONE if isinstance(item, Frame) and item.type in TERMINAL else None


def _at_once(_: Frame | JsonObject) -> Close | None:
    """Everything was told already, so `subscribed` is all."""
    return Close.DONE
