"""Messages, replies and conversations over HTTP, against an OpenAI-compatible server that is scripted."""

import asyncio

import pytest
import sqlalchemy as sa

from folkmoot.conversations import replies
from folkmoot.conversations.queries import history
from folkmoot.conversations.schemas import NewMessage
from folkmoot.conversations.service import Posted, post_message
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject, loads
from folkmoot.kernel.scope import Scope
from folkmoot.runs.queries import get_run, journal
from folkmoot.runs.service import cancel_run
from tests.agents.office import Office, open_office
from tests.stubs.openai_stub import LONG_TEXT, OpenAIStub, Reply


def echo(body: JsonObject) -> Reply:
    """Answers how many messages it saw and the last of them."""
    messages = body["messages"]
    assert isinstance(messages, list)
    last = messages[-1]
    assert isinstance(last, dict)
    return Reply(text=f"{len(messages)}: {last['content']}")


def texts_of(body: JsonObject) -> list[Json]:
    messages = body["messages"]
    assert isinstance(messages, list)
    return [message["content"] for message in messages if isinstance(message, dict)]


async def say(office: Office, agent: JsonObject, message: str, **more: Json) -> JsonObject:
    answer = await office.client.post(f"/api/agents/{agent['id']}/message", json={"message": message, **more})
    assert answer.status_code == 200, answer.text
    reply: JsonObject = answer.json()
    return reply


def frames(body: str) -> list[tuple[str, Json]]:
    found: list[tuple[str, Json]] = []
    for block in body.strip().split("\n\n"):
        if block.startswith("event: "):
            name, data = block.split("\n", 1)
            found.append((name.removeprefix("event: "), loads(data.removeprefix("data: "))))
    return found


def events_about(tx: Tx, run_id: str) -> list[str]:
    return [row.type for row in tx.all(Event, sa.select(Event.type).where(Event.run_id == run_id).order_by(Event.seq))]


def all_events(tx: Tx, scope: Scope) -> list[str]:
    found = sa.select(Event.type).where(Event.workspace_id == scope.workspace_id).order_by(Event.seq)
    return [row.type for row in tx.all(Event, found)]


