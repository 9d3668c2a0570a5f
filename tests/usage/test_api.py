"""Budgets and usage as a client meets them: limits by verbs, tasks and agents, reports as pages and as CSV."""

import asyncio
import csv
from collections.abc import AsyncIterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.runs.queries import get_run
from folkmoot.runs.refills import refill
from tests.stubs.openai_stub import Reply, team_script
from tests.usage.stage import ANSWER_USD, MODEL, Stage, dear, staged


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(database_url, tmp_path) as made:
        yield made


async def test_a_budget_is_made_seen_changed_and_deleted(stage: Stage) -> None:
    made = await stage.budget(period="day", usd="1.50")
    assert (made["scope_id"], made["usd"], made["tokens"], made["used_usd"]) == (
        stage.scope.workspace_id,
        "1.5",
        None,
        "0",
    )
    await stage.ask("POST", "/api/budgets", {"scope_kind": "workspace", "period": "day", "tokens": 5}, 409)
    project = await stage.budget(scope_kind="project", scope_id=stage.scope.project_id, tokens=1000)
    page = await stage.ask("GET", "/api/budgets")
    assert [budget["id"] for budget in page["budgets"]] == [project["id"], made["id"]]
    only = await stage.ask("GET", "/api/budgets?scope_kind=project")
    assert (only["total"], only["budgets"][0]["tokens"]) == (1, 1000)
    path = f"/api/budgets/{made['id']}"
    changed = await stage.ask("PATCH", path, {"usd": "3", "tokens": 7, "on_exceeded": "stop"})
    assert (changed["usd"], changed["tokens"], changed["on_exceeded"]) == ("3", 7, "stop")
    assert (await stage.ask("PATCH", path, {"usd": None}))["usd"] is None
    assert (await stage.ask("PATCH", path, {"tokens": None}, 422))["code"] == "budget_without_limit"
    assert await stage.ask("GET", path) == {
        **changed,
        "usd": None,
        "updated_at": (await stage.ask("GET", path))["updated_at"],
    }
    await stage.ask("DELETE", path, status=204)
    assert (await stage.ask("GET", path, status=404))["code"] == "no_such_budget"


REFUSED: list[tuple[JsonObject, int]] = [
    ({"scope_kind": "workspace"}, 422),
    ({"scope_kind": "workspace", "scope_id": "w", "usd": 1}, 422),
    ({"scope_kind": "agent", "usd": 1}, 422),
    ({"scope_kind": "workspace", "usd": 0}, 422),
    ({"scope_kind": "workspace", "usd": "0.0000000000001"}, 422),
    ({"scope_kind": "workspace", "usd": "NaN"}, 422),
    ({"scope_kind": "workspace", "tokens": 1.5}, 422),
    ({"scope_kind": "agent", "scope_id": new_id(), "usd": 1}, 404),
    ({"scope_kind": "run", "scope_id": "nobody", "usd": 1}, 404),
    ({"scope_kind": "project", "scope_id": new_id(), "usd": 1}, 404),
]


async def test_what_is_no_budget_is_refused(stage: Stage) -> None:
    for body, status in REFUSED:
        await stage.ask("POST", "/api/budgets", body, status)
    assert (await stage.ask("GET", "/api/budgets"))["total"] == 0


async def test_a_tasks_budget_pauses_its_run_until_it_is_raised(stage: Stage) -> None:
    task = await stage.task(budget={"usd": "7", "seconds": 900})
    assert task["budget"] == {"usd": "7", "tokens": None, "seconds": 900, "on_exceeded": "pause"}
    run = await stage.run(task, wait=0)
    paused = await _until(stage, run, "paused")
    assert (paused["waiting_for"], paused["stop_reason"], paused["deadline_at"]) == ("budget", "budget", None)
    (budget,) = (await stage.ask("GET", f"/api/budgets?scope_kind=run&scope_id={run['id']}"))["budgets"]
    assert budget["used_usd"] == paused["usage"]["cost_usd"]
    events = (await stage.ask("GET", f"/api/runs/{run['id']}/events"))["events"]
    (told,) = [event["data"] for event in events if event["event_type"] == "budget_exceeded"]
    assert (told["budget_id"], told["usd"], told["used_usd"]) == (budget["id"], "7", budget["used_usd"])
    await stage.ask("PATCH", f"/api/budgets/{budget['id']}", {"usd": "100"})
    await refill(stage.app.state.engine)
    ended = await stage.ask("GET", f"/api/runs/{run['id']}/wait?timeout=20")
    assert (ended["status"], ended["stop_reason"]) == ("completed", "approved")
    assert (await stage.ask("GET", f"/api/budgets/{budget['id']}"))["used_usd"] == ended["usage"]["cost_usd"]


async def test_a_runs_own_budget_stops_it_with_its_results(stage: Stage) -> None:
    task = await stage.task(budget={"usd": "100"})
    run = await stage.run(task, budget={"usd": "9", "on_exceeded": "stop"})
    assert (run["status"], run["stop_reason"], run["error_code"]) == ("failed", "budget_exhausted", "budget_exhausted")
    assert run["results"]["summary"]
    again = await stage.ask("POST", f"/api/runs/{run['id']}/retry", {}, 202)
    (budget,) = (await stage.ask("GET", f"/api/budgets?scope_kind=run&scope_id={again['id']}"))["budgets"]
    assert (budget["usd"], budget["on_exceeded"]) == ("9", "stop")


def _dearer(body: JsonObject) -> Reply:
    """17 USD for every answer, 1.50 for a summary."""
    reply = team_script(body)
    return (
        dear(body)
        if "All done." in reply.text
        else replace(reply, usage={"prompt_tokens": 16_000, "completion_tokens": 1_000})
    )


