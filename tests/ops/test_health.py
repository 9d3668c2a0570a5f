"""Health is cheap, readiness is honest, status tells everything."""

from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot import __version__
from folkmoot.db.lanes import DatabaseUnavailable


async def test_health_and_live(client: AsyncClient) -> None:
    for path in ("/health", "/health/live"):
        told = (await client.get(path)).json()
        assert (told["status"], told["service"], told["version"]) == ("healthy", "folkmoot", __version__)
        assert told["timestamp"].endswith("Z")


async def test_ready(client: AsyncClient) -> None:
    told = (await client.get("/health/ready")).json()
    assert told["status"] == "ready"
    assert {part["name"]: part["ok"] for part in told["dependencies"]} == {"database": True, "engine": True}


async def test_not_ready_while_shutting_down(app: FastAPI, client: AsyncClient) -> None:
    app.state.runtime.hub.close()
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["failed"]) == (503, ["engine"])
    assert (await client.get("/health")).status_code == 200


async def test_not_ready_without_database(app: FastAPI, client: AsyncClient) -> None:
    runtime = app.state.runtime
    ping = runtime.db.ping

    async def fail() -> None:
        raise DatabaseUnavailable

    runtime.db.ping = fail
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["failed"]) == (503, ["database"])
    status = await client.get("/health/status")
    assert (status.status_code, status.json()["status"], status.json()["queue"]) == (200, "not_ready", None)
    runtime.db.ping = ping


async def test_status(client: AsyncClient) -> None:
    told = (await client.get("/health/status")).json()
    assert told["status"] == "ready"
    assert told["versions"]["folkmoot"] == __version__
    assert told["queue"].keys() == {"pending", "running", "paused", "awaiting_approval", "here"}
    assert told["model"] == "practice:practice"
    assert told["figures"]["current_connections"] == 1
    assert all(part["latency_ms"] is None or part["latency_ms"] >= 0 for part in told["dependencies"])
