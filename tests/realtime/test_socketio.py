"""Socket.IO with its official client: what is said reaches the agent, all hear what comes of it in the log's order."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from folkmoot.db.tx import Tx
from folkmoot.events.facts import WorkflowUpdate
from folkmoot.events.queries import list_events
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.realtime.socketio_protocol import SAID_AS
from tests.databases import new_scope
from tests.realtime.listener import (
    BOTH,
    LEFT_OPEN,
    WEBSOCKET,
    ConnectionRefused,
    Listener,
    collected,
    hire,
    listening_to,
)
from tests.realtime.wire import Wire

__all__ = ["collected"]

pytestmark = [LEFT_OPEN, pytest.mark.system]  # real sockets and clients

UNKNOWN: JsonObject = {"error": "Agent not found"}


class Hall(Wire):
    """A workspace of the test's own, on a real port."""

    def listen(self, transports: Sequence[str] = WEBSOCKET) -> AbstractAsyncContextManager[Listener]:
        return listening_to(self.place, transports, headers={"X-Workspace-Id": self.scope.workspace_id})

    async def note(self, text: str) -> None:
        await self.app.state.runtime.db.write(_note, self.scope, text)

    async def log(self) -> list[JsonObject]:
        events = await self.app.state.runtime.db.read(list_events, self.scope.workspace_id, 0, 10_000)
        return [{"seq": event.seq, "type": event.type, "data": event.data} for event in events]


def _note(tx: Tx, scope: Scope, text: str) -> None:
    tx.emit(scope.workspace_id, WorkflowUpdate(workflow_id="w", status="running", message=text))


@pytest.fixture
def hall(wire: Wire) -> Hall:
    return Hall(wire.app, wire.client, wire.place, wire.scope)


@pytest.mark.parametrize("transports", BOTH)
async def test_a_message_and_its_reply(hall: Hall, transports: tuple[str, ...]) -> None:
    ada = await hire(hall.client)
    names = {"agent_id": ada["number"], "agent_uuid": ada["id"], "agent_name": "Ada"}
    async with hall.listen(transports) as one, hall.listen() as other:
        taken = await one.ask("send_message", {"agent_id": ada["number"], "message": "Hello"})
        assert taken["ok"] is True
        for listener in (one, other):
            await listener.hears("agent_status", 2)
            told = [(name, said) for name, said in listener.heard if name.startswith("agent_")]
            assert [name for name, _ in told] == ["agent_status", "agent_response", "agent_status"]
            assert told[0][1] == {**names, "status": "busy"}
            assert told[2][1] == {**names, "status": "idle"}
            reply = told[1][1]
            assert reply | names == reply
            assert (reply["sender"], reply["run_id"]) == ("Ada", taken["run_id"])
            assert "Hello" in str(reply["message"])
        assert one.client.transport() == transports[0]
        stored = (await hall.client.get(f"/api/conversations/{taken['conversation_id']}/messages")).json()["messages"]
        assert [message["text"] for message in stored] == ["Hello", reply["message"]]


async def test_agents_are_named_by_number_id_and_slug(hall: Hall) -> None:
    ada = await hire(hall.client)
    async with hall.listen() as listener, hall.listen() as other:
        for ref in (ada["number"], str(ada["number"]), ada["id"], ada["slug"]):
            answer = await listener.ask("agent_status_request", {"agent_id": ref})
            assert (answer["ok"], answer["agent_uuid"], answer["status"]) == (True, ada["id"], "idle")
        assert len(await listener.hears("agent_status", 4)) == 4
        assert other.all("agent_status") == []


@pytest.mark.parametrize("name", ["send_message", "agent_status_request"])
async def test_errors_say_the_next_step(hall: Hall, name: str) -> None:
    async with hall.listen() as listener:
        answers = [await listener.ask(name, {"agent_id": ref, "message": "Hi"}) for ref in (1, "driver", 99, new_id())]
        not_yet = {"error": "The core agents are not initialized", "hint": "Call /api/init first"}
        assert listener.all("error") == [not_yet, not_yet, UNKNOWN, UNKNOWN]
        assert answers[0] == {"ok": False, **not_yet, "code": "not_initialized"}
        assert answers[2] == {"ok": False, **UNKNOWN, "code": "no_such_agent"}


REFUSED: tuple[tuple[str, Json, str], ...] = (
    ("send_message", None, "Input should be a valid dictionary"),
    ("send_message", {"agent_id": 4}, "message: Field required"),
    ("send_message", {"agent_id": 4, "message": ""}, "message: String should have at least 1 character"),
    ("send_message", {"agent_id": [], "message": "x"}, "agent_id"),
    ("send_message", {"agent_id": True, "message": "x"}, "agent_id"),
    ("join_room", {"room_id": "any"}, "Room not found"),
    ("subscribe", {"channels": ["room:any"]}, "Room not found"),
    ("subscribe", {"channels": ["nonsense"]}, "A channel is one of"),
    ("subscribe", {"channels": [f"run:{new_id()}"]}, "Run not found"),
    ("subscribe", {"channels": [f"workspace:{new_id()}"]}, "Workspace not found"),
    ("subscribe", {"channels": ["agents"], "after": -1}, "A cursor is"),
    ("subscribe", {"channels": ["all"], "after": 5}, "A cursor is"),
    ("no_such_thing", {}, "There is no such event"),
)