async def test_a_tenth_of_a_budget_that_stops_is_for_the_summary(database_url: str, tmp_path: Path) -> None:
    """Of 60 USD a plan and two steps take 51: another step might take more than 54, the summary not more than 60."""
    async with staged(database_url, tmp_path, _dearer) as stage:
        run = await stage.run(await stage.task(), budget={"usd": "60", "on_exceeded": "stop"})
        assert (run["status"], run["stop_reason"], run["error_code"]) == ("failed", *["budget_exhausted"] * 2)
        assert (run["results"]["summary"], run["usage"]["cost_usd"]) == ("All done.", "52.5")
        assert [one["name"] for one in run["results"]["artifacts"]] == ["s1.md", "s2.md"]
        told = [event["event_type"] for event in (await stage.ask("GET", f"/api/runs/{run['id']}/events"))["events"]]
        assert (told.count("budget_exceeded"), told[-1]) == (1, "failure")
        lines = (await stage.ask("GET", f"/api/runs/{run['id']}/logs"))["logs"]
        assert "Close by a budget" in [line["message"] for line in lines]
        again = await stage.ask("POST", f"/api/runs/{run['id']}/retry?wait=20", {}, 202)
        assert (again["status"], again["stop_reason"]) == ("completed", "approved"), "with a budget of its own, anew"


async def test_an_agents_budget_is_in_its_config(stage: Stage) -> None:
    new = {"definition_slug": "assistant", "name": "Ada", "config": {"budget": {"usd": "6", "on_exceeded": "stop"}}}
    agent = await stage.ask("POST", "/api/agents", new, 201)
    (budget,) = (await stage.ask("GET", f"/api/budgets?scope_kind=agent&scope_id={agent['id']}"))["budgets"]
    assert (budget["usd"], budget["on_exceeded"], budget["period"]) == ("6", "stop", "total")
    await stage.app.state.engine.budgets.look(stage.db)
    path = f"/api/agents/{agent['id']}"
    reply = await stage.ask("POST", f"{path}/message", {"message": "Hello"})
    assert (
        reply["usage"]["cost_usd"] == (await stage.ask("GET", f"/api/budgets/{budget['id']}"))["used_usd"] == ANSWER_USD
    )
    await stage.ask("PATCH", path, {"config": {"budget": {"usd": "1", "on_exceeded": "stop"}}})
    refused = await stage.ask("POST", f"{path}/message", {"message": "Hello again"}, 502)
    assert refused["code"] == "budget_exhausted"
    await stage.ask("PATCH", path, {"config": {"budget": {"usd": "lots"}}}, 422)
    await stage.ask("PATCH", path, {"config": {"budget": None}})
    assert (await stage.ask("GET", "/api/budgets"))["total"] == 0


async def test_usage_is_added_up(stage: Stage) -> None:
    run = await stage.run(await stage.task())
    assert run["status"] == "completed"
    calls = run["usage"]["model_calls"]
    whole = await stage.ask("GET", "/api/usage")
    assert whole["usage"] == [{"key": MODEL, **whole["sums"]}]
    assert whole["sums"]["calls"] == calls == len(stage.stub.calls)
    assert whole["sums"]["cost_usd"] == run["usage"]["cost_usd"]
    assert (whole["sums"]["unknown_cost_calls"], whole["sums"]["cache_hits"]) == (0, 0)
    for group_by, key in (("kind", "team"), ("project", stage.scope.project_id), ("agent", None)):
        page = await stage.ask("GET", f"/api/usage?group_by={group_by}")
        assert [row["key"] for row in page["usage"]] == [key]
    (day,) = (await stage.ask("GET", "/api/usage?group_by=day"))["usage"]
    assert day["key"] == run["completed_at"][:10]
    assert (await stage.ask("GET", f"/api/usage?from={day['key']}"))["sums"]["calls"] == calls
    assert (await stage.ask("GET", f"/api/usage?to={day['key']}"))["sums"]["calls"] == 0
    assert (await stage.ask("GET", f"/api/usage?project_id={new_id()}"))["usage"] == []
    await stage.ask("GET", "/api/usage?group_by=mood", status=422)
    for answer in (
        await stage.ask("GET", "/api/usage?format=csv"),
        await stage.ask("GET", "/api/usage", Accept="text/csv"),
    ):
        heading, row = csv.reader(StringIO(answer.text))
        assert dict(zip(heading, row, strict=True))["key"] == MODEL
        assert answer.headers["content-disposition"] == 'attachment; filename="usage.csv"'


async def test_the_same_task_again_is_known_but_judged_anew(stage: Stage) -> None:
    task = await stage.task()
    first = await stage.run(task)
    asked = len(stage.stub.calls)
    second = await stage.run(task)
    made = len(stage.stub.calls) - asked
    hits = (await stage.ask("GET", "/api/usage"))["sums"]["cache_hits"]
    assert (made, hits) == (1, first["usage"]["model_calls"] - 1), "the verdict was asked for"
    assert second["usage"]["model_calls"] == made
    assert (second["status"], second["results"]["deliverables"]) == ("completed", first["results"]["deliverables"])


async def _until(stage: Stage, run: dict[str, str], status: str) -> dict[str, Any]:
    """The run once it has come to that; at most 10 seconds."""
    async with asyncio.timeout(10):
        while True:
            if (await stage.db.read(get_run, stage.scope, run["id"])).status == status:
                shown: dict[str, Any] = await stage.ask("GET", f"/api/runs/{run['id']}")
                return shown
            await asyncio.sleep(0)
