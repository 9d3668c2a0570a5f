"""Every spelling of a path has one home."""

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.http.paths import KEPT, canonical


@pytest.mark.parametrize(
    ("spelled", "home"),
    [
        ("/agents", "/api/agents"),
        ("/agents/", "/api/agents"),
        ("/api/agents", "/api/agents"),
        ("/api/agents/", "/api/agents"),
        ("/api/v1/agents", "/api/agents"),
        ("/api/v1/login/access-token/", "/api/login/access-token"),
        ("/api/v1", "/api"),
        ("/api", "/api"),
        ("/", "/"),
        ("//", "/"),
        ("/apiary", "/api/apiary"),
        ("/docsy", "/api/docsy"),
        ("/docs/", "/docs"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v10", "/api/v10"),
        ("/ws/runs/1/", "/ws/runs/1"),
    ],
)
def test_canonical(spelled: str, home: str) -> None:
    assert canonical(spelled) == home
    assert canonical(home) == home


@pytest.mark.parametrize("kept", KEPT)
def test_kept(kept: str) -> None:
    assert canonical(kept) == kept
    assert canonical(kept + "/x") == kept + "/x"


SPELLINGS = ["/health", "/health/", "/api/health", "/api/health/", "/api/v1/health", "/api/v1/health/"]


async def test_all_spellings_answer_without_a_redirect(client: AsyncClient) -> None:
    for path in SPELLINGS:
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.json()["status"] == "healthy"


async def test_a_route_that_was_added_is_reached_as_it_is_spelled(app: FastAPI, client: AsyncClient) -> None:
    @app.get("/agents/{agent_id}/boat")
    async def boat(agent_id: str) -> str:
        return agent_id

    @app.get("/agents")
    async def agents() -> str:
        return "mine"

    assert (await client.get("/agents/1/boat")).json() == "1"
    assert (await client.get("/agents")).json() == "mine"
    assert "agents" in (await client.get("/api/agents")).json()
    assert (await client.post("/agents", json={})).status_code == 422
