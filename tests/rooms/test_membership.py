"""Who is not in a room sees nothing of it, and who is removed is told nothing from that moment on, on every way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from folkmoot.kernel.json import loads
from folkmoot.kernel.scope import Role
from tests.databases import new_scope
from tests.persons import Person, admit, enrol
from tests.realtime.listener import LEFT_OPEN, collected, listening_to
from tests.rooms.lounge import Lounge
from tests.serving import client_of, listening, running, settings_for

__all__ = ["collected"]

pytestmark = [LEFT_OPEN, pytest.mark.system]  # it lives of connections and of the time that passes


@pytest.fixture
async def house(own_database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Lounge, Person, str]]:
    """Ada's room, with Bob, who is a member of the workspace too, and where the application listens."""
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        scope = await app.state.runtime.db.write(new_scope)
        ada, bob = await enrol(app, "ada"), await enrol(app, "bob")
        for person, role in ((ada, Role.OWNER), (bob, Role.OWNER)):
            await admit(app, person, scope.workspace_id, role)
        lounge = Lounge(app, client, scope, headers=ada.by_key)
        await lounge.furnish()
        async with listening(app) as place:
            yield lounge, bob, place


async def frames_to(socket: ClientConnection, marker: str) -> list[dict[str, Any]]:
    """What comes up to the event that names the marker."""
    found = []
    while True:
        frame = loads(await socket.recv())
        assert isinstance(frame, dict)
        found.append(frame)
        if marker in str(frame.get("data")):
            return found


async def test_whoever_is_removed_is_told_nothing_more(house: tuple[Lounge, Person, str]) -> None:
    lounge, bob, place = house
    room = await lounge.open("Ada")
    headers = {**bob.by_key, "X-Workspace-Id": lounge.scope.workspace_id}
    async with connect(f"ws://{place}/ws/events?after=0", additional_headers=headers) as socket:
        await lounge.say(room, "Before he came")
        await lounge.ask("POST", f"/api/rooms/{room}/members", {"user_id": bob.id}, 201)
        await lounge.say(room, "Hello Bob")
        await frames_to(socket, "Hello Bob")
        await lounge.ask("DELETE", f"/api/rooms/{room}/members/{bob.id}", status=204)
        await lounge.say(room, "He is gone, @ada")
        await lounge.quiet(room)
        await lounge.ask("POST", "/api/teams", _team("marker"), 201)
        after = await frames_to(socket, "marker")
        assert [frame for frame in after if frame.get("room_id") == room] == []
    http = f"http://{place}"
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{http}/api/events?after=0&limit=200") as page:
            assert room not in str((await page.json())["events"])
        run_id = (await lounge.log(room))[-1]["run_id"]
        for path in (f"rooms/{room}", f"rooms/{room}/messages", f"runs/{run_id}", f"runs/{run_id}/journal"):
            async with session.get(f"{http}/api/{path}") as answer:
                assert answer.status == 404, path
        async with session.post(f"{http}/api/runs/{run_id}/cancel") as answer:
            assert answer.status == 404
        async with session.get(f"{http}/api/runs?kind=room_reply") as answer:
            assert (await answer.json())["total"] == 0
        async with session.get(f"{http}/api/rooms") as answer:
            assert (await answer.json())["total"] == 0
        async with session.get(f"{http}/api/events/stream?channels=room:{room}") as answer:
            assert answer.status == 404


async def test_a_viewer_reads_and_says_nothing(house: tuple[Lounge, Person, str]) -> None:
    lounge, bob, _ = house
    room = await lounge.open()
    path = f"/api/rooms/{room}"
    await lounge.ask("POST", f"{path}/members", {"user_id": bob.id, "role": "viewer"}, 201)
    said = await lounge.say(room, "Hello")
    mine, lounge.headers = lounge.headers, {**bob.by_key, "X-Workspace-Id": lounge.scope.workspace_id}
    assert [one["content"] for one in await lounge.log(room)] == ["Hello"]
    refused = (
        ("POST", f"{path}/messages", {"content": "Me too"}),
        ("PATCH", path, {"name": "Mine"}),
        ("DELETE", path, None),
        ("POST", f"{path}/stop", None),
        ("DELETE", f"{path}/messages/{said['id']}", None),
        ("POST", f"{path}/members", {"agent_id": "bea"}),
        ("DELETE", f"{path}/members/local", None),
    )
    for method, there, body in refused:
        assert (await lounge.ask(method, there, body, 403))["code"] == "room_role_too_low", there
    await lounge.ask("DELETE", f"{path}/members/{bob.id}", status=204)
    await lounge.ask("GET", path, status=404)
    lounge.headers = mine
    await lounge.ask("DELETE", path, status=204)
    await lounge.ask("GET", path, status=404)


def _team(slug: str) -> dict[str, object]:
    role = {"slug": "worker", "instructions": "You work."}
    return {"slug": slug, "lead": role, "members": [role]}


async def test_a_room_on_its_own_socket_and_on_socketio(house: tuple[Lounge, Person, str]) -> None:
    lounge, bob, place = house
    room = await lounge.open("Ada")
    headers = {**bob.by_key, "X-Workspace-Id": lounge.scope.workspace_id}
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://{place}/ws/rooms/{room}", additional_headers=headers):
            pass
    async with listening_to(place, ("websocket",), headers=headers) as listener:
        assert (await listener.ask("join_room", {"room_id": room}))["code"] == "no_such_room"
        await lounge.ask("POST", f"/api/rooms/{room}/members", {"user_id": bob.id}, 201)
        await lounge.say(room, "First")
        assert (await listener.ask("join_room", {"room_id": room, "after": 0}))["ok"] is True
        async with connect(f"ws://{place}/ws/rooms/{room}?after=0", additional_headers=headers) as socket:
            await lounge.say(room, "Second")
            await frames_to(socket, "Second")
            async with asyncio.timeout(10):
                while len(listener.all("room_message")) < 2:
                    await listener.ask("unsubscribe", {"channels": ["agents"]})
        first, second = map(str, listener.all("room_message"))
        assert "First" in first
        assert "Second" in second
        await lounge.ask("DELETE", f"/api/rooms/{room}/members/{bob.id}", status=204)
        await lounge.say(room, "Third")
        await lounge.ask("POST", "/api/teams", _team("marker"), 201)
        await listener.ask("subscribe", {"channels": ["agents"], "after": 0})
        assert len(listener.all("room_message")) == 2
