"""Time travel and artifacts over HTTP: what is answered, with which headers, and what is refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.artifact_files import Making, keep_artifact
from folkmoot.runs.artifacts import INLINE_BYTES
from folkmoot.runs.journal import Call, Fault, Outcome, Use
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import Run
from tests.databases import new_scope
from tests.runs.test_forks import Forkable
from tests.serving import client_of, running, settings_for

KEY = "sk-of-the-workspace-0123456789"


class Stage:
    """An application whose runs of kind `steps` say the workspace's key, and wait at the step `hold`."""

    scope: Scope

    def __init__(self, app: FastAPI, client: AsyncClient) -> None:
        self.app, self.client = app, client
        self.at_it, self.go = asyncio.Event(), asyncio.Event()
        app.state.engine.register(Forkable(self.script))  # before the engine looks at what kinds there are

    async def settle(self) -> None:
        self.scope = await self.app.state.runtime.db.write(new_scope)
        self.client.headers["X-Workspace-Id"] = self.scope.workspace_id

    async def script(self, run: Run, action: Call | Use) -> Outcome:
        if action.key == "hold":
            self.at_it.set()
            await self.go.wait()
        if action.key == "cut":
            return Outcome(fault=Fault(code="cut", sentence="cut off"))
        return Outcome(value={"said": f"the key is {KEY}", "api_key": "abc"})

    async def run(self, *groups: list[Json]) -> str:
        new = NewRun(kind="steps", title="steps", input={"groups": [*groups]})
        run = await self.app.state.runtime.db.write(start_run, self.app.state.engine, self.scope, new)
        return str(run.id)

    async def ended(self, run_id: str) -> JsonObject:
        return await self.get(f"/api/runs/{run_id}/wait?timeout=20")

    async def done(self, *groups: list[Json]) -> str:
        run_id = await self.run(*groups)
        await self.ended(run_id)
        return run_id

    async def get(self, path: str) -> JsonObject:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        found: JsonObject = answer.json()
        return found

    async def post(self, path: str, body: JsonObject | None = None, **headers: str) -> tuple[int, JsonObject]:
        answer = await self.client.post(path, json=body, headers=headers)
        assert (answer.status_code == 202) == ("location" in answer.headers)
        return answer.status_code, answer.json()


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with running(settings_for(database_url, tmp_path)) as app, client_of(app) as client:
        staged = Stage(app, client)
        await staged.settle()
        yield staged
        staged.go.set()


async def test_the_journal_pages_and_hides_secrets(stage: Stage) -> None:
    path = f"/api/workspaces/{stage.scope.workspace_id}/secrets/openai_api_key"
    assert (await stage.client.put(path, json={"value": KEY})).is_success
    run_id = await stage.done(["a"], ["b"])
    first = await stage.get(f"/api/runs/{run_id}/journal?limit=3")
    rest = await stage.get(f"/api/runs/{run_id}/journal?after={first['next']}")
    entries = [*_list(first["entries"]), *_list(rest["entries"])]
    assert [(entry["seq"], entry["kind"], entry["key"]) for entry in entries] == [
        (1, "begun", "begun"),
        (2, "done", "a"),
        (3, "done", "b"),
        (4, "ended", "end"),
    ]
    assert entries[1]["data"] == {"by": {}, "value": {"said": "the key is [hidden]", "api_key": "[hidden]"}}
    assert rest["next"] == 4
    assert (await stage.get(f"/api/runs/{run_id}/journal?after=4")) == {"entries": [], "next": 4}
    told = await stage.get(f"/api/runs/{run_id}/replay?limit=2")
    assert [frame["log"]["message"] for frame in _list(told["frames"])] == ["The run began", "a is done"]
    assert _list(told["frames"])[1]["events"][0]["event_type"] == "progress"


def _list(value: Json) -> list[dict[str, Any]]:
    assert isinstance(value, list)
    return [item for item in value if isinstance(item, dict)]


