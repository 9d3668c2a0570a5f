"""The catalogue of models and the call that tries one, over HTTP and with stubs of three providers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient
from pydantic import SecretStr

from folkmoot.db.tx import Tx
from folkmoot.providers.catalogue import ModelCatalogue
from folkmoot.usage.tables import UsageRecord
from tests.contract.wires import KEY
from tests.serving import client_of, running, settings_for
from tests.stubs import gemini_stub, ollama_stub, openai_stub
from tests.stubs.gemini_stub import GeminiStub
from tests.stubs.ollama_stub import OllamaStub
from tests.stubs.openai_stub import OpenAIStub
from tests.stubs.stub import Reply

pytestmark = pytest.mark.system  # all wires and all their faults

OWN = "AIzaSy-key-of-the-workspace-0123456789"


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiStub]:
    async with GeminiStub([Reply(text="Yes.")]) as stub:
        yield stub


@pytest.fixture
async def app(sqlite_url: str, tmp_path: Path, gemini: GeminiStub) -> AsyncIterator[FastAPI]:
    """With three providers, of which OpenAI's server is down."""
    async with OpenAIStub() as gone, OllamaStub([Reply(text="Yes.")]) as ollama:
        changes = {
            "default_model": f"gemini:{gemini_stub.MODEL}",
            "embedding_model": "ollama:embed-stub:latest",
            "google_api_key": SecretStr(KEY),
            "google_base_url": gemini.base_url,
            "ollama_host": ollama.address,
            "openai_base_url": gone.base_url,
        }
        await gone.__aexit__()
        async with running(settings_for(sqlite_url, tmp_path).model_copy(update=changes)) as started:
            yield started


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as opened:
        yield opened


async def test_every_model_of_every_provider_and_what_is_wrong_with_one(client: AsyncClient) -> None:
    page = (await client.get("/api/models")).json()
    assert page["default_model"] == f"google:{gemini_stub.MODEL}"
    assert page["embedding_model"] == "ollama:embed-stub:latest"
    named = {model["name"]: model for model in page["models"]}
    assert list(named) == [
        "google:gemini-embedding-stub",
        f"google:{gemini_stub.MODEL}",
        "ollama:embed-stub:latest",
        f"ollama:{ollama_stub.MODEL}",
        "practice:practice",
    ]
    default = named[page["default_model"]]
    assert default["is_default"]
    assert default["abilities"] == ["chat", "structured_output", "tools", "thinking"]
    assert default["context_tokens"] == 1_048_576
    assert named["ollama:embed-stub:latest"]["is_embedding_default"]
    providers = {provider["name"]: provider for provider in page["providers"]}
    assert {name: provider["status"] for name, provider in providers.items()} == {
        "openai": "failed",
        "google": "ok",
        "ollama": "ok",
        "practice": "ok",
    }
    assert providers["openai"]["error"]["code"] == "model_unreachable"
    assert KEY not in str(page)


async def test_the_list_is_filtered_and_paged(client: AsyncClient) -> None:
    page = (await client.get("/api/models", params={"provider": "google", "ability": "chat"})).json()
    assert [model["name"] for model in page["models"]] == [f"google:{gemini_stub.MODEL}"]
    page = (await client.get("/api/models", params={"skip": 1, "limit": 2})).json()
    assert (len(page["models"]), page["total"], page["skip"], page["limit"]) == (2, 5, 1, 2)


async def test_providers_are_asked_once_a_minute(app: FastAPI, client: AsyncClient) -> None:
    first, second = [(await client.get("/api/models")).json()["providers"] for _ in range(2)]
    assert [one["asked_at"] for one in first] == [one["asked_at"] for one in second]
    app.state.catalogue = ModelCatalogue(app.state.runtime.gateway)
    third = (await client.get("/api/models")).json()["providers"]
    assert first[1]["asked_at"] < third[1]["asked_at"]


async def test_a_workspace_with_a_key_of_its_own_is_told_what_that_opens(
    client: AsyncClient, gemini: GeminiStub
) -> None:
    workspace = (await client.get("/api/workspaces")).json()["workspaces"][0]["id"]
    await client.get("/api/models")
    path = f"/api/workspaces/{workspace}/secrets/google_api_key"
    assert (await client.put(path, json={"value": OWN})).status_code == 200
    providers = (await client.get("/api/models")).json()["providers"]
    assert [one["has_own_key"] for one in providers if one["name"] == "google"] == [True]
    tested = (await client.post("/api/models/test", json={})).json()
    assert tested["ok"]
    assert gemini.headers[-1]["x-goog-api-key"] == OWN


def usages(tx: Tx) -> list[tuple[str, str, int]]:
    rows = tx.all(UsageRecord, sa.select(*UsageRecord.__table__.columns).order_by(UsageRecord.id))
    return [(row.kind, f"{row.provider}:{row.model}", row.input_tokens) for row in rows]


async def test_one_call_is_timed_and_metered(app: FastAPI, client: AsyncClient, gemini: GeminiStub) -> None:
    tested = (await client.post("/api/models/test", json={"message": "Are you there?"})).json()
    assert tested["ok"]
    assert tested["model"] == f"google:{gemini_stub.MODEL}"
    assert tested["response"] == "Yes."
    assert tested["latency_seconds"] > 0
    assert tested["usage"]["input_tokens"] == 12
    assert tested["error"] is None
    vector = (await client.post("/api/models/test", json={"ability": "embeddings"})).json()
    assert (vector["ok"], vector["dimensions"], vector["model"]) == (True, 64, "ollama:embed-stub:latest")
    assert await app.state.runtime.db.read(usages) == [
        ("model_test", f"google:{gemini_stub.MODEL}", 12),
        ("model_test", "ollama:embed-stub:latest", 1),
    ]
    assert len(gemini.calls) == 1


async def test_a_model_that_does_not_answer_says_why_after_one_call(client: AsyncClient) -> None:
    tested = (await client.post("/api/models/test", json={"model": f"openai:{openai_stub.MODEL}"})).json()
    assert not tested["ok"]
    assert tested["error"]["code"] == "model_unreachable"
    assert tested["error"]["retryable"]
    assert tested["response"] is None
    tested = (await client.post("/api/models/test", json={"model": "ollama:nobody"})).json()
    assert tested["error"]["code"] == "model_not_found"


async def test_what_cannot_be_asked(client: AsyncClient) -> None:
    wrong = [
        ({"model": "nobody:x"}, "unknown_model"),
        ({"model": "practice", "ability": "embeddings"}, "no_embeddings"),
        ({"model": ""}, "invalid"),
        ({"message": "x" * 5000}, "invalid"),
    ]
    for body, code in wrong:
        answer = await client.post("/api/models/test", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_what_ollama_has(client: AsyncClient) -> None:
    for path in ("/api/ollama/models", "/ollama/models", "/api/v1/ollama/models/"):
        answer = await client.get(path)
        assert answer.status_code == 200
    assert answer.json()["models"][1] == {
        "name": ollama_stub.MODEL,
        "size": 2_019_393_189,
        "modified_at": "2026-11-02T10:00:00.000000000+01:00",
        "details": {"family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"},
    }
