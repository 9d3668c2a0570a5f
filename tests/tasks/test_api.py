"""Tasks over HTTP: given, changed, run, deleted; and everything that may be wrong about them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from folkmoot.accounts.rules import LOCAL_OWNER
from folkmoot.db.database import Database
from folkmoot.events.queries import list_events
from folkmoot.events.rules import about
from folkmoot.http.figures import Figures
from folkmoot.http.render import add_renderers
from folkmoot.http.requests import Requests
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.knowledge.library import Library
from folkmoot.knowledge.routes import router as knowledge_router
from folkmoot.knowledge.search import Search
from folkmoot.runs.routes import router as runs_router
from folkmoot.tasks.routes import router
from folkmoot.tasks.rules import TaskDefaults
from folkmoot.workspaces.deps import here, staying
from folkmoot.workspaces.stay import Stay, Stays
from tests.agents.office import always_local
from tests.databases import new_scope
from tests.llm.support import asked
from tests.stubs.openai_stub import Reply, team_script
from tests.teams.stage import stage

TASKS, RUNS = "/api/tasks", "/api/runs"
NEW = {"name": "Boat", "description": "Build a boat"}
CONFIG: dict[str, Any] = {
    "documents": [],
    "models": [],
    "plan_approval": None,
    "step_timeout_seconds": None,
    "operation": None,
    "parameters": None,
}


@dataclass
class Place:
    """A server in this process, with a language model that can be held up."""

    client: AsyncClient
    app: FastAPI
    say: list[Reply]
    is_asked: asyncio.Event

    async def task(self, **given: Any) -> dict[str, Any]:
        answer = await self.client.post(TASKS, json={**NEW, **given})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def run(self, task_id: str, wait: float = 20, **given: Any) -> dict[str, Any]:
        answer = await self.client.post(RUNS, json={"task_id": task_id, **given}, params={"wait": wait})
        assert answer.status_code == 202, answer.text
        run: dict[str, Any] = answer.json()
        return run

    async def shown(self, task_id: str) -> dict[str, Any]:
        task: dict[str, Any] = (await self.client.get(f"{TASKS}/{task_id}")).json()
        return task


@pytest.fixture
async def place(db: Database, scope: Scope) -> AsyncIterator[Place]:
    say: list[Reply] = []
    is_asked = asyncio.Event()

    def speak(body: JsonObject) -> Reply:
        is_asked.set()
        return say[0] if say else team_script(body)

    async with (
        asked(speak, default_model="openai:stub-1") as (gateway, _),
        stage(db, gateway) as engine,
    ):
        app = FastAPI()
        for part in (router, runs_router, knowledge_router):
            app.include_router(part)
        add_renderers(app)
        app.state.runtime = SimpleNamespace(db=db)
        app.state.engine = engine
        app.state.library = Library(engine, Search(db))
        app.state.task_defaults = TaskDefaults(max_rounds=7)
        app.dependency_overrides[here] = lambda: scope
        app.dependency_overrides[staying] = lambda: Stay(Stays(db, Supervisor(), always_local), LOCAL_OWNER, scope)
        transport = ASGITransport(Requests(app, Figures()))
        async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield Place(client, app, say, is_asked)


def problem(answer: Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    return body


async def test_a_task_is_given_shown_changed_and_deleted(place: Place) -> None:
    answer = await place.client.post(TASKS, json=NEW)
    assert answer.status_code == 201
    task = answer.json()
    assert answer.headers["location"] == f"{TASKS}/{task['id']}"
    expected = {
        "name": "Boat",
        "description": "Build a boat",
        "config": CONFIG,
        "team": "mgx",
        "priority": "normal",
        "max_rounds": 7,
        "max_revision_rounds": 2,
        "memory_size": 50,
        "budget": None,
        "status": "pending",
        "total_runs": 0,
        "successful_runs": 0,
        "failed_runs": 0,
        "success_rate": 0.0,
        "last_run_at": None,
        "last_run_duration": None,
        "last_error": None,
        "cursor": None,
    }
    assert {name: task[name] for name in expected} == expected
    assert await place.shown(task["id"]) == task
    assert (await place.client.get(TASKS)).json() == {"tasks": [task], "total": 1, "skip": 0, "limit": 50}

    change = {"name": "Ship", "max_rounds": 3, "priority": "high", "config": {"models": ["openai:stub-1"]}}
    changed = (await place.client.patch(f"{TASKS}/{task['id']}", json=change)).json()
    assert (changed["name"], changed["max_rounds"], changed["priority"]) == ("Ship", 3, "high")
    assert changed["config"] == {**CONFIG, "models": ["openai:stub-1"]}
    assert changed["description"] == "Build a boat"

    assert (await place.client.delete(f"{TASKS}/{task['id']}")).status_code == 204
    problem(await place.client.get(f"{TASKS}/{task['id']}"), 404, "no_such_task")


async def test_a_name_or_a_description_is_enough(place: Place) -> None:
    named = (await place.client.post(TASKS, json={"name": "Boat"})).json()
    assert named["description"] == "Boat"
    told = (await place.client.post(TASKS, json={"description": "Build\na boat"})).json()
    assert told["name"] == "Build a boat"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "give a description"),
        ({"name": ""}, "at least 1 character"),
        ({"name": "x" * 256}, "at most 255 characters"),
        ({"name": "  "}, "blank"),
        ({"description": "x" * 200_000}, "at most 100000 characters"),
        ({"name": "x\x00"}, "NUL"),
        ({**NEW, "max_rounds": 0}, "greater than or equal to 1"),
        ({**NEW, "max_rounds": 21}, "less than or equal to 20"),
        ({**NEW, "max_revision_rounds": 6}, "less than or equal to 5"),
        ({**NEW, "memory_size": 1001}, "less than or equal to 1000"),
        ({**NEW, "priority": "now"}, "'urgent'"),
        ({**NEW, "surprise": {"usd": 1}}, "not permitted"),
        ({**NEW, "config": {"surprise": 1}}, "not permitted"),
    ],
)
async def test_what_a_task_may_not_be(place: Place, body: dict[str, Any], says: str) -> None:
    told = problem(await place.client.post(TASKS, json=body), 422, "invalid")
    assert any(says in error["msg"] for error in told["errors"]), told["errors"]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"team": "nobody"}, 404, "no_such_team"),
        ({"config": {"documents": [new_id()]}}, 404, "no_such_document"),
        ({"config": {"models": ["nowhere:x"]}}, 422, "unknown_model"),
    ],
)
async def test_what_a_task_needs_must_be_there(place: Place, given: dict[str, Any], status: int, code: str) -> None:
    problem(await place.client.post(TASKS, json={**NEW, **given}), status, code)
    task = await place.task()
    problem(await place.client.patch(f"{TASKS}/{task['id']}", json=given), status, code)
    override = {"task_id": task["id"], **given.get("config", given)}
    problem(await place.client.post(RUNS, json=override), status, code)
    assert (await place.shown(task["id"]))["total_runs"] == 0


async def test_unknown_tasks_are_not_found(place: Place, db: Database) -> None:
    for task_id in (new_id(), "1", "nothing"):
        problem(await place.client.get(f"{TASKS}/{task_id}"), 404, "no_such_task")
        problem(await place.client.patch(f"{TASKS}/{task_id}", json={}), 404, "no_such_task")
        problem(await place.client.delete(f"{TASKS}/{task_id}"), 404, "no_such_task")
        problem(await place.client.post(RUNS, json={"task_id": task_id}), 404, "no_such_task")


async def test_another_workspace_does_not_see_it(place: Place, db: Database) -> None:
    task = await place.task()
    other = await db.write(new_scope)
    place.app.dependency_overrides[here] = lambda: other
    problem(await place.client.get(f"{TASKS}/{task['id']}"), 404, "no_such_task")
    problem(await place.client.post(RUNS, json={"task_id": task["id"]}), 404, "no_such_task")
    assert (await place.client.get(TASKS)).json()["tasks"] == []


async def test_a_run_is_started_and_its_task_keeps_count(place: Place) -> None:
    task = await place.task(config={"models": ["openai:stub-1"]})
    answer = await place.client.post(RUNS, json={"task_id": task["id"], "priority": "urgent", "metadata": {"a": 1}})
    assert answer.status_code == 202
    run = answer.json()
    assert answer.headers["location"] == f"{RUNS}/{run['id']}"
    assert (run["kind"], run["task_id"], run["run_number"], run["priority"]) == ("team", task["id"], 1, "urgent")
    assert (run["title"], run["metadata"]) == ("Boat", {"a": 1})
    ended = (await place.client.get(f"{RUNS}/{run['id']}/wait", params={"timeout": 20})).json()
    assert (ended["status"], ended["stop_reason"]) == ("completed", "approved")
    assert ended["results"]["summary"] == "All done."
    assert ended["plan"]["complexity"] == "S"

    shown = await place.shown(task["id"])
    assert (shown["status"], shown["total_runs"], shown["successful_runs"], shown["success_rate"]) == (
        "completed",
        1,
        1,
        1.0,
    )
    assert shown["last_run_duration"] >= 0
    assert shown["last_run_at"] == run["created_at"]

    place.say.append(Reply(text="no plan"))
    failed = await place.run(task["id"])
    assert (failed["status"], failed["error_code"], failed["run_number"]) == ("failed", "invalid_plan", 2)
    shown = await place.shown(task["id"])
    assert (shown["status"], shown["total_runs"], shown["failed_runs"]) == ("failed", 2, 1)
    assert shown["success_rate"] == 0.5
    assert shown["last_error"] == failed["error_message"]
    page = (await place.client.get(RUNS, params={"task_id": task["id"]})).json()
    assert [listed["run_number"] for listed in page["runs"]] == [2, 1]


async def test_overrides_hold_for_their_run_only(place: Place) -> None:
    task = await place.task()
    planned = await place.run(task["id"], max_rounds=1, max_revision_rounds=0, memory_size=3)
    assert planned["status"] == "completed"
    assert (await place.shown(task["id"]))["max_rounds"] == 7


async def test_tasks_are_filtered_by_status(place: Place) -> None:
    done, waiting = await place.task(name="Done"), await place.task(name="Waiting")
    await place.run(done["id"])
    for status, expected in (("completed", [done["id"]]), ("pending", [waiting["id"]]), ("failed", [])):
        page = (await place.client.get(TASKS, params={"status": status, "limit": 10})).json()
        assert ([task["id"] for task in page["tasks"]], page["total"]) == (expected, len(expected))
    assert [task["name"] for task in (await place.client.get(TASKS)).json()["tasks"]] == ["Waiting", "Done"]
    assert (await place.client.get(TASKS, params={"status": "nonsense"})).status_code == 422


async def test_the_same_key_is_the_same_run(place: Place) -> None:
    task = await place.task()
    body, headers = {"task_id": task["id"]}, {"Idempotency-Key": "k1"}
    first = await place.client.post(RUNS, json=body, headers=headers, params={"wait": 20})
    again = await place.client.post(RUNS, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert (await place.shown(task["id"]))["total_runs"] == 1

    problem(await place.client.post(RUNS, json={**body, "max_rounds": 1}, headers=headers), 409, "key_reused")
    other = await place.client.post(RUNS, json=body, headers={"Idempotency-Key": "k2"})
    assert other.json()["run_number"] == 2


async def test_the_same_key_at_the_same_moment_is_one_run(place: Place) -> None:
    task = await place.task()
    body, headers = {"task_id": task["id"]}, {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(*(place.client.post(RUNS, json=body, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_key_of_a_refused_request_is_free(place: Place) -> None:
    task = await place.task()
    headers = {"Idempotency-Key": "k1"}
    refused = await place.client.post(RUNS, json={"task_id": task["id"], "team": "nobody"}, headers=headers)
    problem(refused, 404, "no_such_team")
    assert (await place.client.post(RUNS, json={"task_id": task["id"]}, headers=headers)).status_code == 202


async def test_a_task_with_a_live_run_stays_as_it_is(place: Place) -> None:
    task = await place.task()
    place.say.append(Reply(breaks="hang_before"))
    run = await place.run(task["id"], wait=0)
    told = problem(await place.client.patch(f"{TASKS}/{task['id']}", json={"name": "x"}), 409, "task_is_live")
    assert told["run_ids"] == [run["id"]]
    problem(await place.client.delete(f"{TASKS}/{task['id']}"), 409, "task_is_live")

    gone = await place.client.delete(f"{TASKS}/{task['id']}", params={"cancel": True})
    assert gone.status_code == 204
    kept = (await place.client.get(f"{RUNS}/{run['id']}")).json()
    assert (kept["status"], kept["task_id"]) == ("cancelled", task["id"])


async def test_a_cancelled_run_counts_as_neither(place: Place) -> None:
    task = await place.task()
    place.say.append(Reply(breaks="hang_before"))
    run = await place.run(task["id"], wait=0)
    assert (await place.shown(task["id"]))["status"] in ("pending", "running")
    await place.client.post(f"{RUNS}/{run['id']}/cancel")
    shown = await place.shown(task["id"])
    assert (shown["status"], shown["total_runs"], shown["successful_runs"], shown["failed_runs"]) == (
        "cancelled",
        1,
        0,
        0,
    )


async def test_the_status_is_that_of_the_latest_run(place: Place) -> None:
    task = await place.task()
    place.say.append(Reply(breaks="hang_before"))
    slow = await place.run(task["id"], wait=0)
    await place.is_asked.wait()
    place.say.clear()
    await place.run(task["id"])
    assert (await place.shown(task["id"]))["status"] == "completed"
    await place.client.post(f"{RUNS}/{slow['id']}/cancel")
    assert (await place.shown(task["id"]))["status"] == "completed"


async def test_a_run_may_have_a_deadline(place: Place) -> None:
    task = await place.task()
    run = await place.run(task["id"], deadline_seconds=60)
    assert datetime.fromisoformat(run["deadline_at"]) - datetime.fromisoformat(run["created_at"]) == timedelta(
        minutes=1
    )
    refused = await place.client.post(RUNS, json={"task_id": task["id"], "deadline_seconds": 0})
    problem(refused, 422, "invalid")


async def test_every_verb_is_told(place: Place, db: Database, scope: Scope) -> None:
    task = await place.task()
    await place.client.patch(f"{TASKS}/{task['id']}", json={"name": "Ship"})
    cursor = (await place.client.get(f"{TASKS}/{task['id']}", params={"with_cursor": True})).json()["cursor"]
    run = await place.run(task["id"])
    await place.client.delete(f"{TASKS}/{task['id']}")

    events = await db.read(list_events, scope.workspace_id, 0, 200, about("task_id", task["id"]))
    assert [event.type for event in events][:2] == ["task_created", "resource_changed"]
    assert [event.seq for event in events][1] == cursor
    assert events[0].data["task"] == task
    changed = [event.data for event in events if event.type == "resource_changed"]
    assert [data["change"] for data in changed] == ["updated"] * (len(changed) - 1) + ["deleted"]
    views = [data["view"] for data in changed[:-1]]
    assert [view["status"] for view in views if isinstance(view, dict)] == [
        *("pending", "pending", "running", "completed")
    ]
    of_run = [event for event in events if event.run_id == run["id"]]
    assert [event.run_seq for event in of_run] == list(range(1, len(of_run) + 1))
    assert [event.type for event in of_run][-3:] == ["task_completed", "run_status_changed", "completion"]
    (completed,) = (event.data for event in events if event.type == "task_completed")
    assert completed == {"name": "Ship", "run_number": 1, "summary": "All done."}
