"""Whoever is removed from a room is told nothing more of it, on any transport, while those who stay hear it all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from folkmoot.kernel.json import JsonObject, dumps
from tests.realtime.listener import LEFT_OPEN, POLLING, WEBSOCKET, collected, listening_to
from tests.stubs.ollama_stub import MODEL, OllamaStub
from tests.stubs.stub import Reply
from tests.system.installation import default_workspace, needs_redis, redis, two_servers
from tests.system.office import Headers, Office, opened
from tests.system.server import Api, server

__all__ = ["collected"]

pytestmark = LEFT_OPEN

BEFORE, AFTER = "before", "secret"
"""What is said while he is in the room, and afterwards."""
MARKER = "the-marker"
OUT = 4403


class HeldStub(OllamaStub):
    """Says the first half of its answer, and the rest when it may: then he is gone who hears the first."""

    def __init__(self) -> None:
        super().__init__([Reply(text=f"{BEFORE} " * 20 + f"{AFTER} " * 20)], chunks=10)
        self.goes_on.clear()


@dataclass(eq=False)
class Ear:
    """What somebody heard in one way, as text; `end` is how that ended."""

    heard: list[str] = field(default_factory=list)
    end: int | str | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, text: str) -> None:
        self.heard.append(text)
        self.moved.set()

    async def until(self, *words: str) -> None:
        """Until one thing that was heard has all of these words."""
        while not any(all(word in text for word in words) for text in self.heard):
            self.moved.clear()
            await self.moved.wait()


Listening = Callable[[Ear], Coroutine[object, object, None]]


def by_websocket(http: aiohttp.ClientSession, url: str) -> Listening:
    async def listen(ear: Ear) -> None:
        async with http.ws_connect(url) as socket:
            async for message in socket:
                ear.take(str(message.data))
            ear.end = socket.close_code

    return listen


def by_stream(http: aiohttp.ClientSession, url: str) -> Listening:
    async def listen(ear: Ear) -> None:
        async with http.get(url) as answer:
            async for line in answer.content:
                ear.take(line.decode())
            ear.end = "over"

    return listen


def by_call(http: aiohttp.ClientSession, url: str) -> Listening:
    async def listen(ear: Ear) -> None:
        async with http.get(url) as answer:
            ear.take(await answer.text())
            ear.end = answer.status

    return listen


def by_socketio(address: str, headers: Headers, transports: tuple[str, ...], channels: list[str]) -> Listening:
    async def listen(ear: Ear) -> None:
        async with listening_to(address.removeprefix("http://"), transports, headers=headers) as listener:
            wanted: JsonObject = {"channels": [*channels]}
            assert (await listener.ask("subscribe", wanted))["ok"] is True
            known = 0
            while True:
                for name, payload in listener.heard[known:]:
                    ear.take(dumps([name, payload]))
                known = len(listener.heard)
                await listener.until(lambda: len(listener.heard) > known)  # noqa: B023 called before it changes

    return listen


@asynccontextmanager
async def ears(*ways: Listening) -> AsyncIterator[list[Ear]]:
    """All of these at once; what has not ended by then is ended."""
    found = [Ear() for _ in ways]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(way(ear)) for way, ear in zip(ways, found, strict=True)]
        yield found
        for task in tasks:
            task.cancel()


@dataclass(frozen=True)
class Scene:
    """Ada's room with an agent, Bob, who is to go, and Cyn, who stays; `dan` joins them afterwards."""

    office: Office
    room: str
    ids: dict[str, str]
    headers: dict[str, Headers]

    @classmethod
    async def set_up(cls, office: Office) -> "Scene":
        ids, headers = dict[str, str](), {"ada": office.headers}
        for name in ("bob", "cyn", "dan"):
            ids[name], headers[name] = await office.admit(name)
        agent: JsonObject = {"definition_slug": "assistant", "name": "Eve"}
        ids["eve"] = str((await office.call("POST", "/api/agents", office.headers, agent))["id"])
        room = str((await office.call("POST", "/api/rooms", office.headers, {"name": "Harbour"}))["id"])
        scene = cls(office, room, ids, headers)
        await scene.ask("POST", "/members", {"agent_id": ids["eve"]})
        for name in ("bob", "cyn"):
            await scene.ask("POST", "/members", {"user_id": ids[name]})
        return scene

    async def ask(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        return await self.office.call(method, f"/api/rooms/{self.room}{path}", self.office.headers, body)

    async def run_id(self) -> str:
        return str((await self.ask("GET", ""))["speaking_run_id"])

    async def mark(self) -> None:
        """Something of the workspace, which everybody in it is told."""
        role: JsonObject = {"slug": "worker", "instructions": "You work."}
        team: JsonObject = {"slug": MARKER, "lead": role, "members": [role]}
        await self.office.call("POST", "/api/teams", self.office.headers, team)


def of_room(scene: Scene, http: aiohttp.ClientSession, address: str, headers: Headers) -> list[Listening]:
    """Every way to follow a room alone."""
    return [
        by_websocket(http, f"{address}/ws/rooms/{scene.room}"),
        by_websocket(http, f"{address}/ws/events?channels=room:{scene.room}"),
        by_stream(http, f"{address}/api/events/stream?channels=room:{scene.room}"),
    ]


def shared(scene: Scene, http: aiohttp.ClientSession, address: str, headers: Headers) -> list[Listening]:
    """Every way to follow it with other things, or with all."""
    workspace = f"workspace:{scene.office.workspace_id}"
    room = f"room:{scene.room}"
    return [
        by_websocket(http, f"{address}/ws/events?channels={room},{workspace}"),
        by_websocket(http, f"{address}/ws/events"),
        by_websocket(http, f"{address}/ws/events?channels=all"),
        by_stream(http, f"{address}/api/events/stream"),
        by_socketio(address, headers, WEBSOCKET, [room, workspace]),
        by_socketio(address, headers, POLLING, [room, workspace]),
        by_socketio(address, headers, WEBSOCKET, ["all"]),
    ]


def of_run(run_id: str, http: aiohttp.ClientSession, address: str) -> list[Listening]:
    """Every way to see what an agent says before it has said it."""
    return [
        by_websocket(http, f"{address}/ws/runs/{run_id}?after=0"),
        by_stream(http, f"{address}/api/runs/{run_id}/stream"),
        by_call(http, f"{address}/api/runs/{run_id}/wait?timeout=60"),
    ]


async def until_all(found: list[Ear], *words: str) -> None:
    await asyncio.gather(*(ear.until(*words) for ear in found))


async def removed_while_an_agent_speaks(scene: Scene, stub: HeldStub, addresses: list[str]) -> None:
    bob, room, first = scene.headers["bob"], scene.room, addresses[0]
    async with (
        aiohttp.ClientSession(headers=bob) as his,
        aiohttp.ClientSession(headers=scene.headers["cyn"]) as hers,
        aiohttp.ClientSession(headers=scene.headers["dan"]) as new,
        ears(*(way for address in addresses for way in of_room(scene, his, address, bob))) as alone,
        ears(*(way for address in addresses for way in shared(scene, his, address, bob))) as others,
        ears(*(by_websocket(hers, f"{address}/ws/rooms/{room}") for address in addresses)) as stays,
    ):
        await until_all([*alone, *others, *stays], "subscribed")
        await scene.ask("POST", "/messages", {"content": f"{BEFORE} he goes, @eve"})
        await until_all([*alone, *others, *stays], BEFORE)
        run_id = await scene.run_id()
        async with (
            ears(*(way for address in addresses for way in of_run(run_id, his, address))) as runs,
            ears(by_websocket(hers, f"{first}/ws/runs/{run_id}?after=0")) as [run],
        ):
            await until_all([run, *(ear for number, ear in enumerate(runs) if number % 3 != 2)], "run_status_changed")
            await scene.ask("DELETE", f"/members/{scene.ids['bob']}")
            stub.goes_on.set()
            await run.until("delta", AFTER)
            await scene.ask("POST", "/members", {"user_id": scene.ids["dan"]})
            await until_all(stays, "room_message", AFTER)
            async with new.ws_connect(f"{addresses[-1]}/ws/rooms/{room}") as socket:
                await until_all(stays, "presence", "dan@")
                await socket.send_str(dumps({"type": "typing"}))
                await until_all(stays, "typing", "dan@")
            await scene.ask("POST", "/messages", {"content": f"{AFTER} he went"})
            await until_all(stays, f"{AFTER} he went")
            await scene.mark()
            await until_all(others, MARKER)
            by_name = [ear for number, ear in enumerate(others) if number % 7 in (0, 4, 5)]
            await until_all(by_name, "o longer in the room")
            async with asyncio.timeout(20):
                while any(ear.end is None for ear in (*alone, *runs)):  # noqa: ASYNC110 each ends in its own way
                    await asyncio.sleep(0.02)
        heard = [text for ear in (*alone, *others, *runs) for text in ear.heard]
        assert [text for text in heard if AFTER in text or ("dan@" in text and room in text)] == []
        assert [ear.end for ear in alone] == [OUT, OUT, "over"] * len(addresses)
        assert [ear.end for ear in runs] == [OUT, "over", 404] * len(addresses)
        await nothing_is_found(scene, his, addresses)


async def nothing_is_found(scene: Scene, http: aiohttp.ClientSession, addresses: list[str]) -> None:
    """By calls, at every server, whatever he knows the ids of."""
    room = scene.room
    run_id = str((await scene.ask("GET", "/messages"))["messages"][1]["run_id"])  # type: ignore[index, call-overload]
    for address in addresses:
        hidden = ("", "/messages", "/members", "/presence", "/attachments")
        for path in (*(f"/rooms/{room}{path}" for path in hidden), f"/runs/{run_id}", f"/runs/{run_id}/events"):
            async with http.get(f"{address}/api{path}") as answer:
                assert answer.status == 404, path
        async with http.get(f"{address}/api/events?channels=room:{room}") as answer:
            assert answer.status == 404
        for path in ("events?after=0&limit=200", "rooms", f"rooms/search?q={AFTER}", "runs?kind=room_reply"):
            async with http.get(f"{address}/api/{path}") as answer:
                assert answer.status == 200, path
                text = await answer.text()
                assert room not in text, path
                assert AFTER not in text.replace(f"q={AFTER}", ""), path


def settings_of(stub: HeldStub) -> dict[str, str]:
    return {"OLLAMA_HOST": stub.address, "DEFAULT_MODEL": f"ollama:{MODEL}"}


async def test_removed_at_one_server(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(90),
        HeldStub() as stub,
        server(tmp_path, **settings_of(stub)) as served,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        office = await opened(http, served.address, await default_workspace(Api(served, http)))
        await removed_while_an_agent_speaks(await Scene.set_up(office), stub, [served.address])


@pytest.mark.postgres
@pytest.mark.parametrize("relay", ["postgres", pytest.param("redis", marks=needs_redis)])
async def test_removed_at_two_servers(tmp_path: Path, own_postgres_url: str, relay: str) -> None:
    """With Redis what an agent is saying is seen at the other server too."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(120))
        stub = await stack.enter_async_context(HeldStub())
        settings = {"DATABASE_URL": own_postgres_url, **settings_of(stub)}
        if relay == "redis":
            settings["REDIS_URL"] = (await stack.enter_async_context(redis())).url
        both = await stack.enter_async_context(two_servers(tmp_path, **settings))
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        office = await opened(http, both[0].address, await default_workspace(Api(both[0], http)))
        await removed_while_an_agent_speaks(await Scene.set_up(office), stub, [one.address for one in both])
