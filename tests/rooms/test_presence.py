"""Who is in a room right now and who is typing: the same at every socket, and told to nobody who is not in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from websockets.asyncio.client import ClientConnection, connect

from folkmoot.db.tx import Tx
from folkmoot.engine.hosts import HostInfo, beat
from folkmoot.engine.tables import Host
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import dumps, loads
from folkmoot.kernel.scope import Role
from folkmoot.realtime.guests import typed_in
from folkmoot.rooms.presence import move_people, present_in
from folkmoot.rooms.tables import RoomPresence
from tests.databases import new_scope
from tests.persons import Person, admit, enrol
from tests.realtime.listener import LEFT_OPEN, Listener, collected, listening_to
from tests.realtime.wire import ended
from tests.rooms.lounge import Lounge
from tests.serving import client_of, listening, running, settings_for

__all__ = ["collected"]

pytestmark = LEFT_OPEN


@dataclass
class House:
    """Ada's room, with Bob as a member and Cyn as a viewer, and where the application listens."""

    lounge: Lounge
    place: str
    room: str
    people: dict[str, Person]

    def headers(self, name: str) -> dict[str, str]:
        return {**self.people[name].by_key, "X-Workspace-Id": self.lounge.scope.workspace_id}

    def open(self, name: str, path: str | None = None) -> connect:
        path = f"rooms/{self.room}" if path is None else path
        return connect(f"ws://{self.place}/ws/{path}", additional_headers=self.headers(name), max_queue=None)

    def listen(self, name: str) -> Any:
        return listening_to(self.place, headers=self.headers(name))

    async def there(self) -> list[str]:
        shown = await self.lounge.ask("GET", f"/api/rooms/{self.room}/presence")
        return sorted(person["name"] for person in shown["people"])

    async def until_there(self, *names: str) -> None:
        async with asyncio.timeout(15):
            while await self.there() != sorted(names):  # noqa: ASYNC110 a row of the database sets no event
                await asyncio.sleep(0.02)

    async def remove(self, name: str) -> None:
        path = f"/api/rooms/{self.room}/members/{self.people[name].id}"
        await self.lounge.ask("DELETE", path, status=204)