async def test_what_is_refused(hall: Hall) -> None:
    for name, payload, error in REFUSED:
        async with hall.listen() as listener:
            answer = await listener.ask(name, payload)
            assert answer["ok"] is False, name
            assert str(answer["error"]).startswith(error)
            assert [said["error"] for said in listener.all("error")] == [answer["error"]]
            assert (await listener.ask("unsubscribe", {"channels": ["agents"]})) == {"ok": True}, name


async def test_the_agents_of_others_are_unknown(hall: Hall) -> None:
    other: Scope = await hall.app.state.runtime.db.write(new_scope)
    foreign = await hire_in(hall, other)
    async with hall.listen() as listener:
        for name in ("send_message", "agent_status_request"):
            for ref in (foreign["id"], foreign["slug"], foreign["number"]):
                answer = await listener.ask(name, {"agent_id": ref, "message": "Hi"})
                assert answer == {"ok": False, **UNKNOWN, "code": "no_such_agent"}
        assert (await listener.ask("subscribe", {"channels": [f"agent:{foreign['id']}"]}))["error"] == UNKNOWN["error"]
        await hall.client.post(
            f"/api/agents/{foreign['id']}/message",
            json={"message": "Hi"},
            headers={"X-Workspace-Id": other.workspace_id},
        )
        await hall.note("the last")
        await listener.hears("workflow_status")
        assert listener.all("agent_status", "agent_response", "event") == []


async def hire_in(hall: Hall, scope: Scope) -> JsonObject:
    made = await hall.client.post(
        "/api/agents",
        json={"definition_slug": "assistant", "name": "Bob", "config": {}},
        headers={"X-Workspace-Id": scope.workspace_id},
    )
    assert made.status_code == 201, made.text
    found: JsonObject = made.json()
    return found


async def test_a_workflow_update_is_a_note_for_all(hall: Hall) -> None:
    note: JsonObject = {"workflow_id": "w-7", "status": "running", "message": "Half way"}
    async with hall.listen() as one, hall.listen() as other:
        assert await one.ask("workflow_update", note) == {"ok": True}
        for listener in (one, other):
            assert await listener.hears("workflow_status") == [note]
    assert [(event["type"], event["data"]) for event in await hall.log()] == [("workflow_update", note)]


@pytest.mark.system
async def test_the_order_is_the_logs(hall: Hall) -> None:
    agents = [await hire(hall.client, f"Agent {number}") for number in range(4)]
    channel = f"workspace:{hall.scope.workspace_id}"
    async with hall.listen() as one, hall.listen(("polling",)) as other:
        for listener in (one, other):
            await listener.ask("subscribe", {"channels": [channel], "after": 0})
        room = asyncio.Semaphore(16)

        async def say(number: int) -> None:
            async with room:
                address = f"/api/agents/{agents[number % 4]['id']}/message"
                answer = await hall.client.post(address, json={"message": f"{number}", "conversation_id": "new"})
                assert answer.status_code == 200, answer.text

        await asyncio.gather(*map(say, range(100)))
        await hall.note("the last")
        log = await hall.log()
        assert len([event for event in log if event["type"] == "agent_message"]) == 200
        for listener in (one, other):
            await listener.until(lambda heard=listener: log[-1]["seq"] in heard.seqs())  # type: ignore[misc]
            assert listener.seqs() == [event["seq"] for event in log]
            names = ("agent_status", "agent_response", "workflow_status")
            told = [(name, key_of(said)) for name, said in listener.heard if name in names]
            assert told == [expected for event in log if (expected := said_of(event)) is not None]


def key_of(said: JsonObject) -> Json:
    return said.get("status") or said.get("message_id")


def said_of(event: JsonObject) -> tuple[str, Json] | None:
    data = event["data"]
    assert isinstance(data, dict)
    match event["type"]:
        case "agent_status_changed":
            return "agent_status", SAID_AS.get(str(data["status"]), data["status"])
        case "agent_message":
            message = data["message"]
            assert isinstance(message, dict)
            return ("agent_response", message["id"]) if message["direction"] == "outbound" else None
        case "workflow_update":
            return "workflow_status", data["status"]
        case _:
            return None


