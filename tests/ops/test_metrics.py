"""/metrics: what it tells is documented, is counted, and stays readable while the database is away."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.runs.tables import Approval, Run, RunSlots
from folkmoot.tools.registry import ToolContext, ToolRegistry

PAGE = Path(__file__).resolve().parents[2] / "docs/operations.md"
SAMPLE = re.compile(r'([a-z_]+)(\{[a-z_]+="[^"\n]*"(?:,[a-z_]+="[^"\n]*")*\})? (-?[0-9.e+-]+)')


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Runs are counted across workspaces."""
    return own_database_url


async def told(client: AsyncClient) -> dict[str, float]:
    """Every sample by its name and labels; each line is as Prometheus reads it."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for line in answer.text.splitlines():
        if not line.startswith("# "):
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, line
            found[f"{sample[1]}{sample[2] or ''}"] = float(sample[3])
    return found


def full(tx: Tx) -> None:
    tx.write(sa.update(RunSlots).values(live=RunSlots.cap))


def stand_still(tx: Tx, run_id: str) -> None:
    """The run is paused by a budget, and has asked somebody something."""
    tx.write(sa.update(Run).where(Run.id == run_id).values(status="paused", waiting_for="budget"))
    run = tx.first(Run, sa.select(*Run.__table__.columns).where(Run.id == run_id))
    assert run is not None
    asked = {name: getattr(run, name) for name in ("workspace_id", "project_id")}
    asked |= {"id": new_id(), "run_id": run_id, "key": "k", "subject": "answer", "question": "Really?", "detail": {}}
    asked |= {"may_revise": False, "status": "pending", "is_revision": False, "on_expiry": "reject"}
    asked |= dict.fromkeys(("created_at", "updated_at", "expires_at"), now())
    tx.write(sa.insert(Approval), asked)


async def test_what_is_told_is_documented(client: AsyncClient) -> None:
    text = (await client.get("/metrics")).text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    documented = dict(re.findall(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \|", PAGE.read_text(), re.MULTILINE))
    assert kinds == documented


async def test_what_happens_is_counted(app: FastAPI, client: AsyncClient) -> None:
    agent = (await client.post("/api/agents", json={"definition_slug": "assistant"})).json()
    before = await told(client)
    assert (await client.post(f"/api/agents/{agent['id']}/message", json={"message": "Hello"})).status_code == 200
    await client.get("/api/nothing")
    task = (await client.post("/api/tasks", json={"description": "Summarise"})).json()
    await app.state.runtime.db.write(full)
    assert (await client.post("/api/runs", json={"task_id": task["id"]})).status_code == 202
    after = await told(client)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grown('folkmoot_http_requests_total{method="POST",status="2xx"}') == 3
    assert grown('folkmoot_http_requests_total{method="GET",status="4xx"}') == 1
    assert grown("folkmoot_http_response_seconds_count") == 5
    assert grown('folkmoot_model_calls_total{provider="practice",outcome="answered"}') == 1
    assert grown('folkmoot_model_tokens_total{provider="practice",direction="out"}') > 0
    assert grown('folkmoot_runs_ended_total{kind="reply",status="completed"}') == 1
    assert grown("folkmoot_events_published_total") >= 5
    assert grown("folkmoot_database_units_total") >= 4
    assert (after['folkmoot_runs{kind="team",status="pending"}'], after["folkmoot_runs_in_line"]) == (1, 1)
    assert grown('folkmoot_model_seconds_count{provider="practice"}') == 1
    assert after['folkmoot_model_cost_usd_total{provider="practice"}'] == 0
    assert after["folkmoot_connections"] == 1
    assert after["process_resident_memory_bytes"] > 10_000_000


async def test_tools_are_counted_by_name_and_by_what_came_of_them(client: AsyncClient) -> None:
    before = await told(client)
    for arguments in ({"expression": "40 + 2"}, {"expression": "("}):
        called = await client.post("/api/tools/calculate/call", json={"arguments": arguments})
        assert called.status_code == 200, called.text
    after = await told(client)
    for outcome in ("answered", "refused"):
        name = f'folkmoot_tool_calls_total{{tool="calculate",outcome="{outcome}"}}'
        assert after[name] - before.get(name, 0) == 1
    assert after['folkmoot_tool_seconds_count{tool="calculate"}'] == 2


async def test_names_that_others_choose_are_no_labels(app: FastAPI, client: AsyncClient) -> None:
    figures = app.state.tools.figures
    context = ToolContext(scope=Scope(new_id(), new_id(), Actor("user", new_id(), "u")), db=app.state.runtime.db)
    calculator = app.state.tools.tool("calculate")
    own = ToolRegistry([replace(calculator, name=f"tool_{number}", source="mcp:files") for number in range(3)])
    own.figures = figures
    for number in range(4):
        await own.use(context, f"tool_{number}", {"expression": "1 + 1"})
    after = await told(client)
    assert after['folkmoot_tool_calls_total{tool="mcp",outcome="answered"}'] == 3
    assert after['folkmoot_tool_calls_total{tool="unknown",outcome="unknown"}'] == 1
    assert not any("tool_1" in name for name in after)


async def test_answers_that_were_known_are_counted(app: FastAPI, client: AsyncClient) -> None:
    for _ in range(2):
        task = (await client.post("/api/tasks", json={"description": "Plan a small party"})).json()
        run = (await client.post("/api/runs?wait=30", json={"task_id": task["id"]})).json()
        assert run["status"] == "completed"
    after = await told(client)
    assert after['folkmoot_model_cache_total{outcome="hit"}'] > 0
    assert after['folkmoot_model_cache_total{outcome="miss"}'] > 0
    assert after['folkmoot_runs_wait_seconds_count{kind="team"}'] == 2


async def test_what_waits_for_people_is_counted(app: FastAPI, client: AsyncClient) -> None:
    task = (await client.post("/api/tasks", json={"description": "Summarise"})).json()
    await app.state.runtime.db.write(full)
    run = (await client.post("/api/runs", json={"task_id": task["id"]})).json()
    await app.state.runtime.db.write(stand_still, run["id"])
    after = await told(client)
    assert (after["folkmoot_runs_without_budget"], after["folkmoot_approvals_pending"]) == (1, 1)
    assert (after['folkmoot_runs{kind="team",status="paused"}'], after["folkmoot_runs_in_line"]) == (1, 0)


async def test_events_and_who_follows_them_are_counted(app: FastAPI, client: AsyncClient) -> None:
    runtime = app.state.runtime
    agent = (await client.post("/api/agents", json={"definition_slug": "assistant"})).json()
    async with runtime.hub.follow(agent["workspace_id"]) as follower:
        await client.post("/api/agents", json={"definition_slug": "assistant"})
        await anext(follower)
        after = await told(client)
    assert after["folkmoot_followers"] == 1
    assert after["folkmoot_events_lag_seconds_count"] >= 1
    assert (await told(client))["folkmoot_followers"] == 0


async def test_without_a_database_the_rest_is_told(
    app: FastAPI, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await told(client))["folkmoot_database_up"] == 1

    async def fail(*_: object) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(app.state.runtime.db, "read_long", fail)
    without = await told(client)
    assert without["folkmoot_database_up"] == 0
    assert "folkmoot_runs_in_line" not in without
    assert without["folkmoot_uptime_seconds"] >= 0
