"""An installation's admins see its processes, and have one of them drain where others could take its runs."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from tests.serving import client_of, running, settings_for


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Processes are all of a database's."""
    return own_database_url


async def test_the_process_that_answers_is_listed(app: FastAPI, client: AsyncClient) -> None:
    [found] = (await client.get("/api/workers")).json()["workers"]
    assert (found["id"], found["kind"]) == (app.state.runtime.host_id, "server")
    assert (found["is_draining"], found["live_runs"]) == (False, 0)


async def test_an_unknown_process_cannot_drain(client: AsyncClient) -> None:
    answer = await client.post("/api/workers/nobody/drain")
    assert answer.status_code in (404, 409), "on SQLite nobody can"


async def test_on_sqlite_the_one_process_does_not_drain(sqlite_url: str, tmp_path: Path) -> None:
    async with running(settings_for(sqlite_url, tmp_path / "data")) as app, client_of(app) as client:
        answer = await client.post(f"/api/workers/{app.state.runtime.host_id}/drain")
        assert (answer.status_code, answer.json()["code"]) == (409, "works_alone")


@pytest.mark.postgres
async def test_draining_and_back(own_postgres_url: str, tmp_path: Path) -> None:
    async with running(settings_for(own_postgres_url, tmp_path / "data")) as app, client_of(app) as client:
        host = app.state.runtime.host_id
        assert (await client.post(f"/api/workers/{host}/drain")).json()["is_draining"] is True
        assert (await client.get("/api/workers")).json()["workers"][0]["is_draining"] is True
        assert (await client.post(f"/api/workers/{host}/undrain")).json()["is_draining"] is False
        verbs = [entry["verb"] for entry in (await client.get("/api/audit/installation")).json()["entries"]]
        assert verbs[:2] == ["undrain_worker", "drain_worker"]
