"""Socket.IO lets in whom REST lets in, for as long, and takes no more than it says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from aiohttp import ClientSession
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from folkmoot.db.tx import Tx
from folkmoot.events.facts import WorkflowUpdate
from folkmoot.kernel.json import JsonObject, dumps, loads
from folkmoot.kernel.scope import Role, Scope
from folkmoot.realtime.limits import SocketRules
from tests.databases import new_scope
from tests.persons import Person, admit, enrol
from tests.realtime.listener import (
    BOTH,
    LEFT_OPEN,
    ConnectionRefused,
    Listener,
    collected,
    hire,
    listening_to,
)
from tests.realtime.wire import ended
from tests.serving import client_of, listening
from tests.system.server import until

__all__ = ["collected"]

pytestmark = [LEFT_OPEN, pytest.mark.system]  # it lives of connections and of the time that passes

SOCKET = "/socket.io/?EIO=4&transport=websocket"
POLL = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """A user ends local mode for the whole database."""
    return own_database_url


@pytest.fixture
async def place(app: FastAPI) -> AsyncIterator[str]:
    async with listening(app) as place:
        yield place


@pytest.fixture
async def here(app: FastAPI) -> Scope:
    scope: Scope = await app.state.runtime.db.write(new_scope)
    return scope


@pytest.fixture
async def ada(app: FastAPI, here: Scope) -> Person:
    """A member of one workspace."""
    person = await enrol(app, "ada")
    await admit(app, person, here.workspace_id, Role.MEMBER)
    return person


async def ticket_of(app: FastAPI, person: Person) -> str:
    async with client_of(app) as client:
        made = await client.post("/api/socket-tickets", headers=person.by_session)
    return str(made.json()["ticket"])


@pytest.mark.parametrize("transports", BOTH)
async def test_strangers_stay_outside(place: str, ada: Person, transports: tuple[str, ...]) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": "folkmoot_access=nonsense"}):
        listener = Listener()
        with pytest.raises(ConnectionRefused):
            await listener.client.connect(f"http://{place}", headers=headers, transports=[*transports])
        await listener.close()
    async with ClientSession() as session, session.get(f"http://{place}{POLL}") as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("transports", BOTH)
async def test_sessions_keys_and_tickets_let_in(
    app: FastAPI, place: str, here: Scope, ada: Person, transports: tuple[str, ...]
) -> None:
    for headers in (ada.by_session, ada.by_key):
        async with listening_to(place, transports, headers=headers) as listener:
            assert listener.all("connection_response")[0]["workspace_id"] == here.workspace_id
    query = f"?ticket={await ticket_of(app, ada)}"
    async with listening_to(place, transports, query=query) as listener:
        assert (await listener.ask("subscribe", {"channels": ["agents"]}))["ok"] is True
    again = Listener()
    with pytest.raises(ConnectionRefused):
        await again.client.connect(f"http://{place}{query}", transports=[*transports])
    await again.close()


async def test_a_ticket_is_good_for_both_transports_of_one_session(app: FastAPI, place: str, ada: Person) -> None:
    query = f"?ticket={await ticket_of(app, ada)}"
    async with listening_to(place, ("polling", "websocket"), query=query) as listener:
        assert listener.client.transport() == "websocket"
        assert (await listener.ask("subscribe", {"channels": ["agents"]}))["ok"] is True


async def test_pages_of_others(app: FastAPI, place: str, ada: Person) -> None:
    cookie = {"Cookie": f"folkmoot_access={ada.token}"}
    own, evil = {**cookie, "Origin": f"http://{place}"}, {**cookie, "Origin": "https://evil.example"}
    async with ClientSession() as session:
        for headers, status in ((own, 200), (evil, 403)):
            async with session.get(f"http://{place}{POLL}", headers=headers) as answer:
                assert answer.status == status
                opened = await answer.text()
            if status == 200:
                id = str(_object(opened[1:])["sid"])
        for headers, status in ((evil, 403), (cookie, 403), (own, 200)):
            async with session.post(f"http://{place}{POLL}&sid={id}", headers=headers, data="40") as answer:
                assert answer.status == status


def _object(text: str) -> JsonObject:
    found = loads(text)
    assert isinstance(found, dict)
    return found


async def test_the_session_of_somebody_else_is_unknown(app: FastAPI, place: str, ada: Person) -> None:
    bob = await enrol(app, "bob")
    async with ClientSession() as session:
        async with session.get(f"http://{place}{POLL}", headers=ada.by_session) as answer:
            id = _object((await answer.text())[1:])["sid"]
        answers = []
        for sid, person in ((id, bob), ("unknown", bob), (id, ada)):
            address = f"http://{place}{POLL}&sid={sid}"
            async with session.post(address, headers=person.by_session, data="40") as answer:
                answers.append((answer.status, await answer.text()))
        assert [status for status, _ in answers] == [400, 400, 200]
        assert [_object(text)["code"] for status, text in answers if status == 400] == ["unknown_session"] * 2


@pytest.mark.parametrize("transports", BOTH)
async def test_viewers_hear_and_say_nothing(
    app: FastAPI, place: str, here: Scope, ada: Person, transports: tuple[str, ...]
) -> None:
    eve = await enrol(app, "eve")
    await admit(app, eve, here.workspace_id, Role.VIEWER)
    async with client_of(app) as client:
        client.headers.update(ada.by_session)
        agent = await hire(client)
    async with (
        listening_to(place, headers=ada.by_session) as one,
        listening_to(place, transports, headers=eve.by_session) as other,
    ):
        for name in ("send_message", "workflow_update"):
            payload: JsonObject = {"agent_id": 4, "workflow_id": "w", "status": "s", "message": "Hi"}
            assert (await other.ask(name, payload))["code"] == "role_too_low"
        assert (await other.ask("agent_status_request", {"agent_id": 4}))["ok"] is True
        assert (await other.ask("subscribe", {"channels": ["agents"]}))["ok"] is True
        assert (await one.ask("send_message", {"agent_id": agent["number"], "message": "Hi"}))["ok"] is True
        [response] = await other.hears("agent_response")
        assert response["agent_id"] == agent["number"]


@pytest.mark.parametrize("transports", BOTH)
async def test_logging_out_cuts_within_a_second(
    app: FastAPI, place: str, ada: Person, transports: tuple[str, ...]
) -> None:
    async with listening_to(place, transports, headers=ada.by_session) as listener, client_of(app) as client:
        await client.post("/api/logout", headers=ada.by_session)
        out_at = monotonic()
        await asyncio.wait_for(listener.gone.wait(), 5)
        assert monotonic() - out_at < 1.5  # 1 s on a machine that has nothing else to do
        assert listener.all("error") == [{"error": "No longer logged in"}]


async def test_who_does_not_read_is_cut_off_as_well(app: FastAPI, place: str, here: Scope, ada: Person) -> None:
    socket = await connect(f"ws://{place}{SOCKET}", additional_headers=ada.by_session, max_queue=1)
    await socket.recv()
    await socket.send("40")
    while "connection_response" not in str(await socket.recv()):
        continue
    await socket.send(f'42["subscribe",{{"channels":["workspace:{here.workspace_id}"]}}]')
    assert [caller.actor.id for caller in app.state.accounts.sockets.values()] == [ada.id]
    for _ in range(20):
        await app.state.runtime.db.write(_shout, here.workspace_id)
    async with client_of(app) as client:
        await client.post("/api/logout", headers=ada.by_session)
    await until(lambda: not app.state.accounts.sockets and app.state.figures.current_connections == 0, 3)
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.recv()


def _shout(tx: Tx, workspace_id: str) -> None:
    for _ in range(50):
        tx.emit(workspace_id, WorkflowUpdate(workflow_id="w", status="loud", message="x" * 15_000))


@pytest.mark.usefixtures("watched_closely")
async def test_who_is_removed_is_cut_off(app: FastAPI, place: str, here: Scope, ada: Person) -> None:
    owner = await enrol(app, "owner")
    await admit(app, owner, here.workspace_id, Role.OWNER)
    async with listening_to(place, headers=ada.by_session) as listener, client_of(app) as client:
        address = f"/api/workspaces/{here.workspace_id}/members/{ada.id}"
        assert (await client.delete(address, headers=owner.by_session)).is_success
        await asyncio.wait_for(listener.gone.wait(), 5)
        assert listener.all("error") == [{"error": "No longer a member of the workspace"}]


@pytest.mark.usefixtures("watched_closely")
async def test_another_workspace_that_is_lost_ends_only_its_channels(
    app: FastAPI, place: str, here: Scope, ada: Person
) -> None:
    there: Scope = await app.state.runtime.db.write(new_scope)
    await admit(app, ada, there.workspace_id, Role.VIEWER)
    owner = await enrol(app, "owner")
    await admit(app, owner, there.workspace_id, Role.OWNER)
    async with listening_to(place, headers=ada.by_session, query=f"?workspace_id={here.workspace_id}") as listener:
        assert (await listener.ask("subscribe", {"channels": [f"workspace:{there.workspace_id}"]}))["ok"] is True
        async with client_of(app) as client:
            address = f"/api/workspaces/{there.workspace_id}/members/{ada.id}"
            assert (await client.delete(address, headers=owner.by_session)).is_success
        [told] = await listener.hears("error")
        assert told["workspace_id"] == there.workspace_id
        assert (await listener.ask("subscribe", {"channels": ["agents"]}))["ok"] is True


async def opened(place: str) -> ClientConnection:
    """A bare socket in local mode, connected."""
    socket = await connect(f"ws://{place}{SOCKET}")
    assert str(await socket.recv()).startswith("0{")
    await socket.send("40")
    assert str(await socket.recv()).startswith("40{")
    return socket


NO_PACKETS: tuple[str | bytes, ...] = (
    *("", "x", "0", "4", "7", "42", "42{}", "42[]", "42[1]", "42[[]]", '42["a"', "43[]", "451-[]", "44{}", "2"),
    *('42/other,["send_message"]', "4" + "[" * 5000, "42" + "[" * 5000, '42["a",NaN]', "40{", b"bytes", b"\xff"),
)


async def test_what_is_no_packet(place: str) -> None:
    ends = {}
    for sent in NO_PACKETS:
        socket = await opened(place)
        await socket.send(sent)
        ends[sent] = await ended(socket)
    assert ends == dict.fromkeys(NO_PACKETS, (4400, "the message cannot be understood"))


async def test_too_much(app: FastAPI, place: str) -> None:
    app.state.socket_rules = SocketRules(messages=5, message_bytes=1000)
    socket = await opened(place)
    for _ in range(5):
        await socket.send('42["unsubscribe",{"channels":["agents"]}]')
    assert await ended(socket) == (4429, "too many messages")
    socket = await opened(place)
    await socket.send(f'42["{"x" * 1000}"]')
    assert (await ended(socket))[0] == 1009
    async with ClientSession() as session:
        async with session.get(f"http://{place}{POLL}") as answer:
            address = f"http://{place}{POLL}&sid={_object((await answer.text())[1:])['sid']}"
        async with session.post(address, data="x" * 1001) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "the message is too large")


async def test_whoever_does_not_connect_is_let_go(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("folkmoot.realtime.socketio_reception.PATIENCE_SECONDS", 0.1)
    socket = await connect(f"ws://{place}{SOCKET}")
    assert (await ended(socket))[0] == 4408


async def test_a_server_that_stops_lets_clients_come_back(app: FastAPI, place: str) -> None:
    socket = await opened(place)
    app.state.runtime.hub.close()
    assert (await ended(socket))[0] == 1001
    with pytest.raises(ConnectionClosed):
        await socket.recv()


async def test_the_librarys_own_events_are_not_for_clients(place: str) -> None:
    for name in ("connect", "disconnect", "connect_error", "*"):
        socket = await opened(place)
        await socket.send(f"42{dumps([name, {}])}")
        assert (await ended(socket))[0] == 4400, name
