"""Secrets over HTTP: what goes in never comes out."""

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.kernel.scope import Scope
from tests.databases import new_scope
from tests.providers.support import OLD, OWN, vault_of


@pytest.fixture
async def path(app: FastAPI) -> str:
    """The secrets of a workspace of the test's own."""
    scope: Scope = await app.state.runtime.db.write(new_scope)
    return f"/api/workspaces/{scope.workspace_id}/secrets"


async def test_set_listed_replaced_deleted(client: AsyncClient, path: str) -> None:
    made = await client.put(f"{path}/openai_api_key", json={"value": OWN})
    assert (made.status_code, made.json().keys()) == (200, {"name", "key", "created_at", "updated_at"})
    again = await client.put(f"{path}/openai_api_key", json={"value": f"{OWN}-2"})
    other = await client.put(f"{path}/a_webhook", json={"value": "é" * 100})
    listed = await client.get(path)
    assert listed.json() == {"secrets": [other.json(), again.json()], "total": 2, "skip": 0, "limit": 50}
    assert [secret["key"] for secret in listed.json()["secrets"]] == ["current", "current"]
    gone = await client.delete(f"{path}/openai_api_key")
    assert (gone.status_code, gone.content) == (204, b"")
    missing = await client.delete(f"{path}/openai_api_key")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_such_secret")
    for answer in (made, again, listed, gone, missing):
        assert OWN[:10] not in answer.text


REFUSED: list[tuple[str, object]] = [
    ("openai_api_key", {"value": "canary"}),
    ("openai_api_key", {"value": "canary with spaces in it"}),
    ("openai_api_key", {"value": ""}),
    ("webhook", {"value": "canary" * 2000}),
    ("webhook", {"value": "canary\0"}),
    ("webhook", {"value": ["canary"]}),
    ("webhook", {"value": "canary", "canary": 1}),
    ("Webhook", {"value": "canary"}),
    ("web-hook", {"value": "canary"}),
    ("x" * 64, {"value": "canary"}),
]


async def test_what_is_refused_is_not_repeated(client: AsyncClient, path: str) -> None:
    for name, body in REFUSED:
        answer = await client.put(f"{path}/{name}", json=body)
        assert answer.status_code == 422, answer.text
        assert "canary" not in str(answer.json().get("errors")).replace("'body', 'canary'", "")
        assert (await client.get(path)).json()["total"] == 0


async def test_an_agent_may_have_the_models_of_its_workspaces_key(client: AsyncClient, path: str) -> None:
    workspace = {"X-Workspace-Id": path.split("/")[3]}
    wanted = {"definition_slug": "assistant", "config": {"models": ["google:gemini-3.5-flash"]}}
    refused = await client.post("/api/agents", json=wanted, headers=workspace)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_model")
    await client.put(f"{path}/google_api_key", json={"value": OWN})
    assert (await client.post("/api/agents", json=wanted, headers=workspace)).status_code == 201
    assert (await client.post("/api/agents", json=wanted)).status_code == 422


async def test_one_secret_of_an_older_key_is_seen_and_rotated(app: FastAPI, client: AsyncClient, path: str) -> None:
    scope = await app.state.workspaces.find(selector=("id", path.split("/")[3]))
    await vault_of(app.state.runtime.db, OLD).set(scope, "openai_api_key", OWN)
    assert [one["key"] for one in (await client.get(path)).json()["secrets"]] == ["unreadable"]
    done = (await client.post("/api/secrets/rotate")).json()
    left = {"workspace_id": scope.workspace_id, "name": "openai_api_key"}
    assert left in done["unreadable"]
    await client.put(f"{path}/openai_api_key", json={"value": OWN})
    assert left not in (await client.post("/api/secrets/rotate")).json()["unreadable"]
