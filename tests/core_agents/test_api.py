"""The core agents over HTTP: seed 004's calls as they are written there, and what else may be asked of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient
from pydantic import SecretStr

from folkmoot.agents.tables import AgentInstance
from folkmoot.agents.upkeep import expire
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from tests.core_agents.stage import Cast
from tests.serving import client_of, running, settings_for
from tests.stubs.openai_stub import OpenAIStub, Reply

pytestmark = pytest.mark.system  # the whole room over HTTP, call by call

PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "instance", "timestamp", "request_id", "error"}
DEVELOPER: JsonObject = {
    "role": "Python Developer",
    "capabilities": ["coding", "testing"],
    "reason": "Need to implement REST API",
}


class Caller:
    def __init__(self, app: FastAPI, client: AsyncClient) -> None:
        self.app, self.client = app, client

    async def __call__(self, method: str, path: str, body: JsonObject | None = None, status: int = 200) -> Any:
        answer = await self.client.request(method, path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def agents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self("GET", "/api/agents"))["agents"]
        return found


@pytest.fixture
async def api(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Caller]:
    async with running(settings_for(sqlite_url, tmp_path)) as app, client_of(app) as client:
        yield Caller(app, client)


class Spoken:
    """The application with a scripted model behind it."""

    def __init__(self, url: str, folder: Path) -> None:
        self._settings = settings_for(url, folder)

    def by(self, base_url: str, **more: object) -> Any:
        given = {"default_model": "openai:stub-1", "openai_api_key": SecretStr("key"), "openai_base_url": base_url}
        return running(self._settings.model_copy(update={**given, **more}))


@pytest.fixture
def spoken(sqlite_url: str, tmp_path: Path) -> Spoken:
    return Spoken(sqlite_url, tmp_path)


async def test_before_init_they_are_not_there_and_say_what_to_do(api: Caller) -> None:
    state = await api("GET", "/api/status")
    assert state == {"api": "running", "agents_initialized": False, "database": "connected"}
    asked: list[tuple[str, str, JsonObject | None]] = [
        *(("GET", f"/api/agents/{ref}", None) for ref in ("1", "2", "3", "driver", "creator", "generator")),
        ("POST", "/api/agents/1/message", {"message": "Hello"}),
        ("POST", "/api/agents/task", {"task": "Hello"}),
        ("POST", "/api/agents/create", DEVELOPER),
    ]
    for method, path, body in asked:
        refused = await api(method, path, body, 503)
        assert refused["hint"] == "Call /api/init first", path
        assert refused.keys() >= PROBLEM_KEYS
    assert await api.agents() == []


async def test_the_calls_of_the_source_document_in_order(api: Caller) -> None:
    made = await api("POST", "/api/init")
    assert made["status"] == "initialized"
    assert made["agents"] == {"driver": "initialized", "creator": "initialized", "generator": "initialized"}
    agents = await api.agents()
    shown = [(one["number"], one["name"], one["type"], one["status"]) for one in agents]
    assert shown == [
        (1, "Driver", "driver", "idle"),
        (2, "Creator", "creator", "idle"),
        (3, "Generator", "generator", "idle"),
    ]
    assert (await api("GET", "/api/status"))["agents_initialized"] is True
    again = await api("POST", "/api/init")
    assert again["status"] == "already_initialized"
    assert [one["id"] for one in await api.agents()] == [one["id"] for one in agents]

    reply = await api("POST", "/api/agents/1/message", {"message": "Help me create a REST API in Python"})
    assert reply["agent_name"] == "Driver"
    assert reply["response"]
    task = await api("POST", "/api/agents/task", {"task": "Research the best Python web frameworks"})
    assert (task["success"], task["agent"]) == (True, "Driver")
    assert task["workflow_id"] == task["run_id"]
    run = await api("GET", f"/api/runs/{task['run_id']}")
    assert (run["kind"], run["status"]) == ("operator", "completed")
    made = await api("POST", "/api/agents/create", DEVELOPER, 201)
    agent = made["agent"]
    assert agent.keys() == {"id", "number", "name", "role", "type", "status", "description"}
    assert (agent["number"], agent["type"], agent["role"]) == (4, "dynamic", "Python Developer")
    assert made["spec_source"] == "llm"
    status = await api("GET", "/api/agents/1/status")
    assert (status["agent_name"], status["status"]) == ("Driver", "idle")
    messages = (await api("GET", "/api/agents/1/messages?limit=10"))["messages"]
    assert [said["direction"] for said in messages] == ["outbound", "inbound"]


async def test_what_is_delegated_is_a_run_of_the_other_agent(api: Caller) -> None:
    await api("POST", "/api/init")
    task = await api("POST", "/api/agents/task", {"task": "What happens to a run after a crash?", "context": {"a": 1}})
    runs = (await api("GET", "/api/runs"))["runs"]
    child = next(run for run in runs if run["kind"] == "task")
    assert child["parent_run_id"] == task["run_id"]
    output = child["results"]["output"]
    assert output.keys() == {"topic", "sources", "summary", "citations"}
    assert output["citations"]
    creator = await api("GET", "/api/agents/creator/status")
    assert (creator["task_count"], creator["success_count"]) == (1, 1)


async def test_a_core_agent_stays_as_it_is(api: Caller) -> None:
    await api("POST", "/api/init")
    assert (await api("DELETE", "/api/agents/1", status=409))["code"] == "core_agent"
    for verb in ("clone", "export"):
        assert (await api("POST", f"/api/agents/driver/{verb}", {}, 409))["code"] == "core_agent_is_one"
    definitions = (await api("GET", "/api/agents/definitions"))["definitions"]
    assert {one["slug"] for one in definitions} == {"assistant", "builder", "reviewer", "test"}
    await api("POST", "/api/agents", {"definition_slug": "driver"}, 404)
    await api("PATCH", "/api/agents/1", {"config": {"temperature": 0.1}})
    await api("POST", "/api/init")
    assert (await api("GET", "/api/agents/1"))["config"]["temperature"] == 0.1


async def test_a_model_that_fails_is_never_a_success(spoken: Spoken) -> None:
    async with (
        OpenAIStub([Reply(status=401, text="no such key")]) as stub,
        spoken.by(stub.base_url) as app,
        client_of(app) as client,
    ):
        api = Caller(app, client)
        await api("POST", "/api/init")
        failed = await api("POST", "/api/agents/task", {"task": "Anything"}, 502)
        made = await api("POST", "/api/agents/create", DEVELOPER, 201)
    assert (failed["success"], failed["agent"], failed["code"]) == (False, "Driver", "operator_failed")
    assert failed["workflow_id"] == failed["run_id"]
    assert made["spec_source"] == "template", "an agent is made without a model too"


async def test_a_question_is_answered_202_with_its_approval_and_goes_on(spoken: Spoken) -> None:
    async with OpenAIStub(Cast()) as stub, spoken.by(stub.base_url) as app, client_of(app) as client:
        api = Caller(app, client)
        await api("POST", "/api/init")
        headers = {"Idempotency-Key": "once"}
        answer = await client.post("/api/agents/task", json={"task": "Paint the wall"}, headers=headers)
        assert answer.status_code == 202, answer.text
        pending = answer.json()
        assert (pending["status"], pending["waiting_for"]) == ("awaiting_approval", "person")
        (asked,) = pending["approvals"]
        assert (asked["question"], asked["subject"]) == ("Which colour?", "question")
        assert answer.headers["Location"] == f"/api/runs/{pending['run_id']}"
        decision: JsonObject = {"decision": "approve", "feedback": "red"}
        await api("POST", f"/api/approvals/{asked['id']}/resolve", decision)
        again = await client.post("/api/agents/task", json={"task": "Paint the wall"}, headers=headers)
    assert again.status_code == 200
    assert (again.json()["run_id"], again.json()["success"]) == (pending["run_id"], True)


async def test_a_citation_of_what_was_not_retrieved_is_sent_back_once_and_then_left_out(spoken: Spoken) -> None:
    foreign = "01a1ff5a-d95b-7011-915e-da0b178569c3"
    text = (
        '{"topic": "Crashes", "sources": ["Made up"], '
        f'"summary": "All goes on [{foreign}].", "citations": ["{foreign}", "nonsense"]}}'
    )
    async with OpenAIStub([Reply(text=text)]) as stub, spoken.by(stub.base_url) as app, client_of(app) as client:
        api = Caller(app, client)
        await api("POST", "/api/init")
        reply = await api("POST", "/api/agents/creator/message", {"message": "What holds after a crash?"})
        prompts = [str(body["messages"]) for body in stub.calls]
    assert len(prompts) == 2, "one repair"
    assert "<passage id=" in prompts[0]
    assert "were not retrieved" in prompts[1]
    assert reply["response"] == "All goes on."


async def test_a_spec_that_asks_for_more_than_it_may_is_repaired_once_then_the_template(spoken: Spoken) -> None:
    greedy = (
        '{"name": "Greedy", "role": "Greedy", "capabilities": ["all"], "tools": ["rm_rf"], '
        '"system_prompt": "You take whatever you can get."}'
    )
    async with OpenAIStub([Reply(text=greedy)]) as stub, spoken.by(stub.base_url) as app, client_of(app) as client:
        api = Caller(app, client)
        await api("POST", "/api/init")
        made = await api("POST", "/api/agents/create", {**DEVELOPER, "name": "Grace"}, 201)
        agent = await api("GET", f"/api/agents/{made['agent']['id']}")
        assert len(stub.calls) == 2
    assert made["spec_source"] == "template"
    assert (agent["name"], agent["slug"], agent["config"]["tools"]) == ("Grace", "grace", [])
    assert agent["capabilities"] == ["coding", "testing"]
    origin = agent["origin"]
    assert (origin["reason"], origin["by"]["kind"]) == ("Need to implement REST API", "user")
    assert len(origin["prompt_sha256"]) == 64


async def test_the_cap_holds_for_designed_and_cloned_agents(spoken: Spoken) -> None:
    async with (
        OpenAIStub(Cast()) as stub,
        spoken.by(stub.base_url, agent_max_concurrency=2) as app,
        client_of(app) as client,
    ):
        api = Caller(app, client)
        await api("POST", "/api/init")
        first = (await api("POST", "/api/agents/create", DEVELOPER, 201))["agent"]
        second = await api("POST", f"/api/agents/{first['id']}/clone", None, 201)
        assert (await api("POST", "/api/agents/create", DEVELOPER, 409))["code"] == "too_many_agents"
        assert (await api("POST", f"/api/agents/{first['id']}/clone", {}, 409))["code"] == "too_many_agents"
        assert len(await api.agents()) == 5, "core agents are not counted"
        assert second["origin"]["of"] == first["id"]
        assert (second["role"], second["config"]) == (
            first["role"],
            (await api("GET", f"/api/agents/{first['id']}"))["config"],
        )


async def test_a_designed_agent_survives_a_restart_answers_and_ends_in_time(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(sqlite_url, tmp_path)
    async with running(settings) as app, client_of(app) as client:
        api = Caller(app, client)
        await api("POST", "/api/init")
        made = (await api("POST", "/api/agents/create", {**DEVELOPER, "ttl_seconds": 3600}, 201))["agent"]
        await app.state.runtime.db.write(_let_time_pass, made["id"])
        kept = (await api("POST", "/api/agents/create", DEVELOPER, 201))["agent"]
    async with running(settings) as app, client_of(app) as client:
        api = Caller(app, client)
        reply = await api("POST", f"/api/agents/{kept['number']}/message", {"message": "Hello"})
        assert reply["agent_name"] == kept["name"]
        await expire(app.state.lifecycle)
        assert [one["id"] for one in await api.agents()][3:] == [kept["id"]]
        await api("DELETE", f"/api/agents/{kept['id']}", status=204)
        assert len(await api.agents()) == 3


def _let_time_pass(tx: Tx, agent_id: str) -> None:
    tx.write(sa.update(AgentInstance).where(AgentInstance.id == agent_id).values(ttl_at=now()))


async def test_an_agent_is_exported_as_a_definition_and_others_are_made_of_it(api: Caller) -> None:
    await api("POST", "/api/init")
    agent = (await api("POST", "/api/agents/create", DEVELOPER, 201))["agent"]
    definition = await api("POST", f"/api/agents/{agent['id']}/export", {"slug": "developer"}, 201)
    assert (definition["slug"], definition["agent_type"]) == ("developer", "dynamic")
    again = await api("POST", f"/api/agents/{agent['id']}/export", {"slug": "developer", "name": "Dev"}, 201)
    assert (again["id"], again["name"]) == (definition["id"], "Dev")
    other = await api("POST", "/api/agents", {"definition_slug": "developer", "name": "Second"}, 201)
    assert other["config"] == (await api("GET", f"/api/agents/{agent['id']}"))["config"]
    assert other["capabilities"] == ["coding", "testing"]
    in_use = await api("DELETE", f"/api/agents/definitions/{definition['id']}", status=409)
    assert in_use["code"] == "definition_in_use"
    taken = await api("POST", f"/api/agents/{other['id']}/export", {"slug": "developer"}, 409)
    assert taken["code"] == "definition_exists"
    await api("POST", f"/api/agents/{other['id']}/export", {"slug": "create"}, 422)
    await api("DELETE", f"/api/agents/{other['id']}", status=204)
    await api("DELETE", f"/api/agents/definitions/{definition['id']}", status=204)
    await api("DELETE", f"/api/agents/definitions/{definition['id']}", status=404)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("task", {}),
        ("task", {"task": ""}),
        ("task", {"task": "x", "surprise": 1}),
        ("create", {**DEVELOPER, "capabilities": []}),
        ("create", {**DEVELOPER, "role": " "}),
        ("create", {**DEVELOPER, "ttl_seconds": 0}),
        ("create", {"role": "x", "capabilities": ["y"]}),
    ],
)
async def test_what_cannot_be_asked_for(api: Caller, path: str, body: JsonObject) -> None:
    await api("POST", f"/api/agents/{path}", body, 422)
