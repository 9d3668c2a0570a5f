"""Two servers, real clients on every transport, and everything that breaks: whoever follows misses nothing."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from folkmoot.kernel.json import Json, JsonObject, loads
from tests.client.proxy import Line, line_to
from tests.realtime.listener import LEFT_OPEN, collected
from tests.stubs.openai_stub import LONG_TEXT, OpenAIStub
from tests.system.followers import (
    Follow,
    Follower,
    all_have,
    by_client,
    by_polling,
    by_socketio,
    by_websocket,
    following,
)
from tests.system.installation import Redis, default_workspace, hire, needs_redis, redis, two_servers
from tests.system.server import Api, Server, until

__all__ = ["collected"]

pytestmark = [LEFT_OPEN, pytest.mark.postgres]

SEED = 20_261_121
PUBLISHERS, EACH = 8, 200
CUTS, CUT_BYTES = 5, 250_000
CROWD: Sequence[Follow] = [by_websocket] * 7 + [by_client] * 7 + [by_socketio] * 4 + [by_polling] * 2


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
async def test_everybody_holds_the_same_list(tmp_path: Path, own_postgres_url: str) -> None:
    said = Published()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(100))
        served = await stack.enter_async_context(redis())
        both = await stack.enter_async_context(
            two_servers(tmp_path, DATABASE_URL=own_postgres_url, REDIS_URL=served.url)
        )
        http = await stack.enter_async_context(aiohttp.ClientSession())
        apis = [Api(one, http) for one in both]
        place = await default_workspace(apis[0])
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
            await all_have(crowd, len(log))
            cuts = sum(line.cuts for line in lines)
    assert [seq for seq, _ in log] == list(range(1, len(log) + 1))
    assert len(said.acknowledged) == PUBLISHERS * EACH
    assert {told[id] for id in said.acknowledged} == {1}
    assert all(told.pop(id, 0) <= 1 for id in said.unsure)
    assert told.keys() == set(said.acknowledged)
    wrong = [
        (follow.__name__, follower.jumps, follower.was_reset)
        for follower, follow in zip(crowd, CROWD, strict=True)
        if follower.held != log or follower.jumps or follower.was_reset
    ]
    assert wrong == []
    assert cuts >= CUTS * len(CROWD)
    for one in both:
        assert "Traceback" not in one.log()


class Patient(OpenAIStub):
    """Answers when it may, so that somebody else can come to watch."""

    def __init__(self) -> None:
        super().__init__(chunks=33)
        self.may = asyncio.Event()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        await self.may.wait()
        return await super()._complete(request)


@asynccontextmanager
async def asked(address: str, agent_id: str, http: aiohttp.ClientSession) -> AsyncIterator[str]:
    """A question whose answer is streamed; gives the run."""
    path = f"{address}/api/agents/{agent_id}/message"
    async with http.post(path, json={"message": "Tell me", "stream": True}) as answer:
        async for line in answer.content:
            if line.startswith(b"data: "):
                yield str(_object(line[6:].decode())["run_id"])
                return


async def watched(address: str, run_id: str, http: aiohttp.ClientSession, stub: Patient) -> list[JsonObject]:
    """All that the socket of a run says, from its first event on; the answer begins once it is open."""
    told = []
    async with http.ws_connect(f"{address}/ws/runs/{run_id}?after=0") as opened:
        async for message in opened:
            told.append(_object(str(message.data)))
            stub.may.set()
        assert opened.close_code == 1000
    return told


@asynccontextmanager
async def no_redis() -> AsyncIterator[None]:
    yield


@needs_redis
@pytest.mark.parametrize("has_redis", [True, False])
async def test_words_reach_the_other_server_by_redis_only(
    tmp_path: Path, own_postgres_url: str, *, has_redis: bool
) -> None:
    """What is durable comes either way, and last."""
    async with (
        asyncio.timeout(60),
        Patient() as stub,
        redis() if has_redis else no_redis() as served,
        two_servers(
            tmp_path,
            DATABASE_URL=own_postgres_url,
            OPENAI_BASE_URL=stub.base_url,
            DEFAULT_MODEL="openai:stub-1",
            **({} if served is None else {"REDIS_URL": served.url}),
        ) as (one, other),
        aiohttp.ClientSession() as http,
    ):
        agent_id = await hire(Api(one, http), "Ada")
        async with asked(one.address, agent_id, http) as run_id:
            told = await watched(other.address, run_id, http, stub)
    live = [frame for frame in told if frame.get("type") == "delta"]
    facts = [frame for frame in told if "event_type" in frame]
    assert "".join(str(frame["text"]) for frame in live) == (LONG_TEXT if has_redis else "")
    assert [fact["run_seq"] for fact in facts] == list(range(1, len(facts) + 1))
    assert facts[-1]["event_type"] == "completion"
    [reply] = [fact for fact in facts if _is_reply(fact)]
    assert [told.index(frame) for frame in live if told.index(frame) > told.index(reply)] == []


def _is_reply(fact: JsonObject) -> bool:
    match fact:
        case {"event_type": "agent_message", "data": {"message": {"direction": "outbound", "text": str() as text}}}:
            return text == LONG_TEXT
        case _:
            return False
