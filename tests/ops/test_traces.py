"""Traces: nothing without a collector; with one, requests, runs, calls of models and uses of tools, without content."""

import subprocess
import sys
from pathlib import Path

import pytest
from httpx2 import AsyncClient
from pydantic import SecretStr

from folkmoot.kernel import telemetry
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.settings import Settings, WrongSetting
from folkmoot.kernel.telemetry import headers_of, open_tracer
from folkmoot.kernel.tracing import OFF
from tests.serving import client_of, running, settings_for
from tests.stubs.collector_stub import CollectorStub
from tests.stubs.openai_stub import OpenAIStub, Reply

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
KEY = "sk-a-key-that-nobody-may-see"
QUESTION = "What is the sum of my secret figures?"
SCRIPT = (Reply(calls=(("calculate", '{"expression": "40 + 2"}'),)), Reply(text="It is forty-two."))


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url


def traced(url: str, folder: Path, collector: CollectorStub, model: OpenAIStub, **more: object) -> Settings:
    telling = {
        "default_model": "openai:stub-1",
        "openai_api_key": SecretStr(KEY),
        "openai_base_url": model.base_url,
        "otel_exporter_otlp_endpoint": collector.address,
        "otel_exporter_otlp_headers": SecretStr("Authorization=Bearer%20token-of-the-collector"),
    }
    return settings_for(url, folder).model_copy(update={**telling, **more})


async def ask(client: AsyncClient, question: str = QUESTION) -> JsonObject:
    """A question to an agent that has a calculator, as a part of its caller's trace."""
    config = {"tools": ["calculate"]}
    agent = (await client.post("/api/agents", json={"definition_slug": "assistant", "config": config})).json()
    answer = await client.post(
        f"/agents/{agent['id']}/message",
        json={"message": question},
        headers={"traceparent": f"00-{TRACE}-{CALLER}-01", "X-Request-Id": "mine"},
    )
    assert answer.status_code == 200, answer.text
    return {"agent_id": agent["id"], "response": answer.json()["response"]}


async def test_a_request_and_all_that_follows_from_it_are_one_trace(database_url: str, tmp_path: Path) -> None:
    async with CollectorStub() as collector, OpenAIStub(SCRIPT) as model:
        async with running(traced(database_url, tmp_path, collector, model)) as app, client_of(app) as client:
            asked = await ask(client)
        request = collector.named("POST /api/agents/{agent_id}/message")
        run, tool = collector.named("invoke_agent"), collector.named("execute_tool calculate")
        first, second = (span for span in collector.spans if span.name == "chat stub-1")
    assert {span.trace_id for span in (request, run, tool, first, second)} == {TRACE}
    assert request.parent_id == CALLER
    assert run.parent_id == request.span_id
    assert {tool.parent_id, first.parent_id, second.parent_id} == {run.span_id}
    assert (request.kind, run.kind, first.kind) == (2, 1, 3)
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["folkmoot.request.id"] == run.attributes["folkmoot.request.id"] == "mine"
    assert run.attributes["gen_ai.agent.id"] == asked["agent_id"]
    assert run.attributes["folkmoot.run.status"] == "completed"
    assert tool.attributes["gen_ai.tool.name"] == "calculate"
    assert tool.attributes["folkmoot.run.id"] == first.attributes["folkmoot.run.id"]
    told = {name: value for name, value in second.attributes.items() if name.startswith("gen_ai.")}
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "stub-1",
        "gen_ai.request.max_tokens": 4096,
        "gen_ai.output.type": "text",
        "gen_ai.response.model": "stub-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 0,
    }
    assert request.resource["service.name"] == "folkmoot"
    assert collector.headers[0]["authorization"] == "Bearer token-of-the-collector"
    for secret in (KEY, QUESTION, "forty-two", "40 + 2", "token-of-the-collector", "Assistant"):
        assert secret.encode() not in collector.raw


