"""Who speaks through the engine: computed again, after a crash at any moment, and once for all processes by time."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from folkmoot.agents.definitions import ensure_definitions
from folkmoot.agents.schemas import NewAgent
from folkmoot.agents.service import AgentSettings, Terms, create_agent
from folkmoot.agents.transitions import Process
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.engine.local import LocalDispatcher
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.settings import LlmSettings
from folkmoot.rooms.executor import RoomReplyExecutor
from folkmoot.rooms.member_schemas import NewRoomMember
from folkmoot.rooms.membership import add_member
from folkmoot.rooms.message_schemas import NewRoomMessage
from folkmoot.rooms.messages import Saying, post_message
from folkmoot.rooms.queries import due_rooms, find_room_row, list_messages
from folkmoot.rooms.rules import speaks_by_chance
from folkmoot.rooms.schemas import NewRoom, TriggerSpec
from folkmoot.rooms.service import create_room
from folkmoot.rooms.speech import tick, tick_room
from folkmoot.rooms.views import manners_of
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import owners_of_running
from folkmoot.runs.sweep import recover, sweep
from folkmoot.tasks.rules import TaskDefaults
from folkmoot.tools.registry import ToolRegistry
from tests.rooms.lounge import calm

MO = Actor("user", "mo", "Mo")
UNITS = 10
EACH_UNIT = [at if at % 3 == 1 else pytest.param(at, marks=pytest.mark.system) for at in range(1, UNITS)]


@pytest.fixture
async def here(db: Database, scope: Scope) -> AsyncIterator[Scope]:
    """As a person."""
    yield replace(scope, actor=MO)
    await db.write(calm)


@asynccontextmanager
async def stage(db: Database) -> AsyncIterator[RunEngine]:
    """A process's worth of engine in which rooms speak."""
    supervisor, gateway = Supervisor(), Gateway(LlmSettings())
    engine = RunEngine(db, LocalDispatcher(supervisor), supervisor, new_id())
    engine.register(RoomReplyExecutor(engine, gateway, ToolRegistry(())))
    await engine.dispatcher.start(engine.work, engine.executors)
    yield engine
    await engine.stop(0)
    await supervisor.stop()
    await gateway.aclose()


async def agents(db: Database, scope: Scope) -> list[str]:
    """Two, by the names of those who are called upon in what is said."""
    return [await db.write(_agent, scope, name) for name in ("Ada", "Bea")]


def _agent(tx: Tx, scope: Scope, name: str) -> str:
    ensure_definitions(tx)
    new = NewAgent(definition_slug="assistant", name=name)
    terms = Terms(AgentSettings(), Gateway(LlmSettings()), Process(new_id()))
    return create_agent(tx, scope, terms, new).agent.id


async def opened(
    db: Database, engine: RunEngine, scope: Scope, members: list[str], new: NewRoom, trigger: TriggerSpec | None = None
) -> str:
    room = await db.write(create_room, scope, new)
    for id in members:
        await db.write(add_member, engine, scope, room.id, NewRoomMember(agent_id=id, trigger=trigger))
    return room.id


async def said_in(db: Database, room_id: str) -> list[tuple[int, str, str]]:
    rows = await db.read(list_messages, room_id, 0, 200)
    return [(row.seq, row.author_id, row.text) for row in rows]


async def until_quiet(db: Database, engine: RunEngine, scope: Scope, room_id: str) -> None:
    while (room := await db.read(find_room_row, room_id)) is not None and room.speaking_run_id is not None:
        await engine.wait(scope, room.speaking_run_id, 20)


@pytest.fixture
def loud() -> NewRoom:
    return NewRoom(name="Harbour", ai_frequency=1.0)


async def post(db: Database, engine: RunEngine, scope: Scope, room_id: str, text: str) -> None:
    await db.write(post_message, engine, scope, room_id, Saying(NewRoomMessage(content=text)), TaskDefaults())


async def test_who_speaks_by_chance_can_be_computed_again(db: Database, here: Scope) -> None:
    members = await agents(db, here)
    async with stage(db) as engine:
        new = NewRoom(name="Harbour", ai_frequency=0.5, seed=11)
        room_id = await opened(db, engine, here, members, new)
        for number in range(6):
            await post(db, engine, here, room_id, f"Point {number}")
            await until_quiet(db, engine, here, room_id)
        room = await db.read(find_room_row, room_id)
        assert room is not None
        said, spoke = await said_in(db, room_id), dict.fromkeys(members, 0)
        for (seq, author, _), following in zip(said, [*said[1:], None], strict=True):
            drawn = [id for id in members if id != author and speaks_by_chance(manners_of(room), seq, id)]
            wanted = min(drawn, key=lambda id: (spoke[id], id), default=None)
            is_capped = [one[1] in members for one in said[:seq]][-3:] == [True] * 3
            answered = following[1] if following is not None and following[1] in members else None
            assert answered == (None if is_capped else wanted), seq
            if answered is not None:
                spoke[answered] = seq + 1


