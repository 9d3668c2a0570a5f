"""A schedule starts its run once for each time, whoever looks, whenever a process dies, and says so."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.automation import schedules
from folkmoot.automation.queries import due_schedules, get_schedule
from folkmoot.automation.schedules import start_due, start_one
from folkmoot.automation.tables import Schedule, ScheduleStart
from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.engine.local import LocalDispatcher
from folkmoot.events.queries import list_events
from folkmoot.kernel.clock import iso, now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.runs.engine import RunEngine
from tests.databases import new_scope

pytestmark = pytest.mark.system  # what happens with time, and hooks that take some

DAILY = {"name": "Daily", "cron": "30 7 * * *", "zone": "Europe/Berlin", "task": {"description": "Say what is new"}}


class Office:
    """A workspace of the application that no loop looks after but the test."""

    def __init__(self, app: FastAPI, client: AsyncClient, scope: Scope) -> None:
        self.engine: RunEngine = app.state.engine
        self.db: Database = app.state.runtime.db
        self.client = client
        self.scope = scope
        self.headers = {"X-Workspace-Id": scope.workspace_id}

    async def ask(self, method: str, path: str, body: object = None, status: int = 200, **headers: str) -> Any:
        answer = await self.client.request(
            method, f"/api/schedules{path}", json=body, headers={**self.headers, **headers}
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def make(self, **given: object) -> Any:
        return await self.ask("POST", "", {**DAILY, **given}, 201)

    async def starts(self, schedule_id: str) -> Any:
        return (await self.ask("GET", f"/{schedule_id}/runs"))["starts"]

    async def row(self, schedule_id: str) -> Schedule:
        return await self.db.read(get_schedule, self.scope, schedule_id)


@pytest.fixture
async def office(app: FastAPI, client: AsyncClient) -> Office:
    return Office(app, client, await app.state.runtime.db.write(new_scope))


def set_due(tx: Tx, schedule_id: str, at: datetime) -> None:
    tx.write(sa.update(Schedule).where(Schedule.id == schedule_id).values(next_at=at))


async def test_its_life(office: Office) -> None:
    made = await office.make(input={"priority": "high", "metadata": {"a": 1}})
    assert (made["is_paused"], made["last_run_id"], made["zone"]) == (False, None, "Europe/Berlin")
    due = datetime.fromisoformat(made["next_at"])
    assert now() < due <= now() + timedelta(days=1, hours=1)
    task = await office.client.get(f"/api/tasks/{made['task_id']}", headers=office.headers)
    assert task.json()["description"] == "Say what is new"
    assert (await office.ask("GET", ""))["schedules"] == [await office.ask("GET", f"/{made['id']}")] == [made]
    changed = await office.ask("PATCH", f"/{made['id']}", {"cron": "0 9 * * *", "zone": "UTC"})
    assert datetime.fromisoformat(changed["next_at"]).strftime("%H:%M") == "09:00"
    assert (changed["name"], changed["input"]) == ("Daily", made["input"])
    paused = await office.ask("POST", f"/{made['id']}/pause")
    assert (paused["is_paused"], paused["next_at"]) == (True, None)
    assert (await office.ask("PATCH", f"/{made['id']}", {"cron": "0 10 * * *"}))["next_at"] is None
    assert await office.ask("POST", f"/{made['id']}/pause") == await office.ask("GET", f"/{made['id']}")
    resumed = await office.ask("POST", f"/{made['id']}/resume")
    assert datetime.fromisoformat(resumed["next_at"]).strftime("%H:%M") == "10:00"
    await office.ask("DELETE", f"/{made['id']}", status=204)
    assert (await office.ask("GET", f"/{made['id']}", status=404))["code"] == "no_such_schedule"
    assert (await office.client.get(f"/api/tasks/{made['task_id']}", headers=office.headers)).status_code == 200


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"cron": "every day"}, "cron"),
        ({"cron": "0 0 31 2 *"}, "cron"),
        ({"zone": "Europe/Atlantis"}, "zone"),
        ({"task": None}, ""),
        ({"task_id": new_id()}, ""),
        ({"task": {"description": " "}}, "task"),
        ({"input": {"max_rounds": 99}}, "input"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_nonsense_is_named(office: Office, given: dict[str, object], where: str) -> None:
    problem = await office.ask("POST", "", {**DAILY, **given}, 422)
    assert not where or where in [place for error in problem["errors"] for place in error["loc"]]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"task": None, "task_id": new_id()}, "no_such_task"),
        ({"input": {"team": "nobody"}}, "no_such_team"),
        ({"input": {"documents": [new_id()]}}, "no_such_document"),
        ({"input": {"models": ["nobody:nothing"]}}, "unknown_model"),
    ],
)
async def test_what_could_not_be_started_is_refused_at_once(
    office: Office, given: dict[str, object], code: str
) -> None:
    answer = await office.client.post("/api/schedules", json={**DAILY, **given}, headers=office.headers)
    assert (answer.status_code in (404, 422), answer.json()["code"]) == (True, code)
    assert (await office.client.get("/api/tasks", headers=office.headers)).json()["total"] == 0


async def test_a_due_one_starts_its_run_and_moves_on(office: Office) -> None:
    made = await office.make(input={"priority": "high", "max_rounds": 2, "metadata": {"a": 1}})
    due = datetime.fromisoformat(made["next_at"])
    await start_due(office.engine, due - timedelta(seconds=1))
    assert await office.starts(made["id"]) == []
    await start_due(office.engine, due)
    [start] = await office.starts(made["id"])
    assert (start["due_at"], start["error_code"]) == (made["next_at"], None)
    run = (await office.client.get(f"/api/runs/{start['run_id']}/wait", headers=office.headers)).json()
    assert (run["status"], run["priority"], run["task_id"]) == ("completed", "high", made["task_id"])
    assert run["metadata"] == {"a": 1, "schedule_id": made["id"], "due_at": iso(due)}
    shown = await office.ask("GET", f"/{made['id']}")
    assert datetime.fromisoformat(shown["next_at"]) == due + timedelta(days=1)
    assert (shown["last_run_id"], shown["last_error"]) == (run["id"], None)
    assert (await office.starts(made["id"]))[0]["status"] == "completed"
    log = await office.client.get("/api/audit", params={"object_id": run["id"]}, headers=office.headers)
    assert [entry["actor_id"] for entry in log.json()["entries"]] == [made["id"]]


async def test_many_missed_times_are_one_run(office: Office) -> None:
    made = await office.make(cron="*/5 * * * *", zone="UTC")
    missed = datetime(2036, 1, 5, 3, 0, tzinfo=UTC)
    await office.db.write(set_due, made["id"], missed)
    late = datetime(2036, 1, 8, 12, 2, 30, tzinfo=UTC)
    for _ in range(3):
        await start_due(office.engine, late)
    [start] = await office.starts(made["id"])
    assert datetime.fromisoformat(start["due_at"]) == missed
    assert (await office.row(made["id"])).next_at == datetime(2036, 1, 8, 12, 5, tzinfo=UTC)


async def test_a_crash_between_start_and_next_time_leaves_neither(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies before its unit is committed: nothing of it is there, and the next one does all of it."""
    made = await office.make()
    due = datetime.fromisoformat(made["next_at"])
    before = await office.db.read(list_events, office.scope.workspace_id, 0, 1000)
    for step in ("run_task", "_note", "_change"):

        def die(*_: object, step: str = step, **__: object) -> None:
            raise SystemError(f"died at {step}")

        row = await office.row(made["id"])
        with monkeypatch.context() as patch:
            patch.setattr(schedules, step, die)
            with pytest.raises(SystemError):
                await office.db.write(start_one, office.engine, schedules.scope_of(row), row, due)
        assert await office.row(made["id"]) == row
    assert await office.db.read(list_events, office.scope.workspace_id, 0, 1000) == before
    assert (await office.client.get("/api/runs", headers=office.headers)).json()["total"] == 0
    await start_due(office.engine, due)
    assert len(await office.starts(made["id"])) == 1


