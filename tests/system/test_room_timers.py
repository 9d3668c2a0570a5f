"""What time makes agents say is said once: by two processes that look, killed and started again.

Hours pass in the database: what it says of when somebody spoke is made older. Nobody waits for a clock.
"""

import asyncio
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.rooms.queries import due_rooms, find_room_row
from folkmoot.rooms.schemas import NewRoom, TriggerSpec
from folkmoot.rooms.speech import tick_room
from tests.rooms.test_speech import agents, here, opened, post, said_in, stage, until_quiet
from tests.system.fleet import AnyServer, fleet
from tests.system.jobs import rows
from tests.system.parlour import Parlour
from tests.system.server import Server

__all__ = ["here"]

ROOMS, HOURS = 8, 2
SEED = 20_261_121
TRIGGERS: list[JsonObject] = [
    {"silence_seconds": 3600},
    {"interval_seconds": 3600},
    {"silence_seconds": 3600, "interval_seconds": 5000, "join": "and"},
    {"message_count": 50, "silence_seconds": 3600},
]
_OLDER = {
    "rooms": ("last_message_at", "next_tick_at"),
    "room_members": ("spoke_at", "created_at"),
}
_SQLITE = "strftime('%Y-%m-%d %H:%M:%f', {column}, '-{hours} hours') || '000'"
_POSTGRES = "{column} - interval '{hours} hours'"


async def pass_time(url: str) -> None:
    """For rooms in which nobody speaks."""
    hours = _SQLITE if url.startswith("sqlite") else _POSTGRES
    statements = []
    for table, columns in _OLDER.items():
        older = ", ".join(f"{name} = {hours.format(column=name, hours=HOURS)}" for name in columns)
        statements.append(f"update {table} set {older}")
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            for statement in statements:
                file.execute(statement)
        return
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        for statement in statements:
            await connection.execute(statement)
    await connection.close()


class Clubs:
    """Rooms of one agent each, whom only time makes speak, and how often it has to have spoken by now."""

    def __init__(self, url: str, parlour: Parlour) -> None:
        self._url, self._parlour = url, parlour
        self.rooms: list[str] = []
        self.times = 0

    async def furnish(self) -> None:
        await self._parlour.hire()
        for number in range(ROOMS):
            trigger = TRIGGERS[number % len(TRIGGERS)]
            room_id = await self._parlour.open("Club", {"ada": {"trigger": trigger}}, settings={"monologue_limit": 100})
            await self._parlour.say(room_id, "Anybody?")
            self.rooms.append(room_id)

    async def pass_time(self) -> None:
        await pass_time(self._url)
        self.times += 1

    async def all_spoke(self) -> None:
        """As often as they had to; what is said next is due in an hour."""
        async with asyncio.timeout(60):
            for room_id in self.rooms:
                while len(await self._parlour.said(room_id)) < 1 + self.times:  # noqa: ASYNC110 other processes say it
                    await asyncio.sleep(0.05)
                await self._parlour.quiet(room_id)
        due = await rows(self._url, "select next_tick_at from rooms")
        assert min(_time(at) for (at,) in due) > now() + timedelta(minutes=50)

    async def counts(self) -> list[int]:
        return [len(await self._parlour.said(room_id)) for room_id in self.rooms]


def _time(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at


async def test_time_makes_an_agent_speak_once_across_processes_and_restarts(
    own_database_url: str, tmp_path: Path
) -> None:
    """Two processes on PostgreSQL. Where the one that looks is killed while all is due the other one goes on."""
    options: list[tuple[str, ...]] = [()] if own_database_url.startswith("sqlite") else [(), ()]
    async with (
        fleet(tmp_path, own_database_url, options, [], DEFAULT_MODEL="practice") as ships,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        clubs = Clubs(own_database_url, Parlour(AnyServer(ships, http, random.Random(SEED))))
        await clubs.furnish()
        for _ in range(2):
            await clubs.pass_time()
            await clubs.all_spoke()
        for victim in ships.servers:
            await clubs.pass_time()
            await _kill_once_somebody_speaks(victim, own_database_url)
            await victim.start()
            await clubs.all_spoke()
        for ends in (Server.kill, Server.terminate):
            await asyncio.gather(*(ends(one) for one in ships.servers))
            await clubs.pass_time()
            await asyncio.gather(*(one.start() for one in ships.servers))
            await clubs.all_spoke()
        said = [1 + clubs.times] * ROOMS
        assert await clubs.counts() == said
        runs = await rows(own_database_url, "select status from runs where kind = 'room_reply'")
        assert runs == [("completed",)] * (clubs.times * ROOMS), "no turn was given twice, not even one that was lost"
        assert "Traceback" not in ships.log()


async def _kill_once_somebody_speaks(victim: Server, url: str) -> None:
    """In the middle of it: some rooms were looked at, others not."""
    before = len(await rows(url, "select id from runs"))
    async with asyncio.timeout(30):
        while len(await rows(url, "select id from runs")) == before:  # noqa: ASYNC110 the database is what is watched
            await asyncio.sleep(0.002)
    await victim.kill()


@pytest.mark.parametrize("processes", [1, 3])
async def test_who_looks_at_once_lets_an_agent_speak_once(
    database_url: str, db: Database, hooks: Hooks, here: Scope, processes: int
) -> None:
    """In process, so that all of them have seen that it is due before the first one does anything."""
    if processes > 1 and database_url.startswith("sqlite"):
        pytest.skip("on SQLite there is one process")
    others = [connect(database_url, hooks) for _ in range(processes - 1)]
    for other in others:
        await other.open()
    async with stage(db) as engine:
        members = (await agents(db, here))[:1]
        trigger = TriggerSpec(silence_seconds=60)
        clubs = [await opened(db, engine, here, members, NewRoom(name="Club"), trigger) for _ in range(ROOMS)]
        for room_id in clubs:
            await post(db, engine, here, room_id, "Anybody?")
        later = now() + timedelta(seconds=61)
        due = [room for room in await db.read(due_rooms, later) if room.id in clubs]
        assert len(due) == ROOMS
        every = [one.write(tick_room, engine, room, later) for room in due for one in (db, *others) for _ in range(2)]
        await asyncio.gather(*every)
        for room_id in clubs:
            await until_quiet(db, engine, here, room_id)
            assert [author for _, author, _ in await said_in(db, room_id)][1:] == members
            room = await db.read(find_room_row, room_id)
            assert room is not None
            assert room.next_tick_at is not None
    for other in others:
        await other.close()