@pytest.mark.parametrize("moment", EACH_UNIT)
async def test_a_crash_at_any_moment_changes_no_speaker(db: Database, here: Scope, loud: NewRoom, moment: int) -> None:
    members = await agents(db, here)
    whole = await broken(db, here, members, loud, None)
    assert [author in members for _, author, _ in whole] == [False, True, True, True]
    assert await broken(db, here, members, loud, moment) == whole


async def broken(
    db: Database, scope: Scope, members: list[str], new: NewRoom, moment: int | None
) -> list[tuple[int, str, str]]:
    """What is said in a room whose first host dies at that commit; None lets it live."""
    async with stage(db) as first:
        room_id = await opened(db, first, scope, members, new)
        count, dead = 0, asyncio.Event()

        def die(_: set[str]) -> None:
            nonlocal count
            count += 1
            if count == moment:
                first.supervisor.cancel()
                dead.set()

        db.hooks.published = die
        await post(db, first, scope, room_id, "@ada @bea talk to each other")
        quiet = asyncio.ensure_future(until_quiet(db, first, scope, room_id))
        death = asyncio.ensure_future(dead.wait())
        await asyncio.wait((quiet, death), return_when=asyncio.FIRST_COMPLETED)
        quiet.cancel()
        death.cancel()
        await first.supervisor.stop()
        db.hooks.published = lambda _: None
    async with stage(db) as second:
        await recover(second, await db.read(owners_of_running) - {second.host_id})
        await sweep(second)
        await until_quiet(db, second, scope, room_id)
    return [(seq, author, re.sub(r"01[0-9a-f-]{34}", "", text)) for seq, author, text in await said_in(db, room_id)]


async def test_time_makes_an_agent_speak_once(db: Database, here: Scope) -> None:
    members = (await agents(db, here))[:1]
    async with stage(db) as engine:
        new, trigger = NewRoom(name="Harbour"), TriggerSpec(silence_seconds=60)
        room_id = await opened(db, engine, here, members, new, trigger)
        await post(db, engine, here, room_id, "Anybody?")
        await tick(engine)
        assert len(await said_in(db, room_id)) == 1
        later = now() + timedelta(seconds=61)
        [due] = [room for room in await db.read(due_rooms, later) if room.id == room_id]
        for _ in range(2):
            await db.write(tick_room, engine, due, later)
        await until_quiet(db, engine, here, room_id)
        assert [author for _, author, _ in await said_in(db, room_id)][1:] == members
        room = await db.read(find_room_row, room_id)
        assert room is not None
        assert room.next_tick_at is not None


async def test_a_room_that_is_silenced_costs_nothing(db: Database, here: Scope) -> None:
    members = await agents(db, here)
    async with stage(db) as engine:
        new, trigger = NewRoom(name="Harbour", mode="quiet", ai_frequency=1.0), TriggerSpec(silence_seconds=60)
        room_id = await opened(db, engine, here, members, new, trigger)
        await post(db, engine, here, room_id, "@ada are you there?")
        room = await db.read(find_room_row, room_id)
        assert room is not None
        assert (room.speaking_run_id, room.next_tick_at) == (None, None)


async def test_a_budget_ends_what_agents_say(db: Database, here: Scope) -> None:
    members = await agents(db, here)
    async with stage(db) as engine:
        new = NewRoom.model_validate({"name": "Harbour", "settings": {"budget": {"tokens": 1}}})
        room_id = await opened(db, engine, here, members, new)
        for text in ("@ada one", "@ada two"):
            await post(db, engine, here, room_id, text)
            await until_quiet(db, engine, here, room_id)
        assert [author in members for _, author, _ in await said_in(db, room_id)] == [False, True, False]
        await db.write(_drop, room_id)
        assert await db.read(find_room_row, room_id) is None


def _drop(tx: Tx, room_id: str) -> None:
    """As the removal of a project does."""
    tx.write(sa.text("delete from conversations where id = :room").bindparams(room=room_id))
