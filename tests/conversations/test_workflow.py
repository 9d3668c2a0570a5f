"""How a reply is made and seen being made: streams, tools, forms, history, and what providers do wrong."""

from dataclasses import replace
from typing import cast

import pytest

from folkmoot.conversations import replies
from folkmoot.conversations.material import Heard, read_material
from folkmoot.conversations.prompt import Said
from folkmoot.conversations.queries import history
from folkmoot.conversations.schemas import NewMessage
from folkmoot.conversations.service import Question
from folkmoot.conversations.workflow import ReplyExecutor
from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.service import add_document
from folkmoot.runs import moves
from folkmoot.runs.journal import Call, Entry
from folkmoot.runs.live import LiveCall
from folkmoot.runs.queries import RUN_COLUMNS, find_run_row
from tests.agents.office import Office, open_office
from tests.conversations.talk import echo, frames, say, say_anything, texts_of
from tests.stubs.openai_stub import LONG_TEXT, OpenAIStub, Reply


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
        question = Question(agent_ref=str(ada["id"]), new=NewMessage(message="Hello", stream=True))
        parts = await replies.stream(office.engine, scope, question)
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


async def test_tags_narrow_what_an_agent_may_search(db: Database, scope: Scope) -> None:
    documents = {}
    for tag in ("law", "la", 'la"w', "%"):
        new = NewDocument(title=tag, text=f"About {tag}.", tags=[tag, "all"])
        documents[tag] = (await add_document(db, scope, new))[0].id
    script = [
        Reply(calls=(("look_up", '{"query": "x"}'),), finish="tool_calls"),
        Reply(text="Done"),
    ]
    for tags, found in (
        (["law"], documents["law"]),
        (["%", "la"], f"{documents['%']}, {documents['la']}"),
        (["none"], ""),
    ):
        async with OpenAIStub(script) as stub, open_office(db, scope, stub.base_url) as office:
            ada = await office.hire(tools=["look_up"], knowledge_tags=[*tags])
            await say(office, ada, "Hello")
            assert texts_of(stub.calls[1])[-1] == f"found x for {ada['id']} among {found}"


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


async def test_a_first_call_asks_the_same_whether_its_question_was_heard_or_is_read(
    db: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process, or this one after a crash, has heard nothing."""
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        executor = cast(ReplyExecutor, office.engine.executor("reply"))
        for name in ("heard", "read"):
            ada = await office.hire()
            for text in ("One", "Two", "Three"):
                await say(office, ada, text)
            monkeypatch.setattr(Heard, "keep", lambda *_: None)
            assert len(executor.heard) == 0, name
        heard, read = stub.calls[:3], stub.calls[3:]
        assert [call["messages"] for call in heard] == [call["messages"] for call in read]


async def test_what_was_heard_for_a_run_that_goes_on_later_is_read_again(db: Database, scope: Scope) -> None:
    async with OpenAIStub(echo) as stub, open_office(db, scope, stub.base_url) as office:
        executor = cast(ReplyExecutor, office.engine.executor("reply"))
        ada = await office.hire()
        first = await say(office, ada, "One")
        run = await db.read(find_run_row, str(first["run_id"]))
        assert run is not None
        asked: JsonObject = {**run.input}
        material = await db.read(read_material, scope, asked)
        assert material is not None
        executor.heard.keep(run.id, replace(material, said=[Said(is_agent=False, text="What it was then")]))
        state = executor.procedure.begin(Entry(1, run.created_at, "begun", "begun", {"input": asked}))
        later = moves.row_of({column.key: getattr(run, column.key) for column in RUN_COLUMNS} | {"is_resumed": True})
        (call,) = state.turn.wanted()
        assert isinstance(call, Call)
        await executor.perform(later, state, call, LiveCall(office.engine.live, run.id, call.key, None))
        assert "What it was then" not in str(stub.calls[-1])
        assert len(executor.heard) == 0


async def test_the_practice_model_replies_too(office: Office) -> None:
    ada = await office.hire()
    reply = await say(office, ada, "What is a folkmoot?")
    assert reply["models"] == ["practice:practice"]
    assert reply["response"]
