"""Runs over HTTP: what is shown, waited for, followed, and asked of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.events.queries import list_events
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject, loads
from folkmoot.kernel.scope import Scope
from folkmoot.runs.artifacts import put_artifact
from folkmoot.runs.journal import Call, Live, Outcome, Use
from folkmoot.runs.queries import get_run
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run
from tests.databases import new_scope
from tests.runs.scripted import Steps, StepsExecutor, at_once
from tests.serving import client_of, listening, running, settings_for

TERMINAL = {"completion", "failure", "cancelled"}


class Held(StepsExecutor):
    """Steps named `hold` show text as soon as they may, and wait until they are let go."""

    def __init__(self) -> None:
        super().__init__(at_once)
        self.at_it = asyncio.Event()
        self.go = asyncio.Event()
        self.speak = asyncio.Event()
        self.speak.set()

    async def perform(self, run: Run, state: Steps, action: Call | Use, live: Live) -> Outcome:
        if action.key == "hold":
            self.at_it.set()
            await self.speak.wait()
            live.text("hel")
            live.text("lo")
            await self.go.wait()
        return await super().perform(run, state, action, live)


@dataclass
class Stage:
    app: FastAPI
    client: AsyncClient
    executor: Held
    scope: Scope
    made: list[Run] = field(default_factory=list)

    async def run(self, *groups: list[Json], **more: str) -> str:
        new = NewRun(kind="steps", title="steps", input={"groups": [*groups]}, **more)  # type: ignore[arg-type]
        run = await self.app.state.runtime.db.write(start_run, self.app.state.engine, self.scope, new)
        return str(run.id)

    async def done(self, *groups: list[Json]) -> str:
        run_id = await self.run(*groups)
        assert (await self.get(f"/api/runs/{run_id}/wait"))["status"] == "completed"
        return run_id

    async def get(self, path: str) -> JsonObject:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        found: JsonObject = answer.json()
        return found


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with running(settings_for(database_url, tmp_path)) as app, client_of(app) as client:
        executor = Held()
        app.state.engine.register(executor)
        scope: Scope = await app.state.runtime.db.write(new_scope)
        client.headers["X-Workspace-Id"] = scope.workspace_id
        yield Stage(app, client, executor, scope)
        executor.go.set()


async def test_a_finished_run(stage: Stage) -> None:
    run_id = await stage.done(["a", "b"], ["c"])
    shown = await stage.get(f"/api/runs/{run_id}?with_cursor=true")
    assert (shown["status"], shown["kind"], shown["priority"], shown["pausing"]) == (
        "completed",
        "steps",
        "normal",
        False,
    )
    assert shown["results"] == {"done": ["a", "b", "c"]}
    assert shown["usage"] == {"input_tokens": 0, "output_tokens": 0, "cost_usd": "0", "model_calls": 0}
    assert str(shown["completed_at"]).endswith("Z")
    events = await stage.get(f"/api/runs/{run_id}/events?limit=200")
    assert shown["cursor"] == events["next"]
    frames = events["events"]
    assert isinstance(frames, list)
    assert [frame["run_seq"] for frame in frames if isinstance(frame, dict)] == list(range(1, len(frames) + 1))
    types = [frame["event_type"] for frame in frames if isinstance(frame, dict)]
    assert [kind for kind in types if kind in TERMINAL] == [types[-1]] == ["completion"]


async def test_lists(stage: Stage) -> None:
    ids = [await stage.done(["a"]) for _ in range(3)]
    page = await stage.get("/api/runs?kind=steps&status=completed&limit=2")
    assert (page["total"], page["skip"], page["limit"]) == (3, 0, 2)
    runs = page["runs"]
    assert isinstance(runs, list)
    assert [run["id"] for run in runs if isinstance(run, dict)] == [ids[2], ids[1]]
    assert (await stage.get("/api/runs?status=failed&kind=steps"))["total"] == 0


REFUSED = ["limit=0", "limit=201", "skip=-1", "skip=99999999999999999999", "status=x", "kind=%20"]


async def test_lists_refuse(stage: Stage) -> None:
    for query in REFUSED:
        assert (await stage.client.get(f"/api/runs?{query}")).status_code == 422


async def test_logs_page_by_cursor(stage: Stage) -> None:
    run_id = await stage.done(["a"], ["b"], ["c"])
    messages, after = [], 0
    while True:
        page = await stage.get(f"/api/runs/{run_id}/logs?after={after}&limit=2")
        logs = page["logs"]
        assert isinstance(logs, list)
        if not logs:
            break
        messages += [line["message"] for line in logs if isinstance(line, dict)]
        assert isinstance(page["next"], int)
        after = page["next"]
    assert messages == ["The run began", "a is done", "b is done", "c is done", "The run ended completed (done)"]
    assert (await stage.get(f"/api/runs/{run_id}/logs?level=error"))["logs"] == []


async def test_wait_gives_up(stage: Stage) -> None:
    run_id = await stage.run(["hold"])
    await stage.executor.at_it.wait()
    assert (await stage.get(f"/api/runs/{run_id}/wait?timeout=0.05"))["status"] == "running"
    waiting = asyncio.create_task(stage.get(f"/api/runs/{run_id}/wait?timeout=30"))
    stage.executor.go.set()
    assert (await waiting)["status"] == "completed"


async def test_pause_resume_cancel(stage: Stage) -> None:
    run_id = await stage.run(["hold"], ["b"])
    await stage.executor.at_it.wait()
    post = stage.client.post
    paused = (await post(f"/api/runs/{run_id}/pause")).json()
    assert (paused["status"], paused["pausing"]) == ("running", True)
    resumed = (await post(f"/api/v1/runs/{run_id}/resume/")).json()
    assert (resumed["status"], resumed["pausing"]) == ("running", False)
    told = await stage.app.state.runtime.db.read(list_events, stage.scope.workspace_id, 0, 100)
    views = [event.data["view"] for event in told if event.type == "resource_changed" and event.data["id"] == run_id]
    assert [view["pausing"] for view in views if isinstance(view, dict)] == [True, False], "though it moves nothing"
    for _ in range(2):
        cancelled = await post(f"/runs/{run_id}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    refused = await post(f"/api/runs/{run_id}/pause")
    assert (refused.status_code, refused.json()["code"]) == (409, "run_not_pausable")
    done = await stage.done(["a"])
    refused = await post(f"/api/runs/{done}/cancel")
    assert (refused.status_code, refused.json()["status_now"]) == (409, "completed")


async def test_change(stage: Stage) -> None:
    run_id = await stage.done(["a"])
    change = {"metadata": {"why": "test"}, "priority": "urgent"}
    changed = (await stage.client.patch(f"/api/runs/{run_id}", json=change)).json()
    assert (changed["metadata"], changed["priority"]) == ({"why": "test"}, "urgent")
    assert (await stage.get(f"/api/runs/{run_id}"))["priority"] == "urgent"
    last = (await stage.get(f"/api/runs/{run_id}/events?limit=200"))["events"]
    assert isinstance(last, list)
    assert isinstance(last[-1], dict)
    assert last[-1]["event_type"] == "completion"
    refused = await stage.client.patch(f"/api/runs/{run_id}", json={"metadata": {"big": "x" * 20_000}})
    assert refused.status_code == 422


async def test_delete(stage: Stage) -> None:
    run_id = await stage.run(["hold"])
    await stage.executor.at_it.wait()
    refused = await stage.client.delete(f"/api/runs/{run_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "run_is_live")
    assert (await stage.client.delete(f"/api/runs/{run_id}?cancel=true")).status_code == 204
    assert (await stage.client.get(f"/api/runs/{run_id}")).status_code == 404
    done = await stage.done(["a"])
    assert (await stage.client.delete(f"/api/runs/{done}")).status_code == 204


async def test_artifacts(stage: Stage) -> None:
    run_id = await stage.done(["a"])
    db = stage.app.state.runtime.db
    run = await db.read(get_run, stage.scope, run_id)
    for text in ("one", "two", "two"):
        await db.write(put_artifact, run, "notes/a b.md", text)
    page = await stage.get(f"/api/runs/{run_id}/artifacts")
    found = page["artifacts"]
    assert isinstance(found, list)
    assert [(item["name"], item["version"]) for item in found if isinstance(item, dict)] == [
        ("notes/a b.md", 1),
        ("notes/a b.md", 2),
    ]
    path = f"/api/runs/{run_id}/artifacts/notes%2Fa%20b.md"
    latest = await stage.client.get(path)
    assert (latest.text, latest.headers["content-type"]) == ("two", "text/markdown; charset=utf-8")
    assert latest.headers["x-content-type-options"] == "nosniff"
    assert (await stage.client.get(path, headers={"If-None-Match": latest.headers["etag"]})).status_code == 304
    assert (await stage.client.get(f"{path}?version=1")).text == "one"
    assert isinstance(found[0], dict)
    assert (await stage.client.get(f"/api/runs/{run_id}/artifacts/{found[0]['id']}")).text == "one"
    for missing in (
        f"{path}?version=3",
        f"/api/runs/{run_id}/artifacts/nope",
        f"/api/runs/{run_id}/artifacts/{new_id()}",
    ):
        assert (await stage.client.get(missing)).status_code == 404


CALLS = [
    *(("GET", verb) for verb in ("", "/wait", "/logs", "/events", "/stream", "/artifacts", "/artifacts/a")),
    *(("POST", verb) for verb in ("/cancel", "/pause", "/resume")),
    ("DELETE", ""),
    ("PATCH", ""),
]


@pytest.mark.parametrize("run_id", ["x", "0190f0f0-0000-7000-8000-000000000000", "%20", "%F0%9F%90%99"])
async def test_unknown_runs(stage: Stage, run_id: str) -> None:
    for method, verb in CALLS:
        body: JsonObject | None = {} if method == "PATCH" else None
        answer = await stage.client.request(method, f"/api/runs/{run_id}{verb}", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (404, "Run not found")


async def test_runs_of_another_workspace_are_unknown(stage: Stage) -> None:
    run_id = await stage.done(["a"])
    other: Scope = await stage.app.state.runtime.db.write(new_scope)
    headers = {"X-Workspace-Id": other.workspace_id}
    for method, verb in CALLS:
        body: JsonObject | None = {} if method == "PATCH" else None
        answer = await stage.client.request(method, f"/api/runs/{run_id}{verb}", json=body, headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (404, "Run not found")
    assert (await stage.client.get("/api/runs?kind=steps", headers=headers)).json()["runs"] == []
    assert (await stage.get(f"/api/runs/{run_id}"))["status"] == "completed"


async def test_who_waits_is_answered_when_the_process_stops(stage: Stage) -> None:
    run_id = await stage.run(["hold"])
    await stage.executor.at_it.wait()
    waiting = asyncio.create_task(stage.get(f"/api/runs/{run_id}/wait?timeout=300"))
    await asyncio.sleep(0)
    await stage.app.state.engine.stop(0)
    shown = await asyncio.wait_for(waiting, 10)
    assert (shown["status"], shown["waiting_for"]) == ("pending", "start")


@dataclass
class Event:
    id: str | None
    name: str
    data: JsonObject


async def events_of(client: AsyncClient, path: str, headers: dict[str, str] | None = None) -> AsyncIterator[Event]:
    async with client.stream("GET", path, headers=headers or {}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        found: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                found[name] = value
            elif found:
                data = loads(found["data"])
                assert isinstance(data, dict)
                yield Event(found.get("id"), found["event"], data)
                found = {}


@pytest.fixture
async def wire(stage: Stage) -> AsyncIterator[AsyncClient]:
    """The same application over a real connection."""
    headers = {"X-Workspace-Id": stage.scope.workspace_id}
    async with (
        listening(stage.app) as place,
        AsyncClient(base_url=f"http://{place}", timeout=10, headers=headers) as client,
    ):
        yield client


async def test_stream_of_a_live_run(stage: Stage, wire: AsyncClient) -> None:
    stage.executor.speak.clear()
    run_id = await stage.run(["a"], ["hold"], ["c"])
    seen: list[Event] = []
    async for event in events_of(wire, f"/runs/{run_id}/stream"):
        seen.append(event)
        stage.executor.speak.set()
        if event.name == "delta":
            stage.executor.go.set()
    deltas = [event for event in seen if event.id is None]
    assert "".join(str(event.data["text"]) for event in deltas) == "hello"
    facts = [event for event in seen if event.id is not None]
    assert [event.data["run_seq"] for event in facts] == list(range(1, len(facts) + 1))
    assert [str(event.data["seq"]) for event in facts] == [event.id for event in facts]
    assert facts[-1].name == "completion"


async def test_stream_is_resumed(stage: Stage, wire: AsyncClient) -> None:
    run_id = await stage.done(["a"], ["b"])
    path = f"/api/runs/{run_id}/stream"
    whole = [event async for event in events_of(wire, path)]
    assert whole[-1].name == "completion"
    for place, event in enumerate(whole[:-1]):
        by_header = [item async for item in events_of(wire, path, {"Last-Event-ID": str(event.id)})]
        by_query = [item async for item in events_of(wire, f"{path}?after={event.id}")]
        assert by_header == by_query == whole[place + 1 :]
    assert (await wire.get(f"{path}?after={whole[-1].id}")).status_code == 204
    assert (await wire.get(path, headers={"Last-Event-ID": "no number"})).status_code == 422


async def test_a_reader_that_leaves_leaves_nothing_behind(stage: Stage, wire: AsyncClient) -> None:
    run_id = await stage.run(["hold"])
    await stage.executor.at_it.wait()
    async with wire.stream("GET", f"/api/runs/{run_id}/stream") as answer:
        await anext(answer.aiter_lines())
        [feed] = stage.app.state.runtime.hub._feeds.values()
    await asyncio.wait({feed.task}, timeout=5)
    assert stage.app.state.runtime.hub._feeds == {}
    assert stage.app.state.engine.live._watchers == {}
    assert (await stage.get(f"/api/runs/{run_id}"))["status"] == "running"


async def test_closing_the_hub_ends_streams(stage: Stage, wire: AsyncClient) -> None:
    stage.executor.speak.clear()
    run_id = await stage.run(["hold"])
    seen = []
    async for event in events_of(wire, f"/api/runs/{run_id}/stream"):
        seen.append(event.name)
        stage.executor.speak.set()
        if event.name == "delta":
            stage.app.state.runtime.hub.close()
    assert "completion" not in seen
