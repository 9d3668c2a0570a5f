"""Same seed, same messages, same speakers: on both databases, computed again, and killed at any moment.

Who speaks by chance is drawn from the ids of the room and the agent. So that two databases can be compared at all,
they have to hold the same ids: one database is furnished by a server, and everything here happens in copies of it,
files on SQLite and what `folkmoot db copy` makes of one on PostgreSQL. Nothing else is given to the copies: messages,
runs and events that come after have ids of their own, and none of these may matter.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.events.log import store
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.rooms.queries import find_room_row
from folkmoot.rooms.rules import Category, Floor, Manners, Said, Schedule, Seat, Speaker, Trigger, speakers
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.moves import number_events
from folkmoot.runs.queries import owners_of_running
from folkmoot.runs.sweep import recover, sweep
from tests.conftest import EACH_DATABASE
from tests.rooms.test_speech import post, said_in, stage, until_quiet
from tests.system.fleet import AnyServer, Fleet, fleet
from tests.system.furnished import Copies, Furnished, Scene, at_once, furnish
from tests.system.jobs import rows
from tests.system.parlour import MODEL, Line, Parlour, Talkers
from tests.system.scenes import SCENES

KILLS = int(os.environ.get("FOLKMOOT_TEST_KILLS", "5"))
SEED = int(os.environ.get("FOLKMOOT_TEST_SEED", "20261121"))
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CRASHING = ("Calling", "CallingForApproval", "Long")

Conversations = Mapping[str, list[Line]]
"""By the name of the scene, what was said in its room."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    return furnish(tmp_path_factory.mktemp("house"), SCENES)


