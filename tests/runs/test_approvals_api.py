"""Approvals over HTTP: found, seen, decided once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run
from tests.databases import new_scope
from tests.runs.scripted import StepsExecutor, at_once
from tests.runs.seen import until
from tests.serving import client_of, running, settings_for


@pytest.fixture
async def app(sqlite_url: str, tmp_path: Path) -> AsyncIterator[FastAPI]:
    async with running(settings_for(sqlite_url, tmp_path)) as app:
        app.state.engine.register(StepsExecutor(at_once))
        yield app


@pytest.fixture
async def scope(app: FastAPI) -> Scope:
    scope: Scope = await app.state.runtime.db.write(new_scope)
    return scope


@pytest.fixture
async def client(app: FastAPI, scope: Scope) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as opened:
        opened.headers["X-Workspace-Id"] = scope.workspace_id
        yield opened


async def asking(app: FastAPI, scope: Scope, *keys: str) -> Run:
    new = NewRun(kind="steps", title="Steps", input={"groups": [[*keys], ["a"]]})
    db = app.state.runtime.db
    return await until(db, scope, await db.write(start_run, app.state.engine, scope, new), "awaiting_approval")


async def test_what_a_run_asks_is_found_and_decided(app: FastAPI, scope: Scope, client: AsyncClient) -> None:
    run = await asking(app, scope, "@plan")
    page = (await client.get("/api/approvals?status=pending")).json()
    assert page["total"] == 1
    (asked,) = page["approvals"]
    assert (asked["run_id"], asked["run_title"], asked["status"]) == (run.id, "Steps", "pending")
    shown = (await client.get(f"/api/runs/{run.id}")).json()
    assert (shown["status"], shown["waiting_for"], shown["approvals"]) == ("awaiting_approval", "person", [asked["id"]])
    assert (await client.get(f"/api/approvals/{asked['id'].upper()}")).json() == asked
    path = f"/api/approvals/{asked['id']}/resolve"
    wrong = await client.post(path, json={"decision": "approve", "revise": True})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "not_revisable")
    assert (await client.post(path, json={"decision": "maybe"})).status_code == 422
    decided = await client.post(path, json={"decision": "approve", "feedback": "go"})
    assert decided.status_code == 200, decided.text
    by = {"kind": "user", "id": "local", "name": decided.json()["decided_by"]["name"]}
    assert (decided.json()["status"], decided.json()["feedback"], decided.json()["decided_by"]) == (
        "approved",
        "go",
        by,
    )
    again = await client.post(path, json={"decision": "reject"})
    assert (again.status_code, again.json()["decided_by"], again.json()["status_now"]) == (409, by, "approved")
    ended = (await client.get(f"/api/runs/{run.id}/wait")).json()
    assert (ended["status"], ended["approvals"]) == ("completed", [])
    assert (await client.get("/api/approvals?status=pending")).json()["total"] == 0
    assert (await client.get(f"/api/approvals?run_id={run.id}&limit=1")).json()["total"] == 1


async def test_a_run_is_approved_by_its_own_address(app: FastAPI, scope: Scope, client: AsyncClient) -> None:
    run = await asking(app, scope, "@one", "@two")
    path = f"/api/runs/{run.id}/approve"
    several = await client.post(path, json={"approved": True})
    assert (several.status_code, len(several.json()["approvals"])) == (409, 2)
    (first, _) = several.json()["approvals"]
    assert (await client.post(f"/api/approvals/{first}/resolve", json={"decision": "approve"})).is_success
    rejected = await client.post(path, json={"approved": False, "feedback": "shorter", "revise": True})
    assert (rejected.json()["status"], rejected.json()["revise"]) == ("rejected", True)
    ended = (await client.get(f"/api/runs/{run.id}/wait")).json()
    assert (ended["status"], ended["stop_reason"]) == ("cancelled", "plan_rejected")
    assert (await client.post(path, json={"approved": True})).status_code == 409
    assert (await client.post(f"/api/runs/{new_id()}/approve", json={"approved": True})).status_code == 404
    assert (await client.get("/api/approvals/nobody")).status_code == 404
    messages = [line["message"] for line in (await client.get(f"/api/runs/{run.id}/logs")).json()["logs"]]
    assert "Waiting for a person (@one)" in messages