async def test_a_reply_is_stored_before_it_is_returned(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire(instructions="Be brief.", temperature=0.5, max_tokens=99)
        reply = await say(office, ada, "Hello")
        assert reply.keys() == {
            *("message", "response", "agent_id", "agent_name", "status", "conversation_id", "message_id"),
            *("reply_id", "run_id", "models", "usage"),
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
            *("agent_message", "agent_status_changed", "run_status_changed"),
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
        seqs = [message["seq"] for page in (first, rest) for message in page["messages"]]  # type: ignore[union-attr,call-overload,index]
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


async def post(office: Office, agent: JsonObject, message: str) -> Posted:
    """Store a question without waiting for its reply."""
    new = NewMessage(message=message)
    return await office.db.write(post_message, office.scope, office.engine, str(agent["id"]), new, new_id())


async def end_of(office: Office, posted: Posted) -> tuple[str, Json]:
    run = await office.engine.wait(office.scope, posted.run_id, 10)
    return run.status, (run.result or {}).get("response")


async def test_messages_at_once_are_replied_to_in_order(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        await say(office, ada, "zero")
        texts = ["one", "two", "three"]
        said = await asyncio.gather(*(say(office, ada, text) for text in texts))
        assert [reply["response"] for reply in said] == ["4: one", "6: two", "8: three"]
        assert texts_of(stub.calls[-1])[-5:] == ["one", "4: one", "two", "6: two", "three"]
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
        assert [message["text"] for message in log["messages"]] == ["one", "two", "three"]  # type: ignore[union-attr,index,call-overload]
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


async def say_anything(office: Office, agent: JsonObject, message: str) -> tuple[int, JsonObject]:
    answer = await office.client.post(f"/api/agents/{agent['id']}/message", json={"message": message})
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=500), "provider_error"),
        (Reply(status=401), "credentials_refused"),
        (Reply(text="cut", finish=None, has_done=False), "answer_cut"),
        (Reply(breaks="reset"), "model_connection_lost"),
        (Reply(status=429, headers={"Retry-After": "90000"}), "rate_limited"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
async def test_a_fault_of_the_provider_is_a_502_and_frees_the_conversation(
    db: Database, scope: Scope, reply: Reply, code: str
) -> None:
    faults = [True]

    def script(body: JsonObject) -> Reply:
        return reply if faults else echo(body)

    async with OpenAIStub(script) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        for stream in (False, True):
            answer = await office.client.post(
                f"/api/agents/{ada['id']}/message", json={"message": "Hello", "stream": stream}
            )
            if stream:
                name, problem = frames(answer.text)[-1]
                assert (answer.status_code, name) == (200, "problem")
                assert isinstance(problem, dict)
            else:
                assert answer.status_code == 502
                problem = answer.json()
            assert (problem["code"], problem["status"]) == (code, 502)
            assert problem["detail"]
            assert len(str(problem["run_id"])) == 36
        faults.clear()
        assert (await say(office, ada, "Again"))["response"] == "2: Hello\n\nHello\n\nAgain"
        status = await office.get(f"/api/agents/{ada['id']}/status")
        assert (status["error_count"], status["success_count"], status["status"]) == (2, 1, "active")
        assert (await office.get(f"/api/agents/{ada['id']}/messages"))["total"] == 4


async def test_a_stream_shows_the_reply_being_written(db: Database, scope: Scope) -> None:
    async with OpenAIStub(chunks=8) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        answer = await office.client.post(f"/api/agents/{ada['id']}/message", json={"message": "Hello", "stream": True})
        assert answer.headers["content-type"].startswith("text/event-stream")
        (first, started), *deltas, (last, done) = frames(answer.text)
        assert (first, last) == ("started", "done")
        assert isinstance(started, dict)
        assert isinstance(done, dict)
        assert started == {name: done[name] for name in ("run_id", "conversation_id", "message_id")}
        assert {name for name, _ in deltas} == {"delta"}
        assert "".join(str(data["text"]) for _, data in deltas if isinstance(data, dict)) == LONG_TEXT
        assert done["response"] == LONG_TEXT
        assert stub.calls[0]["stream"] is True
        assert done.keys() == (await say(office, ada, "Plain")).keys()


async def test_what_a_failed_try_wrote_is_reset(db: Database, scope: Scope) -> None:
    script = [Reply(text="Half an ans", finish=None, has_done=False), Reply(text="Whole")]
    async with OpenAIStub(script) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        answer = await office.client.post(f"/api/agents/{ada['id']}/message", json={"message": "Hello", "stream": True})
        shown = ""
        for name, data in frames(answer.text):
            assert isinstance(data, dict)
            shown = "" if name == "delta_reset" else shown + str(data["text"]) if name == "delta" else shown
        assert shown == "Whole"
        assert "delta_reset" in answer.text


async def test_a_reader_that_leaves_does_not_stop_the_reply(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo, delay_ms=50) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire()
        parts = await replies.stream(office.engine, scope, str(ada["id"]), NewMessage(message="Hello", stream=True))
        started = frames((await anext(parts)).decode())[0][1]
        assert isinstance(started, dict)
        await parts.aclose()
        run = await office.engine.wait(scope, str(started["run_id"]), 10)
        assert run.status == "completed"
        assert (await office.get(f"/api/agents/{ada['id']}/messages"))["total"] == 2


async def test_tools_are_used_and_earlier_text_is_no_part_of_the_reply(db: Database, scope: Scope) -> None:
    script = [
        Reply(text="Let me see", calls=(("look_up", '{"query": "x"}'), ("nothing", "{}"), ("look_up", "{"))),
        Reply(text="It is x"),
    ]
    async with OpenAIStub(script) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire(tools=["look_up", "not_there"])
        answer = await office.client.post(f"/api/agents/{ada['id']}/message", json={"message": "Hello", "stream": True})
        _, done = frames(answer.text)[-1]
        assert isinstance(done, dict)
        assert done["response"] == "It is x"
        names = [name for name, _ in frames(answer.text)]
        assert names.index("delta_reset") < len(names) - 2
        results = texts_of(stub.calls[1])[-3:]
        assert results[0] == f"found x for {ada['id']}"
        assert "no such tool" in str(results[1])
        assert "not a JSON object" in str(results[2])
        usage = done["usage"]
        assert isinstance(usage, dict)
        assert usage["model_calls"] == 2


async def test_endless_tool_calls_are_a_problem(db: Database, scope: Scope) -> None:
    endless = Reply(calls=(("look_up", '{"query": "x"}'),), finish="tool_calls")
    async with OpenAIStub([endless]) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire(tools=["look_up"])
        status, problem = await say_anything(office, ada, "Hello")
        assert (status, problem["code"]) == (502, "turn_limit")
        assert len(stub.calls) == 12


async def test_a_structured_reply_is_checked_against_the_agents_schema(db: Database, scope: Scope) -> None:
    schema: JsonObject = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    script = [Reply(text='{"n": "one"}'), Reply(text='{"n": 1}')]
    async with OpenAIStub(script) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire(output_schema=schema)
        reply = await say(office, ada, "Count")
        assert reply["response"] == '{"n": 1}'
        assert "n: Should be of type integer" in str(stub.calls[1]["messages"])
        messages = (await office.get(f"/api/agents/{ada['id']}/messages?direction=outbound"))["messages"]
        assert isinstance(messages, list)
        assert isinstance(messages[0], dict)
        assert messages[0]["payload"] == {"output": {"n": 1}}


async def test_history_is_bounded_and_comes_turn_by_turn(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        ada = await office.hire(history_limit=3)
        reply: JsonObject = {}
        for number in range(5):
            reply = await say(office, ada, f"q{number}")
        assert texts_of(stub.calls[-1])[1:] == ["q3", "4: q3", "q4"]
        conversation_id = str(reply["conversation_id"])
        early = await db.read(history, conversation_id, 3, 50)
        assert [row.text for row in early] == ["q0", "2: q0", "q1"]
        only = await db.read(history, conversation_id, 3, 0)
        assert [row.text for row in only] == ["q1"]


async def test_the_practice_model_replies_too(office: Office) -> None:
    ada = await office.hire()
    reply = await say(office, ada, "What is a folkmoot?")
    assert reply["models"] == ["practice:practice"]
    assert reply["response"]
