"""Mailboxes: put, listed, acknowledged in time or not, pruned; each stored before it is told."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.conversations.mailbox import prune
from folkmoot.conversations.tables import Conversation, Message
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from tests.app_fixtures import app, client
from tests.conversations.talk import listed
from tests.databases import new_scope
from tests.serving import client_of, running, settings_for

pytestmark = pytest.mark.system  # the whole room over HTTP, call by call

__all__ = ["app", "client"]


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url


async def hire(client: AsyncClient, name: str, **headers: str) -> JsonObject:
    answer = await client.post(
        "/api/agents", json={"definition_slug": "assistant", "name": name}, headers=headers or None
    )
    assert answer.status_code == 201, answer.text
    made: JsonObject = answer.json()
    return made


async def put(client: AsyncClient, agent: JsonObject, **said: Json) -> JsonObject:
    answer = await client.post(f"/api/agents/{agent['id']}/messages", json={"payload": {}, **said})
    assert answer.status_code == 201, answer.text
    made: JsonObject = answer.json()
    return made


async def box(client: AsyncClient, agent: JsonObject, query: str = "") -> list[JsonObject]:
    answer = await client.get(f"/api/agents/{agent['id']}/messages{query}")
    assert answer.status_code == 200, answer.text
    return listed(answer.json())


async def ack(client: AsyncClient, agent: JsonObject, *messages: JsonObject) -> JsonObject:
    body = {"message_ids": [message["id"] for message in messages]}
    answer = await client.post(f"/api/agents/{agent['id']}/messages/ack", json=body)
    assert answer.status_code == 200, answer.text
    found: JsonObject = answer.json()
    return found


def events(tx: Tx, agent_id: str) -> list[Event]:
    """What was told of the agent's mailbox."""
    found = sa.select(*Event.__table__.columns).where(Event.agent_id == agent_id).order_by(Event.seq)
    return [
        event
        for event in tx.all(Event, found)
        if event.type == "agent_message"
        or (event.type == "agent_activity" and event.data["action"] == "message")
        or event.data.get("resource") == "message"
    ]


async def test_a_message_is_stored_and_told(client: AsyncClient, app: FastAPI) -> None:
    ada = await hire(client, "Ada")
    said = await put(client, ada, direction="inbound", payload={"build": ["green", 7]}, correlation_id="b-7")
    assert (said["direction"], said["payload"], said["correlation_id"]) == ("inbound", {"build": ["green", 7]}, "b-7")
    assert (said["author_kind"], said["author_id"], said["seq"], said["text"]) == ("user", "local", 1, "")
    assert await box(client, ada) == [said]
    message, activity = await app.state.runtime.db.read(events, ada["id"])
    assert (message.type, message.data["message"]) == ("agent_message", said)
    assert (activity.type, activity.data) == (
        "agent_activity",
        {"action": "message", "direction": "inbound", "correlation_id": "b-7"},
    )
    assert (await client.get("/api/conversations")).json()["total"] == 0


async def test_filters(client: AsyncClient) -> None:
    ada = await hire(client, "Ada")
    one = await put(client, ada, direction="inbound", correlation_id="x")
    two = await put(client, ada, direction="outbound", correlation_id="x")
    three = await put(client, ada, direction="system")
    assert (two["author_kind"], two["author_id"]) == ("agent", ada["id"])
    reply = await client.post(f"/api/agents/{ada['id']}/message", json={"message": "Hello"})
    assert reply.status_code == 200
    for query, found in {
        "?direction=system": [three],
        "?correlation_id=x": [two, one],
        "?correlation_id=x&direction=inbound": [one],
        f"?conversation_id={one['conversation_id']}": [three, two, one],
        f"?conversation_id={new_id()}": [],
        "?unacked=true": [three, two, one],
        "?unacked=true&limit=1&skip=1": [two],
    }.items():
        assert await box(client, ada, query) == found, query
    assert len(await box(client, ada)) == 5


