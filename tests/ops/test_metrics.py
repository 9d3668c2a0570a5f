"""/metrics: what it tells is documented, is counted, and stays readable while the database is away."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.db.tx import Tx
from folkmoot.runs.tables import RunSlots

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
    assert (after['folkmoot_runs{status="pending"}'], after["folkmoot_runs_in_line"]) == (1, 1)
    assert after["folkmoot_connections"] == 1
    assert after["process_resident_memory_bytes"] > 10_000_000


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