async def test_content_is_told_where_that_is_wanted_and_secrets_never(database_url: str, tmp_path: Path) -> None:
    wanted = {"otel_instrumentation_genai_capture_message_content": True}
    async with CollectorStub() as collector, OpenAIStub(SCRIPT) as model:
        settings = traced(database_url, tmp_path, collector, model, **wanted)
        async with running(settings) as app, client_of(app) as client:
            await ask(client, f"{QUESTION} I once found {KEY}")
        tool = collector.named("execute_tool calculate")
        _, second = (span for span in collector.spans if span.name == "chat stub-1")
    assert tool.attributes["gen_ai.tool.call.arguments"] == '{"expression":"40 + 2"}'
    assert "42" in str(tool.attributes["gen_ai.tool.call.result"])
    assert QUESTION in str(second.attributes["gen_ai.input.messages"])
    assert '"finish_reason":"stop"' in str(second.attributes["gen_ai.output.messages"])
    assert "gen_ai.system_instructions" in second.attributes
    assert "[hidden]" in str(second.attributes["gen_ai.input.messages"])
    assert KEY.encode() not in collector.raw


async def test_a_run_that_fails_is_a_span_that_failed(database_url: str, tmp_path: Path) -> None:
    refusal = (Reply(status=401, text="No such key"),)
    async with CollectorStub() as collector, OpenAIStub(refusal) as model:
        async with running(traced(database_url, tmp_path, collector, model)) as app, client_of(app) as client:
            agent = (await client.post("/api/agents", json={"definition_slug": "assistant"})).json()
            await client.post(f"/api/agents/{agent['id']}/message", json={"message": "Hello"})
        chat, run = collector.named("chat stub-1"), collector.named("invoke_agent")
    assert chat.is_error
    assert run.is_error
    assert chat.attributes["error.type"] == run.attributes["error.type"] == "credentials_refused"


async def test_a_team_is_a_workflow_of_several_agents(database_url: str, tmp_path: Path) -> None:
    given = {"default_model": "practice"}
    async with CollectorStub() as collector, OpenAIStub() as model:
        settings = traced(database_url, tmp_path, collector, model, **given)
        async with running(settings) as app, client_of(app) as client:
            task = (await client.post("/api/tasks", json={"description": "Plan a small party"})).json()
            ended = await client.post("/api/runs?wait=30", json={"task_id": task["id"]})
            assert ended.json()["status"] == "completed", ended.text
        workflow = next(span for span in collector.spans if span.name == "invoke_workflow team")
        agents = [span for span in collector.spans if span.name.startswith("invoke_agent ")]
        request = collector.named("POST /api/runs")
    assert workflow.parent_id == request.span_id
    assert workflow.attributes["folkmoot.request.id"] == request.attributes["folkmoot.request.id"]
    assert agents
    assert {span.parent_id for span in agents} == {workflow.span_id}
    assert all(span.attributes["gen_ai.agent.name"] for span in agents)


@pytest.mark.system
def test_without_a_collector_nothing_is_loaded() -> None:
    code = (
        "import sys, folkmoot.app; from folkmoot.kernel.settings import Settings; "
        "app = folkmoot.app.create_app(Settings(_env_file=None)); assert not app.state.tracer.is_on; "
        "sys.exit(any(name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PATH": ""}, timeout=60).returncode == 0


def test_a_collector_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_NEEDED", "opentelemetry.exporter.nothing.of.this.name")
    with pytest.raises(WrongSetting, match=r"OTEL_EXPORTER_OTLP_ENDPOINT.*folkmoot\[telemetry\]"):
        open_tracer(Settings(_env_file=None, otel_exporter_otlp_endpoint="http://localhost:4318"), "1")
    assert open_tracer(Settings(_env_file=None), "1") is OFF


def test_headers_are_as_opentelemetry_writes_them() -> None:
    assert headers_of("a=1, Api-Key=x%3Dy,") == {"a": "1", "api-key": "x=y"}
    with pytest.raises(WrongSetting, match="OTEL_EXPORTER_OTLP_HEADERS"):
        headers_of("nothing")