@pytest.mark.parametrize("transports", BOTH)
@pytest.mark.system
async def test_cut_off_again_and_again_and_nothing_is_lost(hall: Hall, transports: tuple[str, ...]) -> None:
    chance, last, total = random.Random(5), 0, 400
    found: list[int] = []

    async def publish() -> None:
        for number in range(total):
            await hall.note(f"{number}")

    async with asyncio.TaskGroup() as group:
        group.create_task(publish())
        while last < total:
            async with hall.listen(transports) as listener:
                enough = min(last + chance.randint(1, 60), total)
                await listener.ask("subscribe", {"channels": [f"workspace:{hall.scope.workspace_id}"], "after": last})
                [start] = await listener.hears("subscribed")
                assert (start["after"], start["reset"]) == (last, False)
                await listener.until(lambda heard=listener, most=enough: most in heard.seqs())  # type: ignore[misc]
                cut(listener)
                seqs = [seq for seq in listener.seqs() if isinstance(seq, int)]
                assert seqs == list(range(last + 1, last + 1 + len(seqs)))
                found += seqs
                last = found[-1]
    assert found == list(range(1, total + 1))


def cut(listener: Listener) -> None:
    """As a cable that is pulled, where there is one."""
    socket = listener.client.eio.ws
    if socket is not None:
        socket._response.connection.transport.abort()


async def test_subscriptions(hall: Hall) -> None:
    ada, bob = await hire(hall.client), await hire(hall.client, "Bob")
    latest = len(await hall.log())
    async with hall.listen() as listener:
        answer = await listener.ask("subscribe", {"channels": [f"agent:{ada['number']}"], "after": 10**9})
        assert answer["subscribed"] == await listener.hears("subscribed")
        expected = {"after": latest, "oldest": 1, "latest": latest, "reset": True, "type": "subscribed"}
        assert (listener.all("subscribed")[0] | expected) == listener.all("subscribed")[0]
        for agent in (bob, ada):
            await hall.client.post(f"/api/agents/{agent['id']}/deactivate")
        await listener.hears("agent_status", 2)
        [*frames] = await listener.hears("event")
        assert {frame["agent_id"] for frame in frames} == {ada["id"]}
        assert await listener.ask("unsubscribe", {"channels": [f"agent:{ada['number']}"]}) == {"ok": True}
        heard = len(listener.all("event"))
        await hall.client.post(f"/api/agents/{ada['id']}/activate")
        await hall.note("the last")
        await listener.hears("workflow_status")
        assert len(listener.all("event")) == heard


@pytest.mark.usefixtures("watched_closely")
async def test_all_follows_every_workspace_and_those_made_later(hall: Hall) -> None:
    async with hall.listen() as listener:
        answer = await listener.ask("subscribe", {"channels": ["all"], "after": {hall.scope.workspace_id: 0}})
        followed = answer["subscribed"]
        assert isinstance(followed, list)
        assert hall.scope.workspace_id in {said["workspace_id"] for said in followed if isinstance(said, dict)}
        made = await hall.client.post("/api/workspaces", json={"name": "Later", "slug": f"later-{new_id()}"})
        later = Scope(made.json()["id"], "", hall.scope.actor)
        await listener.until(
            lambda: later.workspace_id in {said["workspace_id"] for said in listener.all("subscribed")}
        )
        await hall.app.state.runtime.db.write(_note, later, "elsewhere")
        await listener.until(
            lambda: (
                "elsewhere"
                in {
                    str(frame["data"].get("message"))
                    for frame in listener.all("event")
                    if isinstance(frame["data"], dict)
                }
            )
        )
        assert listener.all("workflow_status") == []


async def test_a_workspace_is_named_in_the_handshake(hall: Hall) -> None:
    id = hall.scope.workspace_id
    for query, auth in ((f"?workspace_id={id}", None), ("", {"workspace_id": id}), (f"?workspace_slug={id}", None)):
        async with listening_to(hall.place, query=query, auth=auth) as listener:  # type: ignore[arg-type]
            assert listener.all("connection_response")[0]["workspace_id"] == id
    for query, auth, code in (
        (f"?workspace_id={new_id()}", None, "no_such_workspace"),
        ("", {"workspace_id": new_id()}, "no_such_workspace"),
        ("?workspace_slug=default", {"workspace_id": id}, "selectors_disagree"),
        ("", {"token": "no ticket"}, "not_authenticated"),
    ):
        listener = Listener()
        with pytest.raises(ConnectionRefused):
            await listener.client.connect(f"http://{hall.place}{query}", auth=auth, transports=["websocket"])
        assert isinstance(listener.refusal, dict)
        assert isinstance(listener.refusal["data"], dict)
        assert listener.refusal["data"]["code"] == code
        await listener.close()


@pytest.mark.system
async def test_nothing_is_left_of_clients_that_have_gone(hall: Hall) -> None:
    for transports in BOTH:
        async with hall.listen(transports) as listener:
            await listener.ask("subscribe", {"channels": ["all"]})
            feeds = [feed.task for feed in hall.app.state.runtime.hub._feeds.values()]
        await asyncio.wait(feeds, timeout=5)
    assert hall.app.state.runtime.hub._feeds == {}
    assert hall.app.state.accounts.sockets == {}