async def test_two_processes_start_one_run(office: Office, database_url: str) -> None:
    """Both have seen that it is due; what the slower one holds of it is old."""
    made = await office.make()
    due = datetime.fromisoformat(made["next_at"])
    other_db = connect(database_url, office.db.hooks)
    await other_db.open()
    try:
        supervisor = Supervisor()
        other = RunEngine(other_db, LocalDispatcher(supervisor), supervisor, new_id())
        for executor in office.engine.executors.values():
            other.register(executor)
        [seen] = [row for row in await other_db.read(due_schedules, due, 100) if row.id == made["id"]]
        there = schedules.scope_of(seen)
        both = [(office.db, office.engine), (other_db, other)] * 5
        started = await asyncio.gather(*(db.write(start_one, engine, there, seen, due) for db, engine in both))
        assert len([run for run in started if run is not None]) == 1
        await asyncio.gather(start_due(office.engine, due), start_due(other, due))
        assert len(await office.starts(made["id"])) == 1
        assert (await office.client.get("/api/runs", headers=office.headers)).json()["total"] == 1
    finally:
        await other_db.close()


async def test_one_time_stands_once_in_the_database(office: Office) -> None:
    made = await office.make()
    row = dict.fromkeys(ScheduleStart.__table__.columns.keys())
    row |= {"schedule_id": made["id"], "due_at": now(), "at": now()}

    def twice(tx: Tx) -> None:
        for _ in range(2):
            tx.write(sa.insert(ScheduleStart), {**row, "id": new_id()})

    with pytest.raises(sa.exc.IntegrityError):
        await office.db.write(twice)