async def test_from_agent_to_agent(client: AsyncClient, app: FastAPI) -> None:
    ada, bob = await hire(client, "Ada"), await hire(client, "Bob")
    for ref in (bob["id"], bob["number"], str(bob["number"]), bob["slug"]):
        said = await put(client, ada, to_agent_id=ref, correlation_id="c", payload={"ref": ref})
        assert (said["agent_id"], said["direction"], said["to_agent_id"]) == (ada["id"], "outbound", bob["id"])
    assert said["ack_until"] is None
    heard = (await box(client, bob))[0]
    assert heard["id"] != said["id"]
    assert (heard["direction"], heard["author_kind"], heard["author_id"]) == ("inbound", "agent", ada["id"])
    assert (heard["payload"], heard["correlation_id"], heard["seq"]) == (said["payload"], "c", 4)
    assert (len(await box(client, bob, "?unacked=true")), len(await box(client, ada, "?unacked=true"))) == (4, 0)
    assert [len(await app.state.runtime.db.read(events, agent["id"])) for agent in (ada, bob)] == [8, 8]
    await put(client, bob, to_agent_id=ada["id"])
    assert (await box(client, ada))[0]["author_id"] == bob["id"]


NO_MESSAGES: tuple[JsonObject, ...] = (
    {},
    {"payload": {}},
    {"direction": "inbound"},
    {"direction": "sideways", "payload": {}},
    {"direction": "inbound", "payload": []},
    {"direction": "inbound", "payload": {}, "correlation_id": ""},
    {"direction": "inbound", "payload": {}, "to_agent_id": "bob"},
    {"direction": "inbound", "payload": {}, "more": 1},
    {"direction": "inbound", "payload": {"x": "y" * 300_000}},
    {"payload": {}, "to_agent_id": "ada"},
    {"payload": {}, "to_agent_id": 2**60},
)


async def test_what_is_no_message(client: AsyncClient) -> None:
    ada = await hire(client, "Ada")
    await hire(client, "Bob")
    for body in NO_MESSAGES:
        answer = await client.post("/api/agents/ada/messages", json=body)
        assert answer.status_code == 422, str(body)[:200]
    assert await box(client, ada) == []


async def test_what_is_foreign_is_unknown_and_stores_nothing(client: AsyncClient, app: FastAPI) -> None:
    ada = await hire(client, "Ada")
    other = await app.state.runtime.db.write(new_scope)
    headers = {"X-Workspace-Id": other.workspace_id}
    bob = await hire(client, "Bob", **headers)
    task = (await client.post("/api/tasks", json={"description": "x"}, headers=headers)).json()
    run = (await client.post("/api/runs", json={"task_id": task["id"]}, headers=headers)).json()
    for name, value, unknown in (
        ("task_id", task["id"], "Task"),
        ("run_id", run["id"], "Run"),
        ("to_agent_id", bob["id"], "Agent"),
        ("to_agent_id", bob["slug"], "Agent"),
    ):
        body: JsonObject = {"payload": {}, name: value}
        if name != "to_agent_id":
            body["direction"] = "inbound"
        for given in (value, new_id()):
            answer = await client.post(f"/api/agents/{ada['id']}/messages", json={**body, name: given})
            assert (answer.status_code, answer.json()["detail"]) == (404, f"{unknown} not found")
    assert await box(client, ada) == []


async def test_own_task_and_run_are_kept(client: AsyncClient) -> None:
    ada = await hire(client, "Ada")
    task = (await client.post("/api/tasks", json={"description": "x"})).json()
    run = (await client.post("/api/runs?wait=30", json={"task_id": task["id"]})).json()
    said = await put(client, ada, direction="system", task_id=task["id"].upper(), run_id=run["id"])
    assert (said["task_id"], said["run_id"]) == (task["id"], run["id"])
    told = (await client.get(f"/api/runs/{run['id']}/events")).json()["events"]
    assert told[-1]["event_type"] == "completion"


