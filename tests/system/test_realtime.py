"""Two servers, real clients on every transport, and everything that breaks: whoever follows misses nothing."""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject, loads
from tests.client.proxy import Line, line_to
from tests.conftest import EACH_DATABASE
from tests.realtime.listener import LEFT_OPEN, collected
from tests.stubs.openai_stub import LONG_TEXT, OpenAIStub, Reply
from tests.system.followers import (
    Follow,
    Follower,
    Redis,
    by_bare_socketio,
    by_client,
    by_polling,
    by_socketio,
    by_websocket,
    following,
    needs_redis,
    redis,
)
from tests.system.server import Api, Server, server, until

__all__ = ["collected"]

pytestmark = LEFT_OPEN

SEED = 20_261_121
PUBLISHERS, EACH = 8, 200
CUTS, CUT_BYTES = 5, 250_000
CROWD: list[Follow] = [by_websocket] * 7 + [by_client] * 7 + [by_socketio] * 4 + [by_polling] * 2

SILENT: list[Follow] = [by_websocket] * 10 + [by_bare_socketio] * 10
READERS: list[Follow] = [by_websocket, by_client, by_socketio] * 2
MEMORY = 100 * 1024**2
IN_TIME_SECONDS = 2.0
CUT, AS_MANY_BYTES = (300, 64_000), (1_200, 15_500)
"""Messages and the size of each: what is larger than 16 KB is cut in its event, so as many bytes follow in events."""


@asynccontextmanager
async def two_servers(folder: Path, **settings: str) -> AsyncIterator[tuple[Server, Server]]:
    """An installation of two processes, each with a folder of its own, as on two machines."""
    for name in ("a", "b"):
        (folder / name).mkdir()
    key = {"SECRET_KEY": "one key of 32 bytes for the two of them", "DEFAULT_MODEL": "practice", **settings}
    async with server(folder / "a", **key) as one, server(folder / "b", **key) as other:
        yield one, other


async def hire(api: Api, name: str) -> str:
    agent = await api.post("/api/agents", {"definition_slug": "assistant", "name": name})
    assert agent is not None
    return str(agent["id"])


async def here(api: Api) -> str:
    """The default workspace."""
    found = await api.get("/api/workspaces")
    match found:
        case {"workspaces": [{"id": str() as id}]}:
            return id
    raise AssertionError(found)


@dataclass
class Published:
    """Messages by their correlation ids: those that were acknowledged, and those nobody knows of."""

    acknowledged: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


async def publish(apis: list[Api], agent_id: str, name: str, numbers: random.Random, said: Published) -> None:
    """Each message to either server, and to either again until it is acknowledged: under another name, as it is new."""
    for number in range(EACH):
        tries = 0
        while True:
            id = f"{name}-{number}-{tries}"
            body: JsonObject = {"direction": "inbound", "payload": {"text": "x" * 200}, "correlation_id": id}
            message = await numbers.choice(apis).post(f"/api/agents/{agent_id}/messages", body)
            if message is not None:
                assert message["correlation_id"] == id, message
                said.acknowledged.append(id)
                break
            said.unsure.append(id)
            tries += 1
            await asyncio.sleep(0.05)


async def break_everything(said: Published, victim: Server, lines: list[Line], served: Redis) -> None:
    """kill -9, a restart of Redis and FLUSHALL, each after another quarter of the messages."""
    quarter = PUBLISHERS * EACH // 4
    await until(lambda: len(said.acknowledged) >= quarter, 60)
    old = victim.address
    await victim.kill()
    await victim.start()
    for line in lines:
        if line.target == old:
            line.target = victim.address
    await until(lambda: len(said.acknowledged) >= 2 * quarter, 60)
    await served.stop()
    await served.start()
    await until(lambda: len(said.acknowledged) >= 3 * quarter, 60)
    await served.flush()


def somewhere(line: Line, servers: tuple[Server, Server], numbers: random.Random) -> Callable[[], int | None]:
    """The next connection goes to either server, and so far."""

    def budget() -> int | None:
        line.target = numbers.choice(servers).address
        return _so_far(line, numbers)

    return budget


def stuck(line: Line, numbers: random.Random) -> Callable[[], int | None]:
    """The requests of one polling session have to reach the same server."""
    return lambda: _so_far(line, numbers)


def _so_far(line: Line, numbers: random.Random) -> int | None:
    return numbers.randint(1, CUT_BYTES) if line.cuts < CUTS else None