async def test_a_clock_that_is_behind_starts_nothing_again(office: Office) -> None:
    """Another machine has started it already, by a clock that is ahead."""
    made = await office.make(cron="0 12 * * *", zone="UTC")
    await start_due(office.engine, datetime.fromisoformat(made["next_at"]) + timedelta(days=2, minutes=1))
    changed = await office.ask("PATCH", f"/{made['id']}", {"cron": "0 12 * * *"})
    assert datetime.fromisoformat(changed["next_at"]) == datetime.fromisoformat(made["next_at"]) + timedelta(days=3)


async def test_what_cannot_be_started_is_said_and_goes_on(office: Office) -> None:
    document = await office.client.post(
        "/api/knowledge/documents", json={"title": "a.md", "text": "All goes on."}, headers=office.headers
    )
    made = await office.make(input={"documents": [document.json()["id"]]})
    await office.client.delete(f"/api/knowledge/documents/{document.json()['id']}", headers=office.headers)
    due = datetime.fromisoformat(made["next_at"])
    await start_due(office.engine, due)
    [start] = await office.starts(made["id"])
    assert (start["run_id"], start["error_code"]) == (None, "no_such_document")
    shown = await office.ask("GET", f"/{made['id']}")
    assert (shown["is_paused"], shown["last_error"]) == (False, "Document not found")
    assert datetime.fromisoformat(shown["next_at"]) == due + timedelta(days=1)


async def test_without_its_task_it_is_paused(office: Office) -> None:
    made, other = await office.make(), await office.make(name="Other")
    await office.client.delete(f"/api/tasks/{made['task_id']}", headers=office.headers)
    await start_due(office.engine, datetime.fromisoformat(made["next_at"]))
    shown = await office.ask("GET", f"/{made['id']}")
    assert (shown["is_paused"], shown["next_at"], shown["last_error"]) == (True, None, "Task not found")
    assert len(await office.starts(other["id"])) == 1, "what is wrong with one keeps no other from its start"


async def test_run_now(office: Office) -> None:
    made = await office.make(is_paused=True)
    key = {"idempotency-key": "one"}
    run = await office.ask("POST", f"/{made['id']}/run?wait=30", status=202, **key)
    assert run["status"] == "completed"
    assert (await office.ask("POST", f"/{made['id']}/run", status=202, **key))["id"] == run["id"]
    [start] = await office.starts(made["id"])
    assert (start["due_at"], start["run_id"], start["status"]) == (None, run["id"], "completed")
    other = await office.make(name="Other")
    assert (await office.ask("POST", f"/{other['id']}/run", status=409, **key))["code"] == "key_reused"
    shown = await office.ask("GET", f"/{made['id']}")
    assert (shown["is_paused"], shown["next_at"], shown["last_run_id"]) == (True, None, run["id"])


async def test_history_is_bounded(office: Office) -> None:
    made = await office.make(cron="* * * * *", zone="UTC")
    row = dict.fromkeys(ScheduleStart.__table__.columns.keys()) | {"schedule_id": made["id"], "at": now()}
    old = [{**row, "id": new_id()} for _ in range(600)]
    await office.db.write(lambda tx: tx.write(sa.insert(ScheduleStart), old))
    await start_due(office.engine, datetime.fromisoformat(made["next_at"]))
    page = await office.ask("GET", f"/{made['id']}/runs?limit=1")
    assert page["total"] == 500
    assert page["starts"][0]["run_id"] is not None


async def test_those_of_a_workspace_that_is_going_start_nothing(office: Office) -> None:
    made = await office.make()
    gone = "update projects set status = 'deleting' where id = :id"
    await office.db.write(lambda tx: tx.write(sa.text(gone), {"id": office.scope.project_id}))
    due = datetime.fromisoformat(made["next_at"])
    assert made["id"] not in {row.id for row in await office.db.read(due_schedules, due, 1000)}
