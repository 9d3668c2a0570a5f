"""Who speaks: decided from the database in the unit that stores a message, fires a timer or ends a reply."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from folkmoot.conversations.tables import Message
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import SYSTEM, Actor, Scope
from folkmoot.rooms.keeping import hold_due_room, hold_room, save_room, store_message, tell_room
from folkmoot.rooms.queries import RoomRow, agents_of, due_rooms, find_room_row, ingests_of, spent_in, spoken
from folkmoot.rooms.rules import Category, Said, next_look, speakers
from folkmoot.rooms.summing import summing_upto
from folkmoot.rooms.tables import Room, RoomMember
from folkmoot.rooms.views import floor_of, manners_of, seats_of, settings_of
from folkmoot.runs.append import lock_run, verb_end
from folkmoot.runs.engine import RunEngine, TooManyLiveReplies
from folkmoot.runs.rules import FINAL
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run

ROOM_REPLY = "room_reply"
DEADLINE_SECONDS = 3600
LATER_SECONDS = 1
"""When it is tried again to begin a reply for which this process had no room."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What an agent has to say at the end of its run."""

    agent: Actor
    text: str
    reply_to: str | None
    depth: int
    models: Sequence[str]
    cited: JsonObject


def silence(tx: Tx, engine: RunEngine, room_id: str, by: Actor) -> RoomRow | None:
    """Hold the room with a free floor: what was being drafted is cancelled and nobody is in line any more."""
    seen = find_room_row(tx, room_id)
    if seen is None:
        return None
    run = _lock(tx, seen)
    room = hold_room(tx, room_id)
    if room is None:
        return None
    if room.speaking_run_id != (run.id if run else None):
        run = _lock(tx, room)
    freed = save_room(tx, room, speaking_run_id=None, speaking_agent_id=None, queue=[], next_tick_at=None)
    if run is not None and run.status not in FINAL:
        verb_end(tx, engine, run, "cancelled", {"kind": by.kind, "id": by.id, "name": by.name})
    return freed


def stop_ingests(tx: Tx, engine: RunEngine, room: Room, by: Actor) -> None:
    """What takes in attachments of a room that is going is of use to nobody. The room's row is held."""
    for run_id in ingests_of(tx, room.id):
        run = lock_run(tx, room.workspace_id, run_id)
        if run is not None and run.status not in FINAL:
            verb_end(tx, engine, run, "cancelled", {"kind": by.kind, "id": by.id, "name": by.name})


def _lock(tx: Tx, room: Room) -> Run | None:
    return lock_run(tx, room.workspace_id, room.speaking_run_id) if room.speaking_run_id is not None else None


def decide(tx: Tx, engine: RunEngine, room: RoomRow, said: Said | None, at: datetime | None = None) -> RoomRow:
    """Put who is to speak in line, let the first begin where nobody speaks, and say when to look again.

    Without `said` it is because time has passed, up to `at`. The room's row is held.
    """
    seats = seats_of(room, agents_of(tx, room.id))
    found = speakers(manners_of(room), seats, floor_of(room, at or now()), said)
    waiting = {str(one["agent_id"]) for one in room.queue}
    cause: JsonObject = {"seq": said.seq if said else room.last_seq}
    new: list[JsonObject] = [
        {"agent_id": one.agent_id, "reason": one.reason.value, "depth": one.depth, **cause}
        for one in found
        if one.agent_id not in waiting and one.agent_id != room.speaking_agent_id
    ]
    return go_on(tx, engine, save_room(tx, room, queue=[*room.queue, *new]) if new else room)


def go_on(tx: Tx, engine: RunEngine, room: RoomRow) -> RoomRow:
    """Let the first in line begin where nobody speaks; tell who speaks, if that has changed."""
    before = room.speaking_run_id
    if before is None and room.queue:
        room = _begin_next(tx, engine, room)
    tick = _next_tick(tx, room)
    if tick != room.next_tick_at:
        room = save_room(tx, room, next_tick_at=tick)
    if room.speaking_run_id != before:
        tell_room(tx, room)
    return room


def _next_tick(tx: Tx, room: RoomRow) -> datetime | None:
    if room.speaking_run_id is not None or room.mode == "quiet":
        return None
    if room.queue:
        return now() + timedelta(seconds=LATER_SECONDS)
    return next_look(manners_of(room), seats_of(room, agents_of(tx, room.id)), floor_of(room, now()))


