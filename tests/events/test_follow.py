"""Followers see every event once, in order, from any cursor, whoever wrote it and however slow they are."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.events import ring
from folkmoot.events.bus import Bus
from folkmoot.events.facts import ResourceChanged
from folkmoot.events.follow import EventHub, Follower
from folkmoot.events.frames import Frame
from folkmoot.events.log import store
from folkmoot.events.rules import about
from folkmoot.events.tables import EventHead
from folkmoot.kernel.json import loads
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from tests.databases import new_scope


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def hooks(bus: Bus) -> Hooks:
    return Hooks(store=store, published=bus.wake)


@pytest.fixture
async def hub(db: Database, bus: Bus) -> AsyncIterator[EventHub]:
    supervisor = Supervisor()
    opened = EventHub(db, supervisor, bus)
    opened.start()
    yield opened
    opened.close()
    await supervisor.stop()


def say(tx: Tx, scope: Scope, number: int, run_id: str | None = None) -> None:
    change = ResourceChanged(resource="note", id=str(number), change="updated", view=None)
    tx.emit(scope.workspace_id, change, run_id=run_id)


def say_many(tx: Tx, scope: Scope, numbers: range, run_id: str | None = None) -> None:
    for number in numbers:
        say(tx, scope, number, run_id)


async def take(follower: Follower, number: int) -> list[Frame]:
    async with asyncio.timeout(10):
        return [await anext(follower) for _ in range(number)]


def seqs(frames: list[Frame]) -> list[int]:
    return [frame.seq for frame in frames]


async def test_a_frame_is_what_the_wire_shows(db: Database, scope: Scope, hub: EventHub) -> None:
    await db.write(say, scope, 7, "r1")
    async with hub.follow(scope.workspace_id, after=0) as follower:
        [frame] = await take(follower, 1)
    told = loads(frame.text)
    assert isinstance(told, dict)
    assert list(told) == ["event_type", "timestamp", "seq", "workspace_id", "run_id", "data"]
    assert (told["event_type"], told["seq"], told["run_id"]) == ("resource_changed", 1, "r1")
    assert told["data"] == {"resource": "note", "id": "7", "change": "updated", "view": None}


async def test_replay_then_follow_without_gap_or_double(db: Database, scope: Scope, hub: EventHub) -> None:
    await db.write(say_many, scope, range(120))
    async with hub.follow(scope.workspace_id, after=0) as follower:
        assert (follower.after, follower.oldest, follower.latest, follower.reset) == (0, 1, 120, False)
        first = await take(follower, 60)
        await db.write(say_many, scope, range(30))
        rest = await take(follower, 90)
    assert seqs(first + rest) == list(range(1, 151))


async def test_many_writers_many_followers(db: Database, scope: Scope, hub: EventHub) -> None:
    async def read() -> list[int]:
        async with hub.follow(scope.workspace_id, after=0) as follower:
            return seqs(await take(follower, 200))

    readers = [asyncio.create_task(read()) for _ in range(3)]
    await asyncio.gather(*(db.write(say_many, scope, range(2)) for _ in range(100)))
    for reader in readers:
        assert await reader == list(range(1, 201))


async def test_without_cursor_only_what_is_new(db: Database, scope: Scope, hub: EventHub) -> None:
    await db.write(say_many, scope, range(3))
    async with hub.follow(scope.workspace_id) as follower:
        assert follower.after == 3
        await db.write(say, scope, 4)
        assert seqs(await take(follower, 1)) == [4]


async def test_narrowed_to_a_run(db: Database, scope: Scope, hub: EventHub) -> None:
    await db.write(say_many, scope, range(200))
    await db.write(say, scope, 1, "mine")
    async with hub.follow(scope.workspace_id, after=0, selection=about("run_id", "mine")) as follower:
        assert seqs(await take(follower, 1)) == [201]
        await db.write(say_many, scope, range(10), "other")
        await db.write(say, scope, 2, "mine")
        assert seqs(await take(follower, 1)) == [212]


async def test_workspaces_do_not_see_each_other(db: Database, scope: Scope, hub: EventHub) -> None:
    other = await db.write(new_scope)
    async with hub.follow(other.workspace_id, after=0) as follower:
        await db.write(say, scope, 1)
        await db.write(say, other, 2)
        [frame] = await take(follower, 1)
    assert frame.seq == 1
    assert '"id":"2"' in frame.text


async def test_a_slow_follower_reads_the_table(
    db: Database, scope: Scope, hub: EventHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "FRAMES", 4)
    monkeypatch.setattr(ring.Ring.__init__, "__defaults__", (4, 4_000_000))
    async with hub.follow(scope.workspace_id, after=0) as slow, hub.follow(scope.workspace_id, after=0) as quick:
        for _ in range(20):
            await db.write(say_many, scope, range(3))
            await take(quick, 3)
        assert seqs(await take(slow, 60)) == list(range(1, 61))


def forget_before(tx: Tx, scope: Scope, oldest: int) -> None:
    tx.write(sa.update(EventHead).where(EventHead.workspace_id == scope.workspace_id).values(oldest=oldest))


@pytest.mark.parametrize(
    ("after", "reset", "start"),
    [(0, True, 3), (2, True, 3), (3, False, 3), (9, False, 9), (10, False, 10), (99, True, 10)],
)
async def test_reset(db: Database, scope: Scope, hub: EventHub, after: int, reset: bool, start: int) -> None:
    await db.write(say_many, scope, range(10))
    await db.write(forget_before, scope, 4)
    async with hub.follow(scope.workspace_id, after=after) as follower:
        assert (follower.reset, follower.after) == (reset, start)
        await db.write(say, scope, 1)
        assert seqs(await take(follower, 11 - start)) == list(range(start + 1, 12))


@pytest.mark.system
async def test_what_another_process_writes_comes_within_the_poll(
    database_url: str, scope: Scope, hub: EventHub
) -> None:
    elsewhere = connect(database_url, Hooks(store=store))
    await elsewhere.open()
    async with hub.follow(scope.workspace_id) as follower:
        await elsewhere.write(say, scope, 1)
        assert seqs(await take(follower, 1)) == [1]
    await elsewhere.close()


async def test_closing_ends_every_follower(scope: Scope, hub: EventHub) -> None:
    async with hub.follow(scope.workspace_id) as follower:
        waiting = asyncio.create_task(anext(follower, None))
        await asyncio.sleep(0)
        hub.close()
        assert await asyncio.wait_for(waiting, 5) is None


async def test_the_last_follower_ends_the_reader(scope: Scope, hub: EventHub) -> None:
    async with hub.follow(scope.workspace_id), hub.follow(scope.workspace_id):
        assert len(hub._feeds) == 1
    assert hub._feeds == {}


async def test_a_workspace_without_log(hub: EventHub) -> None:
    async with hub.follow("nobody", after=5) as follower:
        assert (follower.after, follower.oldest, follower.latest, follower.reset) == (0, 1, 0, True)