async def test_acknowledged_once_and_for_all(client: AsyncClient, app: FastAPI) -> None:
    ada, bob = await hire(client, "Ada"), await hire(client, "Bob")
    one, two, three = [await put(client, ada, direction="inbound") for _ in range(3)]
    assert await ack(client, ada, one, two, one) == {"acknowledged": [one["id"], two["id"]], "expired": []}
    assert await box(client, ada, "?unacked=true") == [three]
    acked = {str(message["id"]): message["acked_at"] for message in await box(client, ada)}
    assert (acked[str(three["id"])], acked[str(one["id"])] is None) == (None, False)
    assert await ack(client, ada, one) == {"acknowledged": [one["id"]], "expired": []}
    assert (await box(client, ada))[2]["acked_at"] == acked[str(one["id"])]
    told = [event.data for event in await app.state.runtime.db.read(events, ada["id"])][6:]
    assert [(data["resource"], data["id"], data["change"]) for data in told] == [
        ("message", one["id"], "updated"),
        ("message", two["id"], "updated"),
    ]

    foreign = await put(client, bob, direction="inbound")
    for ids in ([three["id"], foreign["id"]], [three["id"], new_id()], ["x"]):
        refused = await client.post(f"/api/agents/{ada['id']}/messages/ack", json={"message_ids": ids})
        assert (refused.status_code, refused.json()["code"]) == (404, "no_such_message")
    bodies: list[JsonObject] = [{}, {"message_ids": []}, {"message_ids": ["x"] * 201}]
    for body in bodies:
        assert (await client.post(f"/api/agents/{ada['id']}/messages/ack", json=body)).status_code == 422
    sent = await put(client, ada, to_agent_id="bob")
    both: JsonObject = {"message_ids": [three["id"], sent["id"]]}
    refused = await client.post(f"/api/agents/{ada['id']}/messages/ack", json=both)
    assert (refused.status_code, refused.json()["code"]) == (409, "needs_no_acknowledgement")
    assert await box(client, ada, "?unacked=true") == [three]


async def test_too_late_is_expired_and_not_sent_again(client: AsyncClient, app: FastAPI) -> None:
    ada = await hire(client, "Ada")
    late, taken, fresh = [await put(client, ada, direction="inbound") for _ in range(3)]
    assert await ack(client, ada, taken) == {"acknowledged": [taken["id"]], "expired": []}

    def age(tx: Tx) -> None:
        passed = now() - timedelta(seconds=1)
        tx.write(sa.update(Message).where(Message.id.in_([late["id"], taken["id"]])).values(ack_until=passed))

    await app.state.runtime.db.write(age)
    assert await box(client, ada, "?unacked=true") == [fresh]
    answer = await ack(client, ada, late, taken, fresh)
    assert answer == {"acknowledged": [taken["id"], fresh["id"]], "expired": [late["id"]]}
    assert [message["acked_at"] is None for message in await box(client, ada)] == [False, False, True]


async def test_the_window_is_the_setting(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path).model_copy(update={"agent_message_ack_window_seconds": 90})
    async with running(settings) as started, client_of(started) as opened:
        said = await put(opened, await hire(opened, "Ada"), direction="inbound")
    until, made = (datetime.fromisoformat(str(said[name])) for name in ("ack_until", "created_at"))
    assert timedelta(seconds=89) < until - made < timedelta(seconds=91)


async def test_only_the_newest_are_kept(client: AsyncClient, app: FastAPI) -> None:
    ada, bob = await hire(client, "Ada"), await hire(client, "Bob")
    said = [await put(client, ada, direction="inbound", payload={"n": n}) for n in range(7)]
    few = [await put(client, bob, direction="inbound") for _ in range(3)]
    assert (await client.post(f"/api/agents/{ada['id']}/message", json={"message": "Hello"})).status_code == 200
    for _ in range(2):
        await prune(app.state.runtime.db, 3)
        kept = [message for message in await box(client, ada) if message["payload"]]
        assert kept == said[:3:-1]
        assert await box(client, bob) == few[::-1]
    assert len(await box(client, ada)) == 5, "a chat is not pruned"
    assert (await put(client, ada, direction="inbound"))["seq"] == 8


async def test_the_server_prunes_by_itself(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path)
    async with running(settings) as started, client_of(started) as opened:
        ada = await hire(opened, "Ada")
        for _ in range(4):
            await put(opened, ada, direction="inbound")
    stricter = settings.model_copy(update={"agent_message_retention_limit": 2})
    async with running(stricter) as started, client_of(started) as opened, asyncio.timeout(10):
        while len(await box(opened, ada)) > 2:
            pass


async def test_many_at_once_keep_one_order(client: AsyncClient, app: FastAPI) -> None:
    ada, bob = await hire(client, "Ada"), await hire(client, "Bob")
    pairs = [(ada, bob), (bob, ada)] * 20
    await asyncio.gather(*(put(client, one, to_agent_id=other["id"]) for one, other in pairs))
    for agent in (ada, bob):
        seqs = [int(str(message["seq"])) for message in await box(client, agent)]
        assert sorted(seqs) == list(range(1, 41))

    def mailboxes(tx: Tx) -> int:
        return len(tx.all(Conversation, sa.select(Conversation.id).where(Conversation.kind == "mailbox")))

    assert await app.state.runtime.db.read(mailboxes) == 2