def _begin_next(tx: Tx, engine: RunEngine, room: RoomRow) -> RoomRow:
    """Whoever is in line and can speak; nobody once agents have had their say, or have taken all they may."""
    queue = [*room.queue]
    if room.monologue >= settings_of(room).monologue_limit or _is_spent(tx, room):
        return save_room(tx, room, queue=[])
    agents = {agent.member_id: agent for agent in agents_of(tx, room.id)}
    while queue and str(queue[0]["agent_id"]) not in agents:
        queue.pop(0)
    if not queue:
        return save_room(tx, room, queue=[])
    try:
        engine.check_room()
    except TooManyLiveReplies:
        return save_room(tx, room, queue=queue)
    turn, *left = queue
    agent = agents[str(turn["agent_id"])]
    run_id = new_id()
    begun = save_room(tx, room, queue=left, speaking_run_id=run_id, speaking_agent_id=agent.member_id)
    _start(tx, engine, begun, agent, turn, [*agents.values()])
    return begun


def _start(
    tx: Tx, engine: RunEngine, room: RoomRow, agent: RoomMember, turn: JsonObject, agents: Sequence[RoomMember]
) -> None:
    assert room.speaking_run_id is not None, "its slot is taken"
    is_proposal = room.approval and agent.category == Category.PARTICIPANT
    instructor = next((one.member_id for one in agents if one.category == Category.INSTRUCTOR and not one.asleep), None)
    given: JsonObject = {
        "room_id": room.id,
        "agent_id": agent.member_id,
        "agent_name": agent.name,
        "upto": room.last_seq,
        "reply_to": _cause(tx, room, turn),
        "reason": turn["reason"],
        "depth": turn["depth"],
        "summarise_upto": summing_upto(tx, room),
        "is_proposal": is_proposal,
        "instructor_id": instructor if is_proposal else None,
    }
    new = NewRun(
        id=room.speaking_run_id,
        kind=ROOM_REPLY,
        title=f"{agent.name} in {room.name}"[:255],
        input=given,
        starts="here",
        room_id=room.id,
        deadline_seconds=DEADLINE_SECONDS,
        agents=((agent.member_id, "agent"),),
    )
    start_run(tx, engine, Scope(room.workspace_id, room.project_id, SYSTEM), new)


def _cause(tx: Tx, room: RoomRow, turn: JsonObject) -> Json:
    """The id of the message that an agent was called upon by."""
    seq = turn["seq"]
    if turn["reason"] != "mention" or not isinstance(seq, int):
        return None
    found = spoken(tx, room.id, seq - 1, seq, 1)
    return found[0].id if found else None


def _is_spent(tx: Tx, room: RoomRow) -> bool:
    budget = settings_of(room).budget
    if budget is None or (budget.usd is None and budget.tokens is None):
        return False
    tokens, usd = spent_in(tx, room.id)
    return (budget.tokens is not None and tokens >= budget.tokens) or (budget.usd is not None and usd >= budget.usd)


def heard(message: Message) -> Said:
    """A message as the rules take it."""
    depth = (message.payload or {}).get("depth")
    return Said(
        seq=message.seq,
        is_persons=message.author_kind == "user",
        author_id=message.author_id,
        text=message.text,
        depth=depth if isinstance(depth, int) else 0,
    )


def finish_turn(tx: Tx, engine: RunEngine, run: Run, room_id: str, said: Utterance | None) -> None:
    """The run of an agent's turn is over: publish what it says, if it says anything, and choose who is next.

    Whoever lost the floor meanwhile says nothing.
    """
    room = hold_room(tx, room_id)
    if room is None or room.speaking_run_id != run.id:
        return
    room = save_room(tx, room, speaking_run_id=None, speaking_agent_id=None)
    message = None
    if said is not None:
        room, message = store_message(
            tx,
            room,
            said.agent,
            said.text,
            run_id=run.id,
            reply_to=said.reply_to,
            models=[*said.models],
            payload={"depth": said.depth, **said.cited},
        )
    after = decide(tx, engine, room, heard(message)) if message is not None else go_on(tx, engine, room)
    if message is None and after.speaking_run_id is None:
        tell_room(tx, after)


async def tick(engine: RunEngine, at: datetime | None = None) -> None:
    """Let time make agents speak, in every room that is due (at `at`, by default now)."""
    moment = at or now()
    for room in await engine.database.read(due_rooms, moment):
        try:
            await engine.database.write(tick_room, engine, room, moment)
        except Problem as problem:
            _log.warning("room %s could not be looked at: %s", room.id, problem)


def tick_room(tx: Tx, engine: RunEngine, seen: Room, at: datetime) -> None:
    """What was due in a room, once: who is second finds another time there."""
    assert seen.next_tick_at is not None, "it is due"
    room = hold_due_room(tx, seen.id, seen.next_tick_at)
    if room is None:
        return
    if room.speaking_run_id is not None:
        save_room(tx, room, next_tick_at=None)
    elif room.queue:
        go_on(tx, engine, room)
    else:
        decide(tx, engine, room, None, at)
