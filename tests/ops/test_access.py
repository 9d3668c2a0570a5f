"""How an installation is doing is for its admins and for whoever holds METRICS_TOKEN, good for nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from pydantic import SecretStr

from tests.accounts.persons import another, first, operator, with_token
from tests.serving import client_of, running, settings_for

TOKEN = "measured-and-counted"
STATE = ("/metrics", "/health/status", "/api/v1/health/status/")
LOG = "/api/audit/installation"


@pytest.fixture
async def app(own_database_url: str, tmp_path: Path) -> AsyncIterator[FastAPI]:
    settings = settings_for(own_database_url, tmp_path)
    async with running(settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})) as started:
        yield started


async def answers(client: AsyncClient, *paths: str) -> list[int]:
    return [(await client.get(path)).status_code for path in paths]


async def test_local_mode_is_open_to_this_machine(app: FastAPI) -> None:
    assert await answers(client_of(app), *STATE, LOG) == [200] * 4


async def test_with_accounts_it_takes_an_admin_or_the_token(app: FastAPI) -> None:
    ada = await first(app)
    bob = await another(app, ada, "bob@example.org")
    assert await answers(client_of(app), *STATE, LOG) == [401] * 4
    assert await answers(with_token(app, TOKEN[:-1]), *STATE, LOG) == [401] * 4
    assert await answers(bob.client, *STATE, LOG) == [403] * 4
    assert (await bob.client.get("/metrics")).json()["code"] == "admins_only"
    for admin in (ada.client, operator(app)):
        assert await answers(admin, *STATE, LOG) == [200] * 4
    assert await answers(client_of(app), "/health", "/health/live", "/health/ready") == [200] * 3


async def test_the_token_reads_the_state_and_nothing_else(app: FastAPI) -> None:
    await first(app)
    reader = with_token(app, TOKEN)
    assert await answers(reader, *STATE) == [200] * 3
    paths = (LOG, "/api/audit", "/api/audit/export", "/api/users", "/api/users/me", "/api/workspaces", "/api/tasks")
    assert set(await answers(reader, *paths)) <= {401, 403, 404}
    assert (await reader.post("/api/workspaces", json={"name": "Mine"})).status_code in (401, 403)


async def test_a_workspaces_log_is_for_its_admins(app: FastAPI) -> None:
    ada = await first(app)
    bob = await another(app, ada, "bob@example.org")
    here = (await ada.client.get("/api/workspaces")).json()["workspaces"][-1]["id"]
    selected = {"X-Workspace-Id": here}
    for path in ("/api/audit", "/api/audit/export"):
        assert (await bob.client.get(path, headers=selected)).status_code == 404
        assert (await ada.client.get(path, headers=selected)).status_code == 200
        assert (await bob.client.get(path)).status_code == 200, "he owns a workspace of his own"