async def test_fork_retry_and_diff(stage: Stage) -> None:
    source = await stage.done(["a"], ["cut"])
    status, retried = await stage.post(f"/api/runs/{source}/retry")
    assert (status, retried["retry_of"], retried["status"]) == (202, source, "pending")
    assert (await stage.ended(str(retried["id"])))["error_code"] == "cut"
    body: JsonObject = {"after_seq": 2, "input": {"groups": [["a"], ["b"]]}}
    status, forked = await stage.post(f"/runs/{source}/fork", body, **{"Idempotency-Key": "k"})
    assert (await stage.ended(str(forked["id"])))["results"] == {"done": ["a", "b"]}
    assert (await stage.post(f"/runs/{source}/fork", body, **{"Idempotency-Key": "k"}))[1]["id"] == forked["id"]
    taken = (await stage.get(f"/api/runs/{forked['id']}"))["forked_from"]
    assert taken == forked["forked_from"] == {"run_id": source, "after_seq": body["after_seq"]}
    assert (await stage.get(f"/api/runs/{source}"))["forked_from"] is None
    same = await stage.get(f"/api/runs/{source}/diff?other={retried['id']}")
    assert (same["is_same"], same["differences"]) == (True, [])
    other = await stage.get(f"/api/runs/{source}/diff?other={forked['id']}")
    found = [(item["kind"], item["key"], item["seq"], item["other_seq"]) for item in _list(other["differences"])]
    assert found == [("begun", "begun", 1, 1), ("done", "cut", 3, None), ("done", "b", None, 3), ("ended", "end", 4, 4)]


async def test_what_is_refused(stage: Stage) -> None:
    done = await stage.done(["a"])
    live = await stage.run(["hold"])
    await stage.at_it.wait()
    for path, body, status, code in (
        (f"{live}/retry", None, 409, "run_not_ended"),
        (f"{done}/retry", None, 409, "nothing_to_retry"),
        (f"{done}/fork", {"after_seq": 4}, 400, "unknown_position"),
        (f"{done}/fork", {"after_seq": 0}, 422, "invalid"),
        (f"{done}/fork", {"after_seq": 1, "input": {"x": 1}}, 422, "input_not_taken"),
        (f"{done}/fork", {"after_seq": 1, "sideways": True}, 422, "invalid"),
        (f"{new_id()}/fork", {"after_seq": 1}, 404, "no_such_run"),
        ("x/retry", None, 404, "no_such_run"),
    ):
        answered, problem = await stage.post(f"/api/runs/{path}", body)  # type: ignore[arg-type]
        assert (answered, problem["code"]) == (status, code), path
    for other in (new_id(), "x"):
        assert (await stage.client.get(f"/api/runs/{done}/diff?other={other}")).status_code == 404


async def test_a_download_is_never_a_page(stage: Stage) -> None:
    run_id = await stage.run(["hold"])
    await stage.at_it.wait()
    large = b"\x00\x01" * INLINE_BYTES
    name = 'site/é "x".html'
    for made in (
        Making(name=name, content=b"<script>alert(1)</script>", media_type="text/html"),
        Making(name="large.bin", content=large),
    ):
        await keep_artifact(stage.app.state.runtime.db, stage.app.state.artifact_files, stage.scope, run_id, made)
    page = await stage.get(f"/api/runs/{run_id}/artifacts?name=large.bin")
    assert (page["total"], _list(page["artifacts"])[0]["size"]) == (1, len(large))
    path = f"/api/runs/{run_id}/artifacts/site%2F%C3%A9%20%22x%22.html"
    html = await stage.client.get(path)
    assert html.content == b"<script>alert(1)</script>"
    headers = html.headers
    assert (
        headers["content-disposition"] == "attachment; filename=\"_ _x_.html\"; filename*=UTF-8''%C3%A9%20%22x%22.html"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox")
    tag = headers["etag"]
    for given in (tag, f'"other", W/{tag}', "*"):
        assert (await stage.client.get(path, headers={"If-None-Match": given})).status_code == 304
    assert (await stage.client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200

    path = f"/api/runs/{run_id}/artifacts/large.bin"
    whole = await stage.client.get(path)
    assert whole.content == large
    assert (whole.headers["content-type"], whole.headers["x-artifact-version"]) == ("application/octet-stream", "1")
    [file] = stage.app.state.artifact_files.folder.iterdir()
    file.unlink()
    gone = await stage.client.get(path)
    assert (gone.status_code, gone.json()["code"]) == (503, "artifact_elsewhere")
    assert "share" in gone.json()["hint"]