@pytest.fixture(scope="module")
def whole(house: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Conversations:
    """What is said where nothing is broken, on SQLite."""
    return at_once(unbroken(tmp_path_factory.mktemp("whole"), house.on_sqlite, house))


@pytest.fixture(params=EACH_DATABASE)
def copies(request: pytest.FixtureRequest, house: Furnished) -> Iterator[Copies]:
    """Of the furnished database, on each kind."""
    if request.param == "sqlite":
        yield house.on_sqlite
        return
    place, template = (str(request.getfixturevalue(f"postgres_{name}")) for name in ("server", "template"))
    with house.on_postgres(place, template) as copying:
        yield copying


@asynccontextmanager
async def speaking(folder: Path, url: str, model: Talkers) -> AsyncIterator[tuple[Parlour, Fleet]]:
    """One process on SQLite; two on PostgreSQL, either of which is asked."""
    servers: Sequence[Sequence[str]] = [()] if url.startswith("sqlite") else [(), ()]
    async with (
        fleet(folder, url, servers, [], OPENAI_BASE_URL=model.base_url, DEFAULT_MODEL=MODEL) as ships,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        yield Parlour(AnyServer(ships, http, random.Random(SEED))), ships
        assert "Traceback" not in ships.log()


async def converse(parlour: Parlour, house: Furnished) -> Conversations:
    """In all rooms at once; in each the person says his lines when nobody speaks."""

    async def one(name: str) -> list[Line]:
        room_id = house.rooms[name]
        for line in SCENES[name].lines:
            await parlour.say(room_id, line)
            await parlour.quiet(room_id)
        return await parlour.said(room_id)

    return dict(zip(SCENES, await asyncio.gather(*map(one, SCENES)), strict=True))


async def unbroken(folder: Path, copying: Copies, house: Furnished) -> Conversations:
    with copying() as url:
        async with Talkers() as model, speaking(folder, url, model) as (parlour, _):
            return await converse(parlour, house)


def test_speakers_are_those_of_the_rules(house: Furnished, whole: Conversations) -> None:
    for name, scene in SCENES.items():
        log = whole[name]
        assert scene.speakers in (None, "".join(house.agents.get(author, "-")[0] for _, author, _ in log)), name
        assert [seq for seq, _, _ in log] == [*range(1, len(log) + 1)]
        assert [text for _, author, text in log if author not in house.agents] == [*scene.lines]
        if "approval" not in scene.given:  # what was not published is in no log
            assert [author for _, author, _ in log] == foretold(house, name, log)


async def test_the_same_speakers_on_every_database(
    tmp_path: Path, house: Furnished, whole: Conversations, copies: Copies
) -> None:
    """Letter by letter: what agents say here is made of all that they were asked."""
    assert await unbroken(tmp_path, copies, house) == whole


def foretold(house: Furnished, name: str, log: Sequence[Line]) -> list[str]:
    """Who speaks after each message, computed from the messages alone; people are taken as they came."""
    scene = SCENES[name]
    ids = {agent.lower(): id for id, agent in house.agents.items()}
    manners = _manners(scene, house.rooms[name])
    spoke, line, monologue, depth = dict.fromkeys(ids.values(), 0), list[Speaker](), 0, 0
    found = [log[0][1]]
    for (seq, author, text), following in zip(log, [*log[1:], None], strict=True):
        is_persons = author not in house.agents
        line, monologue, depth = ([], 0, 0) if is_persons else (line, monologue + 1, depth)
        spoke |= {} if is_persons else {author: seq}
        seats = [_seat(scene, slug, ids[slug], spoke[ids[slug]], seq) for slug in scene.members]
        floor = Floor(at=NOON, last_at=NOON, monologue=monologue)
        said = Said(seq=seq, is_persons=is_persons, author_id=author, text=text, depth=depth)
        waiting = {one.agent_id for one in line}
        line += [one for one in speakers(manners, seats, floor, said) if one.agent_id not in waiting]
        line = line if monologue < manners.monologue_limit else []
        if line:
            depth = line[0].depth
            found.append(line.pop(0).agent_id)
        elif following is not None:
            found.append("local")
    return found


def _manners(scene: Scene, room_id: str) -> Manners:
    given: dict[str, Any] = {**scene.given}
    caps = {name: value for name, value in given.get("settings", {}).items() if name != "history_tokens"}
    return Manners(room_id=room_id, seed=given.get("seed", 0), ai_frequency=given.get("ai_frequency", 0.0), **caps)


def _seat(scene: Scene, slug: str, agent_id: str, spoke: int, seq: int) -> Seat:
    how: dict[str, Any] = {**scene.members[slug]}
    is_asked_only = scene.given.get("mode") == "mentions" or how.get("asleep") is True
    return Seat(
        agent_id=agent_id,
        slug=slug,
        category=Category(how.get("category", "participant")),
        joined_at=NOON,
        trigger=Trigger(**how.get("trigger", {})),
        schedule=Schedule(zone="UTC", windows=()) if is_asked_only else None,
        spoke_seq=spoke,
        heard=seq - spoke,
    )


async def test_kills_change_no_speaker(tmp_path: Path, house: Furnished, whole: Conversations, copies: Copies) -> None:
    """kill -9 while agents are at work on what they say, again and again; FOLKMOOT_TEST_KILLS=20 kills more often."""
    chance = random.Random(SEED)
    with copies() as url:
        async with Talkers() as model, speaking(tmp_path, url, model) as (parlour, ships):
            talking = asyncio.create_task(converse(parlour, house))
            model.hold(chance.randint(1, 9))
            for number in range(1, KILLS + 1):
                reached = asyncio.ensure_future(model.reached())
                await asyncio.wait((talking, reached), return_when=asyncio.FIRST_COMPLETED)
                assert reached.done(), f"all was said before kill {number}: {await talking}"
                victim = chance.choice(ships.servers)
                await victim.kill()
                model.go_on()
                if number < KILLS:
                    model.hold(chance.randint(1, 9))
                await victim.start()
            assert await talking == whole
            await check_turns(url)


async def check_turns(url: str) -> None:
    """Of every turn there is an end, and of every one that was published one message; the log has no gap."""
    ended = await rows(url, "select id, status, stop_reason from runs where kind = 'room_reply'")
    said = Counter(row[0] for row in await rows(url, "select run_id from messages where author_kind = 'agent'"))
    assert {status for _, status, _ in ended} == {"completed"}
    assert said == Counter(id for id, _, reason in ended if reason in ("said", "approved"))
    seqs = [row[0] for row in await rows(url, "select seq from events order by seq")]
    assert seqs == [*range(1, len(seqs) + 1)]


@pytest.mark.parametrize("name", CRASHING)
async def test_a_crash_behind_any_commit_changes_no_speaker(house: Furnished, copies: Copies, name: str) -> None:
    """In process and with the practice model, so that there can be one of each; on PostgreSQL of every fifth."""
    whole, commits = await played(house, copies, name, None)
    assert commits >= len(whole)
    for death in range(1, commits + 1, 1 if copies == house.on_sqlite else 5):
        assert (await played(house, copies, name, death))[0] == whole, death


async def played(house: Furnished, copies: Copies, name: str, death: int | None) -> tuple[list[Line], int]:
    """What is said, in how many commits; where a process dies behind one of them, another one goes on."""
    with copies() as url:
        db = connect(url, Hooks(before_commit=(number_events,), store=store))
        await db.open()
        try:
            commits = await lives(db, house.rooms[name], SCENES[name].lines, death)
            return await said_in(db, house.rooms[name]), commits
        finally:
            await db.close()


async def lives(db: Database, room_id: str, lines: Sequence[str], death: int | None) -> int:
    """The commits of the first process."""
    room = await db.read(find_room_row, room_id)
    assert room is not None
    here = Scope(room.workspace_id, room.project_id, Actor("user", "local", "Mo"))
    commits, dead = 0, asyncio.Event()
    async with stage(db) as first:

        def count(_: set[str]) -> None:
            nonlocal commits
            commits += 1
            if commits == death:
                first.supervisor.cancel()
                dead.set()

        db.hooks.published = count
        await say_all(db, first, here, room_id, lines, dead)
        if dead.is_set():
            await first.supervisor.stop()
        db.hooks.published = lambda _: None
    if dead.is_set():
        async with stage(db) as second:
            await recover(second, await db.read(owners_of_running) - {second.host_id})
            await sweep(second)
            await say_all(db, second, here, room_id, lines, asyncio.Event())
    return commits


async def say_all(
    db: Database, engine: RunEngine, here: Scope, room_id: str, lines: Sequence[str], dead: asyncio.Event
) -> None:
    """What was not said before, each once nobody speaks; what is posted is stored before the process is left."""

    async def quiet() -> None:
        ways = [asyncio.ensure_future(way) for way in (until_quiet(db, engine, here, room_id), dead.wait())]
        done, others = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        await asyncio.gather(*done)

    await quiet()
    known = {text for _, _, text in await said_in(db, room_id)}
    for line in lines:
        if line not in known and not dead.is_set():
            await post(db, engine, here, room_id, line)
            await quiet()
