"""Twenty clients and four agents in one room, every line cut again and again: all hold the same conversation."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from folkmoot.kernel.json import JsonObject
from tests.client.proxy import Line, line_to
from tests.realtime.listener import LEFT_OPEN, collected
from tests.system.followers import (
    Follow,
    all_have,
    by_bare_socketio,
    by_polling,
    by_socketio,
    by_websocket,
    following,
)
from tests.system.installation import default_workspace, needs_redis, redis, two_servers
from tests.system.parlour import MODEL, Guest, Parlour, Talkers, by_joining
from tests.system.server import Api, Server, server

__all__ = ["collected"]

pytestmark = LEFT_OPEN

SEED = int(os.environ.get("FOLKMOOT_TEST_SEED", "20261121"))
CROWD: Sequence[Follow] = [by_websocket] * 8 + [by_socketio] * 4 + [by_joining] * 4 + [by_bare_socketio] * 2
CROWD = [*CROWD, by_polling, by_polling]
ROUNDS, EACH = 3, 4
CUTS, CUT_BYTES = 6, 12_000
DELAY_MS = 30
MEMBERS: dict[str, JsonObject] = {
    "ada": {},
    "bea": {"trigger": {"message_count": 9}},
    "cyn": {"category": "instructor"},
    "dov": {"category": "utility", "trigger": {"message_count": 5}},
}


@asynccontextmanager
async def installation(kind: str, folder: Path, model: Talkers, url: str) -> AsyncIterator[tuple[Server, ...]]:
    """One process on SQLite; two on PostgreSQL, with or without Redis."""
    common = {"OPENAI_BASE_URL": model.base_url, "DEFAULT_MODEL": MODEL, "DATABASE_URL": url}
    async with AsyncExitStack() as stack:
        if kind == "sqlite":
            yield (await stack.enter_async_context(server(folder, **common)),)
            return
        if kind == "redis":
            common["REDIS_URL"] = (await stack.enter_async_context(redis())).url
        yield await stack.enter_async_context(two_servers(folder, **common))


@dataclass
class Client:
    """What one of the twenty has on its side: a line that is cut, what it follows, what became of what it said."""

    name: str
    line: Line
    guest: Guest
    chance: random.Random
    http: aiohttp.ClientSession
    acknowledged: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)

    async def speak(self, number: int) -> None:
        """One message, under another text whenever nobody knows whether the last try was heard."""
        tries = 0
        while True:
            call = self.chance.choice(("", "", "", " @ada?", " @dov, @bea?"))
            text = f"{self.name}-{number}-{tries}{call}"
            message = await self._post(text)
            if message is not None:
                assert message["content"] == text, message
                self.acknowledged[text] = str(message["id"])
                return
            self.unsure.append(text)
            tries += 1
            await asyncio.sleep(0.05)

    async def _post(self, text: str) -> JsonObject | None:
        url = f"{self.line.address}/api/rooms/{self.guest.room_id}/messages"
        with suppress(aiohttp.ClientError, OSError):
            async with self.http.post(url, json={"content": text}) as answer:
                stored: JsonObject = await answer.json()
                return None if answer.status == 503 else stored
        return None

    async def chat(self, since: int) -> None:
        for number in range(since, since + EACH):
            await asyncio.sleep(self.chance.uniform(0, 0.1))  # people do not all speak at once
            await self.speak(number)
            if self.line.cuts < CUTS and self.chance.random() < 0.2:
                self.line.cut()


def cutting(line: Line, servers: Sequence[Server], chance: random.Random, *, is_bound: bool) -> None:
    """Each next connection goes to any server, unless it is bound to its own, and so far."""

    def budget() -> int | None:
        if not is_bound:
            line.target = chance.choice(servers).address
        return chance.randint(1, CUT_BYTES) if line.cuts < CUTS else None

    line.budget = budget


async def fall(victim: Server, crowd: Sequence[Client]) -> None:
    """kill -9, and a start at another address."""
    old = victim.address
    await victim.kill()
    await victim.start()
    for client in crowd:
        if client.line.target == old:
            client.line.target = victim.address


@pytest.fixture(
    params=["sqlite", *(pytest.param(kind, marks=pytest.mark.postgres) for kind in ("postgresql", "redis"))]
)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("sqlite_url" if kind == "sqlite" else "own_postgres_url"))


@needs_redis
async def test_everybody_in_a_room_holds_the_same_conversation(tmp_path: Path, kind: str, url: str) -> None:
    """In the second round a server is killed, the other one of two or the only one, and comes back."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(300))
        model = await stack.enter_async_context(Talkers(DELAY_MS))
        servers = await stack.enter_async_context(installation(kind, tmp_path, model, url))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        api = Api(servers[0], http)
        parlour, place = Parlour(api), await default_workspace(api)
        await parlour.hire()
        room_id = await parlour.open("Calling", MEMBERS, ai_frequency=0.5, seed=SEED, settings={"monologue_limit": 8})
        crowd: list[Client] = []
        for number, follow in enumerate(CROWD):
            chance = random.Random(SEED + number)
            line = await stack.enter_async_context(line_to(servers[number % len(servers)].address))
            cutting(line, servers, chance, is_bound=follow is by_polling)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            crowd.append(Client(f"client{number}", line, Guest(place, room_id=room_id), chance, session))
        guests = [client.guest for client in crowd]
        async with following(*zip(guests, CROWD, [client.line.address for client in crowd], strict=True)):
            for since in range(0, ROUNDS * EACH, EACH):
                falling = [fall(servers[-1], crowd)] if since == EACH else []
                await asyncio.gather(*falling, *(client.chat(since) for client in crowd))
                await parlour.say(room_id, f"After {since}: what do you think, @cyn, @ada, @dov and @bea?")
                await parlour.quiet(room_id)
            messages, events = await parlour.messages(room_id), await parlour.events(room_id)
            await all_have(guests, events[-1][0])
            cuts = sum(client.line.cuts for client in crowd)
        logs = "".join(one.log() for one in servers)
    assert [message["seq"] for message in messages] == [*range(1, len(messages) + 1)]
    told = [_told(message) for message in messages]
    for client, follow in zip(crowd, CROWD, strict=True):
        guest = client.guest
        assert (guest.jumps, guest.was_reset) == ([], False), follow.__name__
        assert guest.held == events, follow.__name__
        assert [_told(message) for message in guest.heard] == told, follow.__name__
        if follow is by_joining:
            assert guest.voices == [message["seq"] for message in messages]
    _check_said(crowd, messages)
    assert cuts >= CUTS * len(CROWD)
    agents = Counter(str(message["sender_name"]) for message in messages if message["sender_type"] == "agent")
    assert min(agents[name] for name in ("Ada", "Bea", "Cyn", "Dov")) >= ROUNDS
    assert "Traceback" not in logs


def _told(message: JsonObject) -> tuple[object, ...]:
    return tuple(message[name] for name in ("id", "seq", "sender_type", "sender_id", "content", "reply_to", "run_id"))


def _check_said(crowd: Sequence[Client], messages: Sequence[JsonObject]) -> None:
    """What was acknowledged is there once, as it was acknowledged; nobody says what he was not asked to."""
    texts = Counter(str(message["content"]) for message in messages if message["sender_type"] == "user")
    ids = {str(message["content"]): str(message["id"]) for message in messages}
    for client in crowd:
        assert len(client.acknowledged) == ROUNDS * EACH
        assert all((texts.pop(text), ids[text]) == (1, id) for text, id in client.acknowledged.items()), client.name
        assert all(texts.pop(text, 0) <= 1 for text in client.unsure), client.name
    assert [text for text in texts if not text.startswith("After ")] == []
    runs = Counter(str(message["run_id"]) for message in messages if message["sender_type"] == "agent")
    assert set(runs.values()) == {1}, "one turn is one message"
