"""Contexts over HTTP, of agents and of projects: shapes, conflicts, rollbacks, history, readers, isolation."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from folkmoot.contexts.service import ContextSettings
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from tests.contexts.patching import patched
from tests.databases import new_scope
from tests.serving import client_of

READ_KEYS = {
    *("context_id", "context_name", "current_version", "version", "data", "change_description", "created_by"),
    "created_at",
}


@dataclass(frozen=True, slots=True)
class Workshop:
    """A workspace with an agent in it."""

    app: FastAPI
    client: AsyncClient
    scope: Scope
    agent: JsonObject

    async def ask(self, method: str, path: str, body: Json = None) -> Response:
        headers = {"X-Workspace-Id": self.scope.workspace_id}
        return await self.client.request(method, f"/api{path}", json=body, headers=headers)

    async def ok(self, method: str, path: str, body: Json = None) -> JsonObject:
        answer = await self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        found: JsonObject = answer.json()
        return found

    @property
    def home(self) -> str:
        return f"/agents/{self.agent['id']}"

    @property
    def project(self) -> str:
        return f"/projects/{self.scope.project_id}/contexts"


async def open_workshop(app: FastAPI, client: AsyncClient) -> Workshop:
    scope = await app.state.runtime.db.write(new_scope)
    headers = {"X-Workspace-Id": scope.workspace_id}
    made = await client.post("/api/agents", json={"definition_slug": "assistant", "name": "Ada"}, headers=headers)
    assert made.status_code == 201, made.text
    return Workshop(app, client, scope, made.json())


@pytest.fixture
async def shop(shared_app: FastAPI) -> AsyncIterator[Workshop]:
    async with client_of(shared_app) as client:
        yield await open_workshop(shared_app, client)


@pytest.fixture(params=["agent", "project"])
def place(request: pytest.FixtureRequest, shop: Workshop) -> tuple[str, str]:
    """Where a context is read and written, and where its other verbs hang; both kinds answer alike."""
    path = f"{shop.home}/context" if request.param == "agent" else f"{shop.project}/default"
    return str(request.param), path


async def test_a_context_is_made_on_first_read(shop: Workshop, place: tuple[str, str]) -> None:
    kind, path = place
    first = await shop.ok("GET", path)
    assert first.keys() == READ_KEYS
    assert (first["context_name"], first["current_version"], first["version"]) == ("default", 0, 0)
    assert (first["data"], first["change_description"], first["created_by"]) == ({}, None, None)
    assert await shop.ok("GET", path) == first
    listed = await shop.ok("GET", f"{shop.home}/contexts" if kind == "agent" else shop.project)
    assert isinstance(listed["contexts"], list)
    [summary] = listed["contexts"]
    assert isinstance(summary, dict)
    assert summary["context_id"] == first["context_id"]
    assert summary["agent_id"] == (shop.agent["id"] if kind == "agent" else None)
    assert (summary["rollback_pointer"], summary["rollback_state"]) == (None, None)


async def test_a_write_is_the_new_version(shop: Workshop, place: tuple[str, str]) -> None:
    _, path = place
    written = await shop.ok("POST", path, {"data": {"a": 1}, "change_description": "First", "expected_version": 0})
    assert written.keys() == READ_KEYS
    assert (written["version"], written["current_version"], written["data"]) == (1, 1, {"a": 1})
    assert (written["change_description"], written["created_by"]) == ("First", "user:local")
    second = await shop.ok("POST", path, {"data": {"a": 2}, "created_by": "Ada"})
    assert (second["version"], second["created_by"]) == (2, "Ada")
    assert await shop.ok("GET", path) == second
    assert await shop.ok("GET", f"{path}?version=1") == {**written, "current_version": 2}
    assert (await shop.ok("GET", f"{path}?version=0"))["data"] == {}
    missing = await shop.ask("GET", f"{path}?version=3")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_such_context_version")


async def test_a_stale_write_is_told_the_current_version(shop: Workshop, place: tuple[str, str]) -> None:
    _, path = place
    for version in (0, 1):
        await shop.ok("POST", path, {"data": {}, "expected_version": version})
    for stale in (0, 1, 3):
        answer = await shop.ask("POST", path, {"data": {"lost": True}, "expected_version": stale})
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["current_version"]) == (409, "version_conflict", 2)
        assert problem["hint"]
    assert (await shop.ok("GET", path))["current_version"] == 2


async def test_a_stale_first_write_makes_nothing(shop: Workshop) -> None:
    answer = await shop.ask("POST", f"{shop.project}/never", {"data": {}, "expected_version": 1})
    assert (answer.status_code, answer.json()["current_version"]) == (409, 0)
    assert (await shop.ok("GET", shop.project))["total"] == 0


async def test_a_rollback_goes_back_and_the_count_goes_on(shop: Workshop, place: tuple[str, str]) -> None:
    _, path = place
    for number in (1, 2, 3):
        await shop.ok("POST", path, {"data": {"n": number}})
    back = await shop.ok("POST", f"{path}/rollback", {"target_version": 1})
    assert back.keys() == READ_KEYS | {"rollback_pointer", "rollback_state"}
    assert (back["data"], back["current_version"], back["rollback_pointer"]) == ({"n": 1}, 1, 1)
    assert back["rollback_state"] == "success"
    assert (await shop.ok("GET", path))["data"] == {"n": 1}
    assert (await shop.ok("POST", path, {"data": {"n": 4}, "expected_version": 1}))["version"] == 4

    for unknown in (0, 9, -1, 2**62):
        answer = await shop.ask("POST", f"{path}/rollback", {"target_version": unknown})
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["current_version"]) == (400, "unknown_version", 4)
    assert (await shop.ok("GET", path))["data"] == {"n": 4}


async def test_the_record_of_a_rollback_is_in_the_list(shop: Workshop) -> None:
    path = f"{shop.home}/context"
    await shop.ok("POST", path, {"context_name": "notes", "data": {"n": 1}})
    for target, state in ((1, "success"), (7, "failed"), (1, "success")):
        await shop.ask("POST", f"{path}/rollback", {"context_name": "notes", "target_version": target})
        listed = await shop.ok("GET", f"{shop.home}/contexts")
        assert isinstance(listed["contexts"], list)
        [summary] = listed["contexts"]
        assert isinstance(summary, dict)
        assert (summary["rollback_pointer"], summary["rollback_state"]) == (target, state)


async def test_history_says_who_and_why(shop: Workshop, place: tuple[str, str]) -> None:
    _, path = place
    assert (await shop.ok("GET", f"{path}/versions"))["versions"] == []
    run_id = await speak(shop)
    await shop.ok("POST", path, {"data": {"n": 1}, "change_description": "Why", "run_id": run_id})
    await shop.ok("POST", path, {"data": {"n": 2}, "created_by": "Ada"})
    page = await shop.ok("GET", f"{path}/versions?limit=1&skip=1")
    assert isinstance(page["versions"], list)
    [first] = page["versions"]
    assert isinstance(first, dict)
    assert first.keys() == {"version", "change_description", "created_by", "run_id", "created_at"}
    assert (first["version"], first["change_description"], first["run_id"]) == (1, "Why", run_id)
    assert (page["total"], page["skip"], page["limit"]) == (2, 1, 1)


async def speak(shop: Workshop) -> str:
    """A run of the workspace."""
    answer = await shop.ok("POST", f"{shop.home}/message", {"message": "Hello"})
    return str(answer["run_id"])


async def test_two_versions_are_compared(shop: Workshop, place: tuple[str, str]) -> None:
    _, path = place
    first: JsonObject = {"a/b": [1, 2, 3], "gone": True}
    second: JsonObject = {"a/b": [1, 3], "new": {"~": None}}
    for data in (first, second):
        await shop.ok("POST", path, {"data": data})
    answer = await shop.ask("GET", f"{path}/diff?from=1&to=2")
    assert answer.headers["content-type"] == "application/json-patch+json"
    assert answer.json() == [
        {"op": "remove", "path": "/gone"},
        {"op": "remove", "path": "/a~1b/1"},
        {"op": "add", "path": "/new", "value": {"~": None}},
    ]
    assert patched(first, answer.json()) == second
    assert (await shop.ask("GET", f"{path}/diff?from=1")).json() == answer.json()
    assert (await shop.ask("GET", f"{path}/diff?from=2&to=2")).json() == []
    assert (await shop.ask("GET", f"{path}/diff?from=2&to=9")).status_code == 404
    assert (await shop.ask("GET", f"{path}/diff?to=2")).status_code == 422


async def test_readers_of_a_version_are_known(shop: Workshop, place: tuple[str, str]) -> None:
    _, path = place
    run_ids = [await speak(shop) for _ in range(2)]
    assert (await shop.ok("GET", f"{path}?run_id={run_ids[0]}"))["version"] == 0
    for number in (1, 2):
        await shop.ok("POST", path, {"data": {"n": number}})
    for run_id in (*run_ids, run_ids[0]):
        assert (await shop.ok("GET", f"{path}?version=1&run_id={run_id}"))["data"] == {"n": 1}
    readers = await shop.ok("GET", f"{path}/versions/1/readers")
    assert isinstance(readers["readers"], list)
    assert [reader["run_id"] for reader in readers["readers"] if isinstance(reader, dict)] == run_ids[::-1]
    assert readers["total"] == 2
    [last] = readers["readers"][1:]
    assert isinstance(last, dict)
    assert (last["kind"], last["status"]) == ("reply", "completed")
    assert (await shop.ok("GET", f"{path}/versions/2/readers"))["readers"] == []
    assert (await shop.ask("GET", f"{path}/versions/3/readers")).status_code == 404
    known = shop.app.state.context_settings
    shop.app.state.context_settings = ContextSettings(history_limit=1)
    try:
        await shop.ok("POST", path, {"data": {}})
    finally:
        shop.app.state.context_settings = known
    assert (await shop.ask("GET", f"{path}/versions/1/readers")).status_code == 404


async def test_what_is_too_large_is_refused_whole(shop: Workshop, place: tuple[str, str]) -> None:
    _, path = place
    await shop.ok("POST", path, {"data": {"text": "x" * 999_900}})
    answer = await shop.ask("POST", path, {"data": {"text": "x" * 1_000_000}})
    assert (answer.status_code, answer.json()["code"]) == (413, "context_too_large")
    assert (await shop.ok("GET", path))["current_version"] == 1


NO_WRITES: list[JsonObject] = [
    {},
    {"data": [1]},
    {"data": "text"},
    {"data": {}, "expected_version": -1},
    {"data": {}, "surprise": 1},
    {"data": {}, "context_name": ""},
    {"data": {}, "created_by": " "},
]


async def test_what_is_no_write_is_refused(shop: Workshop) -> None:
    for body in NO_WRITES:
        assert (await shop.ask("POST", f"{shop.home}/context", body)).status_code == 422


async def test_an_agent_and_its_project_keep_contexts_of_their_own(shop: Workshop) -> None:
    await shop.ok("POST", f"{shop.home}/context", {"context_name": "plan", "data": {"of": "agent"}})
    await shop.ok("POST", f"{shop.project}/plan", {"data": {"of": "project"}})
    by_number = await shop.ok("GET", f"/agents/{shop.agent['number']}/context?context_name=plan")
    assert by_number["data"] == {"of": "agent"}
    shared = await shop.ok("GET", f"/projects/{shop.scope.project_id.upper()}/contexts/plan")
    assert shared["data"] == {"of": "project"}
    assert (await shop.ok("GET", f"{shop.home}/context"))["data"] == {}


async def test_what_is_foreign_is_unknown(shop: Workshop) -> None:
    """The other workspace's agent, project and run, against ids that nobody has."""
    other = await open_workshop(shop.app, shop.client)
    await other.ok("POST", f"{other.home}/context", {"data": {"secret": 1}})
    await other.ok("POST", f"{other.project}/default", {"data": {"secret": 1}})
    run_id = await speak(other)
    nobody = new_id()
    calls: list[tuple[str, str, Json]] = [
        ("GET", "", None),
        ("POST", "", {"data": {}}),
        ("POST", "/rollback", {"target_version": 1}),
        ("GET", "/versions", None),
        ("GET", "/diff?from=0", None),
        ("GET", "/versions/1/readers", None),
    ]
    pairs = [
        (f"{other.home}/context", f"/agents/{nobody}/context"),
        (f"{other.project}/default", f"/projects/{nobody}/contexts/default"),
    ]
    for foreign, unknown in pairs:
        for method, path, body in calls:
            answers = [await shop.ask(method, base + path, body) for base in (foreign, unknown)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].json()["code"] == answers[1].json()["code"]
    for path in (f"{shop.home}/context", f"{shop.project}/default"):
        for run in (run_id, nobody):
            for answer in (
                await shop.ask("GET", f"{path}?run_id={run}"),
                await shop.ask("POST", path, {"data": {}, "run_id": run}),
            ):
                assert (answer.status_code, answer.json()["code"]) == (404, "no_such_run")
    assert (await shop.ok("GET", f"{shop.home}/contexts"))["total"] == 0
    assert (await shop.ok("GET", shop.project))["total"] == 0
    assert (await other.ok("GET", f"{other.home}/context"))["current_version"] == 1


async def test_core_agents_ask_for_init(shop: Workshop) -> None:
    answer = await shop.ask("GET", "/agents/1/context")
    assert (answer.status_code, answer.json()["hint"]) == (503, "Call /api/init first")
