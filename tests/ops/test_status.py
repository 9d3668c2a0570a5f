"""/system/status: the figures of all agents and of the server, as they are."""

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from tests.serving import client_of


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url


async def test_agents_count_what_they_have_done(app: FastAPI, client: AsyncClient) -> None:
    agent = (await client.post("/api/agents", json={"definition_slug": "assistant", "name": "Ada"})).json()
    idle = (await client.post("/api/agents", json={"definition_slug": "assistant"})).json()
    for _ in range(2):
        done = await client.post(f"/api/agents/{agent['id']}/execute", json={"operation": "say hello"})
        assert done.status_code in (200, 202), done.text
    await client.post(f"/api/agents/{agent['id']}/message", json={"message": "Hello"})
    status = (await client.get("/system/status")).json()
    assert status["system_status"] == "operational"
    told = status["agents"][agent["id"]]
    assert (told["agent_name"], told["capabilities"]) == ("Ada", agent["capabilities"])
    assert told["task_count"] == told["success_count"] + told["error_count"] > 0
    assert told["success_rate"] == told["success_count"] / told["task_count"]
    assert told["avg_task_duration"] >= 0
    assert told["last_active_at"] is not None
    assert status["agents"][idle["id"]]["task_count"] == 0
    assert status["agents"][agent["id"]] == (await client.get(f"/agents/{agent['id']}/status")).json()


async def test_core_agents_are_among_them(client: AsyncClient) -> None:
    assert (await client.post("/api/init")).status_code in (200, 201)
    status = (await client.get("/system/status")).json()
    listed = (await client.get("/api/agents")).json()
    assert {agent["id"] for agent in listed["agents"]} == status["agents"].keys()
    assert {"driver", "creator", "generator"} <= {agent["agent_type"] for agent in status["agents"].values()}


async def test_the_server_counts_its_requests(app: FastAPI, client: AsyncClient) -> None:
    before = (await client.get("/system/status")).json()["api_metrics"]

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError

    async with client_of(app) as another:
        assert (await another.get("/fails")).status_code == 500
        await another.get("/health")
    after = (await client.get("/system/status")).json()["api_metrics"]
    assert after["total_requests"] - before["total_requests"] == 3
    assert after["error_count"] - before["error_count"] == 1
    assert (after["current_connections"], after["peak_concurrent_connections"]) == (1, 1)
    assert 0 < after["avg_response_time"] < 60
