"""One live reply per conversation: what comes meanwhile waits in order, through cancels and crashes."""

import asyncio

import pytest
import sqlalchemy as sa

from folkmoot.agents.tables import AgentInstance
from folkmoot.db.database import Database
from folkmoot.events.queries import list_events
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import get_run
from folkmoot.runs.service import cancel_run
from tests.agents.office import Office, open_office
from tests.conversations.talk import echo, end_of, frames, listed, post, say, say_anything, texts_of
from tests.stubs.openai_stub import OpenAIStub, Reply


async def test_messages_at_once_are_replied_to_in_order(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        await say(office, ada, "zero")
        texts = ["one", "two", "three"]
        said = await asyncio.gather(*(say(office, ada, text) for text in texts))
        replies = sorted(str(reply["response"]) for reply in said)
        first, second, third = (reply.split(": ")[1] for reply in replies)
        assert {first, second, third} == set(texts), "in the order in which they came, which is nobody's to say"
        assert replies == [f"4: {first}", f"6: {second}", f"8: {third}"]
        assert texts_of(stub.calls[-1])[-5:] == [first, replies[0], second, replies[1], third]
        status = await office.get(f"/api/agents/{ada['id']}/status")
        assert (status["status"], status["success_count"]) == ("active", 4)
        conversation = await office.get(f"/api/conversations/{said[0]['conversation_id']}")
        assert (conversation["live_run_id"], conversation["last_seq"]) == (None, 8)


async def test_a_second_message_is_stored_at_once_and_waits(db: Database, scope: Scope) -> None:
    called = asyncio.Event()

    def script(body: JsonObject) -> Reply:
        is_first = not called.is_set()
        called.set()
        return Reply(breaks="hang_before") if is_first else echo(body)

    async with OpenAIStub(script) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        one, two, three = [await post(office, ada, text) for text in ("one", "two", "three")]
        await called.wait()
        runs = [await db.read(get_run, scope, posted.run_id) for posted in (one, two, three)]
        assert [(run.status, run.waiting_for) for run in runs] == [
            ("running", None),
            ("pending", "conversation"),
            ("pending", "conversation"),
        ]
        log = await office.get(f"/api/conversations/{one.conversation_id}/messages")
        assert [message["text"] for message in listed(log)] == ["one", "two", "three"]
        shown = await office.get(f"/api/agents/{ada['id']}/status")
        assert (shown["status"], shown["current_run_id"]) == ("busy", one.run_id)
        assert (await office.get("/api/agents?status=busy"))["total"] == 1

        body: JsonObject = {"message": "four", "on_busy": "reject"}
        refused = await office.client.post(f"/api/agents/{ada['id']}/message", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "conversation_busy")
        assert refused.json()["run_id"] == one.run_id
        kept = await office.client.delete(f"/api/conversations/{one.conversation_id}")
        assert (kept.status_code, kept.json()["code"]) == (409, "conversation_busy")

        await cancel_run(office.engine, scope, two.run_id)
        assert (await db.read(get_run, scope, three.run_id)).waiting_for == "conversation"
        await cancel_run(office.engine, scope, one.run_id)
        assert await end_of(office, three) == ("completed", "2: one\n\ntwo\n\nthree")
        assert [await end_of(office, posted) for posted in (one, two)] == [("cancelled", None)] * 2
        shown = await office.get(f"/api/agents/{ada['id']}/status")
        assert (shown["status"], shown["task_count"], shown["error_count"]) == ("active", 3, 0)
        assert (await say(office, ada, "five", on_busy="reject"))["response"]


async def test_a_cancelled_reply_is_a_conflict(db: Database, scope: Scope) -> None:
    called = asyncio.Event()

    def script(body: JsonObject) -> Reply:
        called.set()
        return Reply(breaks="hang_before")

    async with OpenAIStub(script) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        asked = asyncio.ensure_future(say_anything(office, ada, "one"))
        await called.wait()
        shown = await office.get(f"/api/agents/{ada['id']}/status")
        await cancel_run(office.engine, scope, str(shown["current_run_id"]))
        status, problem = await asked
        assert (status, problem["code"], problem["run_id"]) == (409, "reply_cancelled", shown["current_run_id"])
        told = [event.data for event in await db.read(list_events, scope.workspace_id, 0, 100)]
        [_, free] = [data["view"] for data in told if data.get("resource") == "conversation"]
        assert isinstance(free, dict)
        assert free == await office.get(f"/api/conversations/{free['id']}"), "nothing was said, and yet it is free"
        assert free["live_run_id"] is None


async def test_replies_survive_a_crash(db: Database, scope: Scope) -> None:
    called = asyncio.Event()

    def script(body: JsonObject) -> Reply:
        is_first = not called.is_set()
        called.set()
        return Reply(breaks="hang_before") if is_first else echo(body)

    async with OpenAIStub(script) as stub:
        async with open_office(db, scope, stub.base_url) as office:
            ada = await office.hire()
            one, two = [await post(office, ada, text) for text in ("one", "two")]
            await called.wait()
            office.engine.drivers.clear()  # nothing is handed back
            await office.engine.supervisor.stop()
        async with open_office(db, scope, stub.base_url) as office:
            assert await end_of(office, one) == ("completed", "2: one")
            assert await end_of(office, two) == ("completed", "4: two")
            shown = await office.get(f"/api/agents/{ada['id']}/status")
            assert (shown["status"], shown["success_count"]) == ("active", 2)


async def test_one_idempotency_key_is_one_reply(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        path, key = f"/api/agents/{ada['id']}/message", {"Idempotency-Key": "once"}
        for body in ({"message": "Hello"}, {"message": "Hello", "stream": True}):
            first = await office.client.post(path, json=body, headers=key)
            again = await office.client.post(path, json=body, headers=key)
            if "stream" in body:
                ends = [frames(answer.text) for answer in (first, again)]
                assert ends[0][0] == ends[1][0]
                assert ends[0][-1] == ends[1][-1]
            else:
                assert first.json() == again.json()
            other = await office.client.post(path, json={**body, "message": "Else"}, headers=key)
            assert (other.status_code, other.json()["code"]) == (409, "key_reused")
            key = {"Idempotency-Key": "twice"}
        assert len(stub.calls) == 2


async def test_a_full_server_asks_to_come_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await office.hire()
    monkeypatch.setattr("folkmoot.runs.engine.LIVE_HERE", 0)
    answer = await office.client.post(f"/api/agents/{ada['id']}/message", json={"message": "Hello"})
    assert (answer.status_code, answer.json()["code"]) == (503, "too_many_live_replies")
    assert answer.headers["retry-after"] == "1"
    assert (await office.get("/api/conversations"))["total"] == 0


async def test_an_agent_that_is_offline_takes_no_message(office: Office) -> None:
    ada = await office.hire()
    stop = sa.update(AgentInstance).values(status="offline")
    await office.db.write(lambda tx: tx.write(stop.where(AgentInstance.id == ada["id"])))
    status, problem = await say_anything(office, ada, "Hello")
    assert (status, problem["code"]) == (409, "agent_offline")
    assert (await office.get(f"/api/agents/{ada['id']}"))["status"] == "offline"
