"""A chat with Ollama as seed 001 makes it, plain and streamed, and what is kept of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject, loads
from folkmoot.usage.tables import UsageRecord
from tests.llm.support import FAST
from tests.serving import client_of, running, settings_for
from tests.stubs.ollama_stub import MODEL, OllamaStub
from tests.stubs.stub import LONG_TEXT, Reply

pytestmark = pytest.mark.system  # the whole room over HTTP, call by call

SAID: JsonObject = {"model": MODEL, "message": "And messages?"}


class Ollama(OllamaStub):
    """Says what a test puts into `reply`."""

    reply = Reply(text=LONG_TEXT)

    def __init__(self) -> None:
        super().__init__(lambda _: self.reply)


@pytest.fixture
async def ollama() -> AsyncIterator[Ollama]:
    async with Ollama() as stub:
        yield stub


@pytest.fixture
async def app(sqlite_url: str, tmp_path: Path, ollama: Ollama) -> AsyncIterator[FastAPI]:
    changes = {"ollama_host": ollama.address}
    async with running(settings_for(sqlite_url, tmp_path).model_copy(update=changes)) as started:
        yield started


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as opened:
        yield opened


@pytest.fixture
async def agent(client: AsyncClient) -> dict[str, Any]:
    return await new_agent(client)


async def new_agent(client: AsyncClient) -> dict[str, Any]:
    answer = await client.post("/api/agents", json={"definition_slug": "assistant", "name": "Ada"})
    found: dict[str, Any] = answer.json()
    return found


def usages(tx: Tx) -> list[tuple[str, str | None, int]]:
    rows = tx.all(UsageRecord, sa.select(*UsageRecord.__table__.columns).order_by(UsageRecord.id))
    return [(row.kind, row.agent_id, row.input_tokens) for row in rows]


async def messages_of(client: AsyncClient, conversation_id: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/api/conversations/{conversation_id}/messages")
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


async def test_the_seeds_call(app: FastAPI, client: AsyncClient, ollama: Ollama) -> None:
    history = [{"role": "user", "content": "Hello", "timestamp": "x"}, {"role": "assistant", "content": "Hi"}]
    body = {**SAID, "agent_id": None, "conversation_history": history, "temperature": 0.2, "max_tokens": 99}
    answer = await client.post("/ollama/chat", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told == {
        "model": MODEL,
        "message": "And messages?",
        "response": LONG_TEXT,
        "citations": [],
        "unknown_citations": [],
        "agent_id": None,
        "conversation_id": None,
        "usage": {"input_tokens": 12, "output_tokens": 7, "cost_usd": "0"},
        "created_at": told["created_at"],
    }
    (sent,) = ollama.calls
    assert sent["messages"] == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "And messages?"},
    ]
    assert sent["options"] == {"num_predict": 99, "temperature": 0.2}
    assert await app.state.runtime.db.read(usages) == [("ollama_chat", None, 12)]


async def test_nulls_mean_the_defaults(client: AsyncClient, ollama: Ollama) -> None:
    for body in (SAID, {**SAID, "temperature": None, "max_tokens": None, "conversation_history": None}):
        assert (await client.post("/api/ollama/chat", json=body)).status_code == 200
    assert [call["options"] for call in ollama.calls] == [
        {"num_predict": 2048, "temperature": 0.7},
        {"num_predict": 2048},
    ]


async def test_with_an_agent_both_messages_are_kept_in_the_standing_conversation(
    app: FastAPI, client: AsyncClient, agent: dict[str, Any]
) -> None:
    first = (await client.post("/api/ollama/chat", json={**SAID, "agent_id": agent["number"]})).json()
    assert first["agent_id"] == agent["id"]
    reply = (await client.post(f"/api/agents/{agent['id']}/message", json={"message": "Hello"})).json()
    again = (await client.post("/api/ollama/chat", json={**SAID, "agent_id": agent["slug"]})).json()
    assert first["conversation_id"] == reply["conversation_id"] == again["conversation_id"]
    said = await messages_of(client, first["conversation_id"])
    assert [(one["seq"], one["direction"]) for one in said] == [
        (number, "inbound" if number % 2 else "outbound") for number in range(1, 7)
    ]
    assert said[1]["text"] == LONG_TEXT
    assert said[1]["reply_to"] == said[0]["id"]
    assert said[1]["models"] == [f"ollama:{MODEL}"]
    assert said[1]["run_id"] is None
    assert next(usage[:2] for usage in await app.state.runtime.db.read(usages)) == ("ollama_chat", agent["id"])


def parts_of(text: str) -> list[tuple[str, Any]]:
    parts = [part.split("\n") for part in text.strip().split("\n\n") if not part.startswith(":")]
    return [(lines[0].removeprefix("event: "), loads(lines[1].removeprefix("data: "))) for lines in parts]


async def test_streamed_it_says_the_same(client: AsyncClient, agent: dict[str, Any]) -> None:
    answer = await client.post("/api/ollama/chat", json={**SAID, "agent_id": agent["id"], "stream": True})
    parts = parts_of(answer.text)
    assert [parts[0][0], parts[-1][0]] == ["started", "done"]
    assert {name for name, _ in parts[1:-1]} == {"delta"}
    assert "".join(data["text"] for name, data in parts if name == "delta") == LONG_TEXT
    done = parts[-1][1]
    assert done["response"] == LONG_TEXT
    said = await messages_of(client, done["conversation_id"])
    assert said[0]["id"] == parts[0][1]["message_id"]
    assert parts[0][1]["run_id"] is None


@pytest.mark.parametrize("stream", [False, True])
async def test_what_refuses_it(client: AsyncClient, ollama: Ollama, agent: dict[str, Any], stream: bool) -> None:
    body = {**SAID, "stream": stream}
    unknown = await client.post("/api/ollama/chat", json={**body, "model": "nobody"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_such_ollama_model")
    nobody = await client.post("/api/ollama/chat", json={**body, "agent_id": "nobody"})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "no_such_agent")
    ollama.reply = Reply(text="half", finish="length")
    cut = await client.post("/api/ollama/chat", json={**body, "agent_id": agent["id"]})
    if not stream:
        assert (cut.status_code, cut.json()["code"]) == (502, "answer_truncated")
    else:
        assert parts_of(cut.text)[-1][0] == "problem"
        assert parts_of(cut.text)[-1][1]["code"] == "answer_truncated"
    assert (await client.get("/api/conversations")).json()["total"] == 0, "what failed is not kept"


async def test_what_failed_is_metered(app: FastAPI, client: AsyncClient, ollama: Ollama) -> None:
    ollama.reply = Reply(text="half", finish="length")
    await client.post("/api/ollama/chat", json=SAID)
    assert await app.state.runtime.db.read(usages) == [("ollama_chat", None, 12)]


@pytest.mark.parametrize("stream", [False, True])
async def test_ollama_is_not_there(sqlite_url: str, tmp_path: Path, stream: bool) -> None:
    async with OllamaStub() as gone:
        changes = {"ollama_host": gone.address}
    settings = settings_for(sqlite_url, tmp_path).model_copy(update=changes)
    async with running(settings) as app, client_of(app) as client:
        app.state.runtime.gateway._limits = FAST
        answers = [
            await client.post("/api/ollama/chat", json={**SAID, "stream": stream}),
            await client.get("/api/ollama/models"),
        ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "ollama_unreachable")
        assert "OLLAMA_HOST" in answer.json()["hint"]
        assert gone.address in answer.json()["detail"]


async def test_chats_and_replies_at_the_same_time_have_each_their_place(
    client: AsyncClient, agent: dict[str, Any]
) -> None:
    path = f"/api/agents/{agent['id']}/message"
    chats = [client.post("/api/ollama/chat", json={**SAID, "agent_id": agent["id"]}) for _ in range(5)]
    replies = [client.post(path, json={"message": "Hello"}) for _ in range(5)]
    answers = await asyncio.gather(*chats, *replies)
    assert {answer.status_code for answer in answers} == {200}
    (conversation,) = {answer.json()["conversation_id"] for answer in answers}
    said = await messages_of(client, conversation)
    assert [one["seq"] for one in said] == list(range(1, 21))


@pytest.mark.postgres
async def test_what_is_kept_on_postgresql(own_postgres_url: str, tmp_path: Path, ollama: Ollama) -> None:
    settings = settings_for(own_postgres_url, tmp_path).model_copy(update={"ollama_host": ollama.address})
    async with running(settings) as app, client_of(app) as client:
        await test_with_an_agent_both_messages_are_kept_in_the_standing_conversation(
            app, client, await new_agent(client)
        )
        await test_chats_and_replies_at_the_same_time_have_each_their_place(client, await new_agent(client))


WRONG: list[JsonObject] = [
    {"temperature": 3},
    {"max_tokens": 0},
    {"max_tokens": 9000},
    {"model": ""},
    {"message": " "},
    {"conversation_history": [{"role": "tool", "content": "x"}]},
    {"conversation_history": [{"role": "user"}]},
    {"agent_id": -1},
    {"options": {}},
]


async def test_what_is_no_chat(client: AsyncClient, ollama: Ollama) -> None:
    for wrong in WRONG:
        answer = await client.post("/api/ollama/chat", json={**SAID, **wrong})
        assert answer.status_code == 422, wrong
    assert ollama.calls == []


async def test_the_model_is_always_ollamas(client: AsyncClient, ollama: Ollama) -> None:
    names = [f"ollama:{MODEL}", "../x", "openai:gpt"]
    answers = [await client.post("/api/ollama/chat", json={**SAID, "model": name}) for name in names]
    assert [answer.status_code for answer in answers] == [200, 404, 404]
    assert [call["model"] for call in ollama.calls] == [MODEL, "../x", "openai:gpt"]
