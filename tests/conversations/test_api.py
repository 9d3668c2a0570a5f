"""Messages and conversations over HTTP, against an OpenAI-compatible server that is scripted."""

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import journal
from tests.agents.office import Office, open_office
from tests.conversations.talk import all_events, echo, events_about, listed, say, texts_of
from tests.stubs.openai_stub import OpenAIStub


async def test_a_reply_is_stored_before_it_is_returned(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire(instructions="Be brief.", temperature=0.5, max_tokens=99)
        reply = await say(office, ada, "Hello")
        assert reply.keys() == {
            *("message", "response", "agent_id", "agent_name", "status", "conversation_id", "message_id"),
            *("reply_id", "run_id", "models", "usage", "citations", "unknown_citations"),
        }
        assert (reply["message"], reply["response"], reply["agent_name"]) == ("Hello", "2: Hello", "Ada")
        assert (reply["models"], reply["status"]) == (["openai:stub-1"], "active")
        usage = reply["usage"]
        assert isinstance(usage, dict)
        assert (usage["input_tokens"], usage["output_tokens"], usage["model_calls"]) == (12, 7, 1)
        (body,) = stub.calls
        assert texts_of(body) == ["Be brief.", "Hello"]
        assert body["temperature"] == 0.5
        assert 99 in (body.get("max_tokens"), body.get("max_completion_tokens"))
        assert body.get("stream") is not True
        page = await office.get(f"/api/agents/{ada['number']}/messages")
        match page["messages"]:
            case [dict(answer), dict(question)]:
                assert (question["id"], answer["id"]) == (reply["message_id"], reply["reply_id"])
                assert (question["direction"], answer["direction"]) == ("inbound", "outbound")
                assert (question["seq"], answer["seq"]) == (1, 2)
                assert answer["reply_to"] == question["id"]
                assert answer["run_id"] == question["run_id"] == reply["run_id"]
                assert answer["models"] == ["openai:stub-1"]
            case other:
                pytest.fail(f"{other}")
        status = await office.get(f"/api/agents/{ada['id']}/status")
        assert (status["task_count"], status["success_count"], status["success_rate"]) == (1, 1, 1.0)
        assert (status["status"], status["current_run_id"]) == ("active", None)
        assert status["last_active_at"] is not None
        kinds = [entry.kind for entry in await db.read(journal, str(reply["run_id"]))]
        assert kinds == ["begun", "done", "ended"]
        assert await db.read(events_about, str(reply["run_id"])) == [
            *("agent_message", "run_status_changed"),
            *("agent_message", "run_status_changed", "completion"),
        ]
        assert await db.read(all_events, scope) == [
            *("resource_changed", "resource_changed"),
            *("agent_message", "run_status_changed", "agent_status_changed"),
            *("agent_message", "agent_status_changed", "run_status_changed", "completion"),
        ]


async def test_the_standing_conversation_goes_on_and_new_opens_one(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        first = await say(office, ada, "one")
        second = await say(office, ada, "two")
        third = await say(office, ada, "three", conversation_id="new")
        fourth = await say(office, ada, "four", conversation_id=first["conversation_id"])
        fifth = await say(office, ada, "five", conversation_id=third["conversation_id"])
        assert first["conversation_id"] == second["conversation_id"] == fourth["conversation_id"]
        assert third["conversation_id"] == fifth["conversation_id"] != first["conversation_id"]
        said = [reply["response"] for reply in (first, second, third, fourth, fifth)]
        assert said == ["2: one", "4: two", "2: three", "6: four", "4: five"]
        page = await office.get("/api/conversations")
        match page["conversations"]:
            case [dict(newer), dict(older)]:
                assert (newer["title"], newer["is_standing"], newer["last_seq"]) == ("three", False, 4)
                assert (older["title"], older["is_standing"], older["last_seq"]) == ("Ada", True, 6)
                assert older["live_run_id"] is None
            case other:
                pytest.fail(f"{other}")
        assert (await office.get(f"/api/conversations?agent_id={ada['slug']}"))["total"] == 2
        bob = await office.hire("Bob")
        assert (await office.get(f"/api/conversations?agent_id={bob['slug']}"))["total"] == 0
        alien = await office.client.post(
            f"/api/agents/{bob['id']}/message", json={"message": "x", "conversation_id": first["conversation_id"]}
        )
        assert (alien.status_code, alien.json()["code"]) == (409, "not_this_agents")


async def test_messages_are_read_by_cursor_and_filtered(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        reply, *_ = [await say(office, ada, text) for text in ("one", "two", "three")]
        path = f"/api/conversations/{reply['conversation_id']}/messages"
        first = await office.get(f"{path}?limit=4")
        rest = await office.get(f"{path}?after={first['next']}")
        assert (first["next"], rest["next"]) == (4, None)
        seqs = [message["seq"] for page in (first, rest) for message in listed(page)]
        assert seqs == [1, 2, 3, 4, 5, 6]
        mine = await office.get(f"/api/agents/{ada['id']}/messages?direction=outbound&limit=1&skip=1")
        assert mine["total"] == 3
        other = f"/api/agents/{ada['id']}/messages?conversation_id={ada['id']}"
        assert (await office.get(other))["total"] == 0


async def test_a_conversation_is_renamed_and_deleted(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        reply = await say(office, ada, "one")
        path = f"/api/conversations/{reply['conversation_id']}"
        renamed = await office.client.patch(path, json={"title": "On ones"})
        assert (renamed.status_code, renamed.json()["title"]) == (200, "On ones")
        assert await office.get(path) == renamed.json()
        assert (await office.client.patch(path, json={"title": ""})).status_code == 422
        assert (await office.client.delete(path)).status_code == 204
        for answer in (await office.client.get(path), await office.client.delete(path)):
            assert (answer.status_code, answer.json()["detail"]) == (404, "Conversation not found")
        assert (await office.get(f"/api/agents/{ada['id']}/messages"))["total"] == 0
        again = await say(office, ada, "two")
        assert (again["response"], again["conversation_id"] != reply["conversation_id"]) == ("2: two", True)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"message": ""}, 422, "invalid"),
        ({"message": "  "}, 422, "invalid"),
        ({"message": "x", "on_busy": "shout"}, 422, "invalid"),
        ({"message": "x", "colour": "red"}, 422, "invalid"),
        ({"message": "x", "conversation_id": "nothing"}, 404, "no_such_conversation"),
        ({"message": "x", "conversation_id": "0197b9a0-0000-7000-8000-000000000000"}, 404, "no_such_conversation"),
    ],
)
async def test_a_wrong_message_is_a_problem(office: Office, body: JsonObject, status: int, code: str) -> None:
    ada = await office.hire()
    for stream in (False, True):
        answer = await office.client.post(f"/api/agents/{ada['id']}/message", json={**body, "stream": stream})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await office.get("/api/conversations"))["total"] == 0


async def test_unknown_and_core_agents_refuse_a_message(office: Office) -> None:
    for ref, status in (("99", 404), ("nobody", 404), ("1", 503), ("driver", 503)):
        answer = await office.client.post(f"/api/agents/{ref}/message", json={"message": "Hello"})
        assert answer.status_code == status