@pytest.fixture
async def house(own_database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        scope = await app.state.runtime.db.write(new_scope)
        people = {name: await enrol(app, name) for name in ("ada", "bob", "cyn")}
        for person in people.values():
            await admit(app, person, scope.workspace_id, Role.OWNER)
        lounge = await Lounge(app, client, scope, headers=people["ada"].by_key).furnish()
        room = await lounge.open("Ada", approval=True)
        for name, role in (("bob", "member"), ("cyn", "viewer")):
            await lounge.ask("POST", f"/api/rooms/{room}/members", {"user_id": people[name].id, "role": role}, 201)
        async with listening(app) as place:
            yield House(lounge, place, room, people)


async def heard(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next control frame of this kind; others are let go."""
    while True:
        frame = loads(await asyncio.wait_for(socket.recv(), 15))
        assert isinstance(frame, dict)
        if frame.get("type") == kind:
            return frame


def names(frame: dict[str, Any]) -> list[str]:
    return [person["name"] for person in frame["here"]]


@pytest.mark.system
async def test_who_comes_and_goes_by_whichever_socket(house: House) -> None:
    assert await house.there() == []
    bob = house.people["bob"].id
    async with house.open("ada") as ada:
        first = await heard(ada, "presence")
        assert (first["room_id"], first["reset"], names(first), first["gone"]) == (house.room, True, ["ada"], [])
        async with AsyncExitStack() as stack:
            channels = f"events?channels=room:{house.room},agents"
            shared = await stack.enter_async_context(house.open("bob", channels))
            whole = await heard(shared, "presence")
            assert (whole["reset"], names(whole)) == (True, ["ada", "bob"])
            change = await heard(ada, "presence")
            assert (change["reset"], names(change), change["gone"]) == (False, ["bob"], [])
            async with house.listen("bob") as listener:
                assert (await listener.ask("join_room", {"room_id": house.room}))["ok"] is True
                [told] = await listener.hears("presence")
                assert {person["name"] for person in told["here"]} == {"ada", "bob"}
                shown = await house.lounge.ask("GET", f"/api/rooms/{house.room}/presence")
                assert [(one["name"], one["role"]) for one in shown["people"]] == [("ada", "owner"), ("bob", "member")]
                await stack.aclose()
                async with house.open("cyn") as cyn:
                    assert names(await heard(cyn, "presence")) == ["ada", "bob", "cyn"]
                    came = await heard(ada, "presence")
                    assert (names(came), came["gone"]) == (["cyn"], []), "two sockets of one person are one"
                await heard(ada, "presence")
                await listener.ask("unsubscribe", {"channels": [f"room:{house.room}"]})
                assert (await heard(ada, "presence"))["gone"] == [bob]
                assert (await listener.ask("join_room", {"room_id": house.room}))["ok"] is True
                assert names(await heard(ada, "presence")) == ["bob"]
            assert (await heard(ada, "presence"))["gone"] == [bob]
            assert await house.there() == ["ada"]
    await house.until_there()


@pytest.mark.system
async def test_who_reads_server_sent_events_is_there(house: House) -> None:
    room, stream = f"room:{house.room}", f"http://{house.place}/api/events/stream?channels="
    async with house.open("ada") as ada, aiohttp.ClientSession(headers=house.headers("bob")) as http:
        assert names(await heard(ada, "presence")) == ["ada"]
        async with http.get(f"{stream}{room}") as alone, http.get(f"{stream}{room},agents"):
            assert names(await heard(ada, "presence")) == ["bob"]
            assert await house.there() == ["ada", "bob"]
            await house.lounge.say(house.room, "Hello")
            async with asyncio.timeout(15):
                events = [(await alone.content.readuntil(b"\n\n")).split(b"\n")[1] for _ in range(2)]
            assert events == [b"event: subscribed", b"event: room_message"], "and is told what he was told before"
        assert (await heard(ada, "presence"))["gone"] == [house.people["bob"].id]
        for path in (f"workspace:{house.lounge.scope.workspace_id}", "all", "agents"):
            async with http.get(stream + path):
                assert await house.there() == ["ada"], path


@pytest.mark.system
async def test_who_was_removed_is_not_there_though_the_stream_goes_on(house: House) -> None:
    bob = house.people["bob"].id
    channels = f"channels=room:{house.room},agents"
    async with (
        aiohttp.ClientSession(headers=house.headers("bob")) as http,
        http.get(f"http://{house.place}/api/events/stream?{channels}"),
    ):
        await house.until_there("bob")
        await house.remove("bob")
        await house.until_there()
        async with asyncio.timeout(15):
            while await house.lounge.db.read(_is_held, bob):  # noqa: ASYNC110 a row of the database sets no event
                await asyncio.sleep(0.02)
        await house.lounge.ask("POST", f"/api/rooms/{house.room}/members", {"user_id": bob}, 201)
        assert await house.there() == [], "he follows it no longer"


def _is_held(tx: Tx, user_id: str) -> bool:
    return tx.first(RoomPresence, sa.select(RoomPresence.room_id).where(RoomPresence.user_id == user_id)) is not None


async def test_what_agents_do(lounge: Lounge) -> None:
    room = await lounge.open("Ada", "Bea", approval=True)
    path = f"/api/rooms/{room}/presence"
    assert {one["state"] for one in (await lounge.ask("GET", path))["agents"]} == {"listening"}
    await lounge.say(room, "@ada hello")
    shown = await lounge.ask("GET", path)
    assert {one["slug"]: one["state"] for one in shown["agents"]} == {"ada": "speaking", "bea": "listening"}
    assert shown["people"] == []
    await lounge.ask("POST", f"/api/rooms/{room}/stop")
    assert {one["state"] for one in (await lounge.ask("GET", path))["agents"]} == {"listening"}
    assert (await lounge.ask("GET", f"/api/rooms/{lounge.scope.workspace_id}/presence", status=404))["code"] == (
        "no_such_room"
    )


def add_hosts(tx: Tx, room_id: str) -> None:
    """Two other processes with somebody there, one of which was not seen for a while."""
    for host_id in ("lives", "died"):
        beat(tx, HostInfo(host_id))
        move_people(tx, host_id, [(room_id, "local")], [])
    died = sa.update(Host).where(Host.id == sa.bindparam("host"))
    tx.write(died.values(seen_at=sa.bindparam("at", type_=Host.__table__.c.seen_at.type)), _gone("died"))


def _gone(host_id: str) -> dict[str, object]:
    return {"host": host_id, "at": now() - timedelta(seconds=30)}


def there_as_seen_by(tx: Tx, room_id: str, host_id: str) -> list[str]:
    return [person.user_id for person in present_in(tx, [room_id], host_id).get(room_id, [])]


async def test_a_process_that_died_holds_nobody(lounge: Lounge) -> None:
    room = await lounge.open()
    await lounge.db.write(add_hosts, room)
    is_shared = lounge.db.dialect == "postgresql"
    assert await lounge.db.read(there_as_seen_by, room, "other") == (["local"] if is_shared else [])
    await lounge.db.write(lambda tx: tx.write(sa.delete(Host).where(Host.id == "lives")))
    assert await lounge.db.read(there_as_seen_by, room, "other") == []
    assert await lounge.db.read(there_as_seen_by, room, "died") == ["local"], "a process knows that it lives"
    await lounge.db.write(lambda tx: tx.write(sa.delete(Host).where(Host.id == "died")))
    assert await lounge.db.read(there_as_seen_by, room, "died") == [], "what it held went with it"
    await lounge.db.write(move_people, "unknown", [(room, "local")], [(room, "nobody")])
    assert await lounge.db.read(there_as_seen_by, room, "unknown") == []


@pytest.mark.system
async def test_a_process_that_was_given_up_and_comes_back(house: House) -> None:
    db, host_id = house.lounge.db, house.lounge.app.state.runtime.host_id
    async with house.open("bob"):
        await house.until_there("bob")
        await db.write(lambda tx: tx.write(sa.delete(Host).where(Host.id == host_id)))
        await db.write(lambda tx: beat(tx, HostInfo(host_id)))
        await house.until_there("bob")


@pytest.mark.system
async def test_who_is_typing_is_told_to_the_others(house: House) -> None:
    channels = f"events?channels=room:{house.room},agents"
    async with house.open("ada") as ada, house.open("bob") as bob, house.open("bob", channels) as other:
        async with house.open("cyn") as cyn, house.listen("ada") as listener:
            await listener.ask("join_room", {"room_id": house.room})
            await house.until_there("ada", "bob", "cyn")
            for text in ("no JSON", '{"type": "dance"}', '{"type": "typing", "room_id": 7}', "[" * 5_000):
                await cyn.send(text)
            await cyn.send(dumps({"type": "typing"}))
            await bob.send(dumps({"type": "typing"}))
            await bob.send(dumps({"type": "typing"}))
            told = await heard(ada, "typing")
            assert told == {
                "type": "typing",
                "room_id": house.room,
                "user_id": house.people["bob"].id,
                "name": "bob",
                "expires_in_seconds": 5,
            }, "a viewer is not shown"
            assert await heard(cyn, "typing") == told
            assert await listener.hears("typing") == [told]
        await ada.send(dumps({"type": "typing"}))
        for socket in (bob, other):
            assert (await heard(socket, "typing"))["name"] == "ada", "nobody is told of himself"
        await other.send(dumps({"type": "typing", "room_id": house.room}))
        assert (await heard(ada, "typing"))["name"] == "bob", "of many from one socket one was told"


@pytest.mark.system
async def test_typing_on_socketio(house: House) -> None:
    async with house.open("ada") as ada, house.listen("bob") as bob, house.listen("cyn") as cyn:
        await house.until_there("ada")
        assert (await cyn.ask("typing", {"room_id": house.room}))["code"] == "room_role_too_low"
        assert (await cyn.ask("typing", {"room_id": "nowhere"}))["code"] == "no_such_room"
        assert (await cyn.ask("typing", {}))["ok"] is False
        assert await bob.ask("typing", {"room_id": house.room}) == {"ok": True}
        assert (await heard(ada, "typing"))["name"] == "bob"


def test_only_what_says_so_is_typing() -> None:
    rooms = {"a", "b"}
    assert typed_in('{"type": "typing", "room_id": "A"}', rooms) == "a"
    assert typed_in('{"type": "typing", "room_id": "c"}', rooms) is None
    assert typed_in('{"type": "typing"}', rooms) is None
    assert typed_in('{"type": "typing"}', {"a"}) == "a"
    assert typed_in('{"type": ["typing"]}', {"a"}) is None
    assert typed_in("7", {"a"}) is None


@pytest.mark.system
async def test_whoever_is_removed_is_cut_off(house: House) -> None:
    out = (4403, "no longer in the room")
    room = f"room:{house.room}"
    await house.lounge.say(house.room, "@ada hello")
    run_id = (await house.lounge.look(house.room))["speaking_run_id"]
    async with (
        house.open("ada") as ada,
        house.open("bob") as own,
        house.open("bob", f"events?channels={room}") as channel,
        house.open("bob", f"events?channels={room},agents") as shared,
        house.open("bob", f"runs/{run_id}") as run,
        house.listen("bob") as listener,
        aiohttp.ClientSession(headers=house.headers("bob")) as http,
    ):
        await listener.ask("subscribe", {"channels": [room, "agents"]})
        stream = await http.get(f"http://{house.place}/api/events/stream?channels={room}")
        run_stream = await http.get(f"http://{house.place}/api/runs/{run_id}/stream")
        await house.until_there("ada", "bob")
        await house.remove("bob")
        for socket in (own, channel, run):
            assert await ended(socket) == out
        assert await heard(shared, "unsubscribed") == {"type": "unsubscribed", "channel": room, "reason": out[1]}
        [error] = await listener.hears("error")
        assert error == {"error": "No longer in the room", "room_id": house.room}
        for over in (stream, run_stream):
            await asyncio.wait_for(over.read(), 15)
        await house.until_there("ada")
        while (gone := await heard(ada, "presence"))["gone"] != [house.people["bob"].id]:
            assert gone["gone"] == []
        await house.lounge.ask("POST", f"/api/rooms/{house.room}/members", {"user_id": house.people["bob"].id}, 201)
        await house.lounge.say(house.room, "Back again")
        await said_on_agents(house, shared, listener)


async def said_on_agents(house: House, shared: ClientConnection, listener: Listener) -> None:
    """What was dropped stays so, and what else they follow goes on."""
    made = await house.lounge.ask("POST", "/api/agents", {"definition_slug": "assistant", "name": "Dot"}, 201)
    while (frame := loads(await asyncio.wait_for(shared.recv(), 15)))["agent_id"] != made["id"]:  # type: ignore[index, call-overload]
        assert "Back again" not in str(frame)
    await listener.until(lambda: any(one.get("agent_id") == made["id"] for one in listener.all("event")))
    assert "Back again" not in str(listener.heard)


@pytest.mark.system
async def test_a_room_that_is_deleted(house: House) -> None:
    async with house.open("bob") as own, house.open("bob", f"events?channels=room:{house.room},agents") as shared:
        await heard(own, "presence")
        await heard(shared, "presence")
        await house.lounge.ask("DELETE", f"/api/rooms/{house.room}", status=204)
        assert await ended(own) == (4404, "what was followed is gone")
        assert (await heard(shared, "unsubscribed"))["reason"] == "what was followed is gone"