async def log_of(url: str) -> tuple[list[tuple[int, str]], Counter[str]]:
    """What the table holds: seq and type of every event, and how often each message was told."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("select seq, type, data from events order by seq")
    await connection.close()
    told = [_object(row["data"])["message"] for row in rows if row["type"] == "agent_message"]
    return (
        [(row["seq"], row["type"]) for row in rows],
        Counter(str(message["correlation_id"]) for message in told if isinstance(message, dict)),
    )


def _object(value: str | JsonObject) -> JsonObject:
    found: Json = loads(value) if isinstance(value, str) else value
    assert isinstance(found, dict)
    return found


@needs_redis
@pytest.mark.postgres
async def test_everybody_holds_the_same_list(tmp_path: Path, own_postgres_url: str) -> None:
    said = Published()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(150))
        served = await stack.enter_async_context(redis())
        both = await stack.enter_async_context(
            two_servers(tmp_path, DATABASE_URL=own_postgres_url, REDIS_URL=served.url)
        )
        http = await stack.enter_async_context(aiohttp.ClientSession())
        apis = [Api(one, http) for one in both]
        place = await here(apis[0])
        agents = [await hire(apis[0], f"Agent {number}") for number in range(PUBLISHERS)]
        lines = [await stack.enter_async_context(line_to(both[number % 2].address)) for number in range(len(CROWD))]
        for number, (line, follow) in enumerate(zip(lines, CROWD, strict=True)):
            numbers = random.Random(SEED + number)
            line.budget = stuck(line, numbers) if follow is by_polling else somewhere(line, both, numbers)
        crowd = [Follower(place) for _ in CROWD]
        addresses = [line.address for line in lines]
        async with following(*zip(crowd, CROWD, addresses, strict=True)):
            publishing = [
                publish(apis, agent_id, str(number), random.Random(SEED - number), said)
                for number, agent_id in enumerate(agents)
            ]
            await asyncio.gather(*publishing, break_everything(said, both[1], lines, served))
            log, told = await log_of(own_postgres_url)
            async with asyncio.timeout(30):
                await asyncio.gather(*(follower.until(len(log)) for follower in crowd))
            cuts = sum(line.cuts for line in lines)
    assert [seq for seq, _ in log] == list(range(1, len(log) + 1))
    assert len(said.acknowledged) == PUBLISHERS * EACH
    assert {told[id] for id in said.acknowledged} == {1}
    assert all(told.pop(id, 0) <= 1 for id in said.unsure)
    assert told.keys() == set(said.acknowledged)
    for follower in crowd:
        assert (follower.held == log, follower.jumps, follower.was_reset) == (True, [], False)
    assert cuts >= CUTS * len(CROWD)
    for one in both:
        assert "Traceback" not in one.log()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from outside on Linux only")
@pytest.mark.parametrize("kind", EACH_DATABASE)
async def test_who_takes_nothing_costs_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, record_property: Callable[[str, object], None]
) -> None:
    """300 messages of 64 KB, and as many bytes again in events as large as they can be, past 20 deaf clients."""
    url = str(request.getfixturevalue("own_postgres_url" if kind == "postgresql" else "sqlite_url"))
    async with (
        asyncio.timeout(150),
        server(tmp_path, DATABASE_URL=url, DEFAULT_MODEL="practice") as served,
        aiohttp.ClientSession() as http,
    ):
        api = Api(served, http)
        place, agent_id = await here(api), await hire(api, "Ada")
        readers, silent = [Follower(place) for _ in READERS], [Follower(place) for _ in SILENT]
        for follower in silent:
            follower.reads.clear()
        who = [*zip(readers, READERS), *zip(silent, SILENT)]
        async with following(*((follower, follow, served.address) for follower, follow in who)):
            before = served.resident_bytes()
            most = 0
            for count, size in (CUT, AS_MANY_BYTES):
                most = max(most, await shout(served, api, agent_id, count, size))
            newest = 2 * (CUT[0] + AS_MANY_BYTES[0])
            first = min(follower.last for follower in readers)
            async with asyncio.timeout(30):
                await asyncio.gather(*(follower.until(first + newest) for follower in readers))
            most = max(most, served.resident_bytes())
            assert max(follower.last for follower in silent) < newest
            for follower in silent:
                follower.reads.set()
            async with asyncio.timeout(60):
                await asyncio.gather(*(follower.until(first + newest) for follower in silent))
    whole = readers[0].held
    assert [seq for seq, _ in whole] == list(range(1, len(whole) + 1))
    for follower in (*readers, *silent):
        assert (follower.held == whole, follower.jumps, follower.was_reset) == (True, [], False)
    p99 = quantiles([late for follower in readers for late in follower.late], n=100)[98]
    record_property("p99_seconds", p99)
    record_property("grown_bytes", most - before)
    assert most - before <= MEMORY
    assert p99 < IN_TIME_SECONDS
