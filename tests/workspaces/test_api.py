"""Workspaces and projects over HTTP: made, named, changed, and deleted with all that is in them."""

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.accounts.rules import LOCAL_OWNER
from folkmoot.db.base import Table
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.runs.tables import Run
from folkmoot.workspaces.lookup import WorkspaceLookup
from folkmoot.workspaces.queries import tables_of, within
from folkmoot.workspaces.removal import finish_removals
from folkmoot.workspaces.tables import Project, Workspace

WORKSPACES = "/api/workspaces"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Deletion looks across workspaces, and lists are counted."""
    return own_database_url


async def make(client: AsyncClient, name: str, under: str = "", **more: Json) -> JsonObject:
    answer = await client.post(f"{WORKSPACES}{under}", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    made: JsonObject = answer.json()
    assert answer.headers["location"] == f"{WORKSPACES}{under}/{made['id']}"
    return made


async def furnish(client: AsyncClient, workspace: JsonObject, project: JsonObject | None = None) -> dict[str, str]:
    """A document, a task with a run that has ended, an agent that was spoken and written to."""
    headers = {"X-Workspace-Id": str(workspace["id"])}
    document = await client.post(
        "/api/knowledge/documents", json={"title": "a.md", "text": "After a crash all goes on."}, headers=headers
    )
    task = await client.post("/api/tasks", json={"description": "Summarise a.md"}, headers=headers)
    run = await client.post("/api/runs?wait=30", json={"task_id": task.json()["id"]}, headers=headers)
    assert run.json()["status"] == "completed", run.text
    place: JsonObject = {} if project is None else {"project_id": project["id"]}
    agent = await client.post("/api/agents", json={"definition_slug": "assistant", **place}, headers=headers)
    agent_path = f"/api/agents/{agent.json()['id']}"
    assert (await client.post(f"{agent_path}/message", json={"message": "Hello"}, headers=headers)).status_code == 200
    posted = {"direction": "inbound", "payload": {"n": 1}}
    assert (await client.post(f"{agent_path}/messages", json=posted, headers=headers)).status_code == 201
    ids = {"document": document, "task": task, "run": run, "agent": agent}
    return {name: str(answer.json()["id"]) for name, answer in ids.items()}


def count_in(tx: Tx, workspace_id: str) -> dict[str, int]:
    counted = {
        table.name: tx.scalar(sa.select(sa.func.count()).select_from(table).where(within(table, workspace_id, None)))
        for table in tables_of("workspace_id")
    }
    return {name: count for name, count in counted.items() if count}


def count_orphans(tx: Tx) -> int:
    """Rows of tables without a workspace of their own."""
    tables = [Table.metadata.tables[name] for name in ("messages", "run_journal", "run_agents", "chunks", "artifacts")]
    return sum(tx.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables)


async def test_made_listed_read_changed(client: AsyncClient) -> None:
    made = await make(client, "Hafen Köln", metadata={"team": "north"})
    assert (made["slug"], made["name"], made["metadata"]) == ("hafen-koln", "Hafen Köln", {"team": "north"})
    assert (await make(client, "Hafen Köln"))["slug"] == "hafen-koln-2"
    assert (await make(client, "北京"))["slug"] == "workspace"
    path = f"{WORKSPACES}/{made['id']}"
    assert (await client.get(path)).json() == made
    assert (await client.get(path.upper().replace("/API/WORKSPACES", WORKSPACES))).json() == made

    listed = (await client.get(f"{WORKSPACES}?limit=2")).json()
    assert [item["slug"] for item in listed["workspaces"]] == ["workspace", "hafen-koln-2"]
    assert (listed["total"], listed["skip"], listed["limit"]) == (4, 0, 2)
    rest = (await client.get(f"{WORKSPACES}?skip=2")).json()
    assert [item["slug"] for item in rest["workspaces"]] == ["hafen-koln", "default"]

    changed = (await client.patch(path, json={"name": "Port", "slug": "port"})).json()
    assert changed == {**made, "name": "Port", "slug": "port", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > made["updated_at"]
    assert (await client.patch(path, json={"metadata": {}})).json()["metadata"] == {}
    for slug, status in (("port", 200), ("hafen-koln", 404)):
        assert (await client.get("/api/tasks", headers={"X-Workspace-Slug": slug})).status_code == status


async def test_a_new_workspace_is_whole(client: AsyncClient) -> None:
    workspace = await make(client, "Whole")
    ids = await furnish(client, workspace)
    headers = {"X-Workspace-Slug": "whole"}
    assert (await client.get(f"/api/agents/{ids['agent']}", headers=headers)).status_code == 200
    assert (await client.get(f"/api/agents/{ids['agent']}")).status_code == 404
    projects = (await client.get(f"{WORKSPACES}/{workspace['id']}/projects")).json()
    assert [(project["slug"], project["workspace_id"]) for project in projects["projects"]] == [
        ("default", workspace["id"])
    ]


NO_SLUGS = ["-a", "A", "a b", "", "a" * 64, "ü", "a/b", "a\x00"]


async def test_slugs_that_are_none(client: AsyncClient) -> None:
    for slug in NO_SLUGS:
        default = (await client.get(WORKSPACES)).json()["workspaces"][0]
        for path in (WORKSPACES, f"{WORKSPACES}/{default['id']}/projects"):
            assert (await client.post(path, json={"name": "x", "slug": slug})).status_code == 422
        assert (await client.patch(f"{WORKSPACES}/{default['id']}", json={"slug": slug})).status_code == 422


async def test_slugs_that_are_taken(client: AsyncClient) -> None:
    one, two = await make(client, "One", slug="one"), await make(client, "Two", slug="two")
    again = await client.post(WORKSPACES, json={"name": "x", "slug": "one"})
    assert (again.status_code, again.json()["code"]) == (409, "slug_taken")
    assert (await client.patch(f"{WORKSPACES}/{two['id']}", json={"slug": "one"})).status_code == 409
    assert (await client.patch(f"{WORKSPACES}/{two['id']}", json={"slug": "two"})).status_code == 200

    under = f"/{one['id']}/projects"
    project = await make(client, "Berth", under)
    assert project["slug"] == "berth"
    assert (await make(client, "Berth", under))["slug"] == "berth-2"
    assert (await make(client, "Berth", f"/{two['id']}/projects"))["slug"] == "berth"
    assert (await client.post(f"{WORKSPACES}{under}", json={"name": "x", "slug": "berth"})).status_code == 409
    path = f"{WORKSPACES}{under}/{project['id']}"
    assert (await client.patch(path, json={"slug": "default"})).status_code == 409
    changed = (await client.patch(path, json={"slug": "quay", "metadata": {"a": [1]}})).json()
    assert (changed["slug"], changed["name"], changed["metadata"]) == ("quay", "Berth", {"a": [1]})
    assert (await client.get(path)).json() == changed


async def test_deleting_says_what_it_would_delete_and_needs_the_name(client: AsyncClient, app: FastAPI) -> None:
    kept, gone = await make(client, "Kept"), await make(client, "Gone & away")
    await furnish(client, kept)
    before = await app.state.runtime.db.read(count_in, kept["id"])
    orphans = await app.state.runtime.db.read(count_orphans)
    await furnish(client, gone)
    path = f"{WORKSPACES}/{gone['id']}"
    for query in ("", "?confirm=gone", f"?confirm={gone['slug']}"):
        refused = await client.delete(path + query)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_confirmed")
        would = refused.json()["would_delete"]
        assert {"agent_instances", "conversations", "documents", "projects", "runs", "tasks"} <= would.keys()
        assert (would["conversations"], would["projects"], would["tasks"]) == (2, 1, 1)
        assert refused.json()["name"] == "Gone & away"
        assert "confirm" in refused.json()["hint"]
    assert (await client.delete(path, params={"confirm": "Gone & away"})).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path, params={"confirm": "Gone & away"})).status_code == 404
    assert (await client.get("/api/tasks", headers={"X-Workspace-Id": str(gone["id"])})).status_code == 404
    assert await app.state.runtime.db.read(count_in, gone["id"]) == {}
    assert await app.state.runtime.db.read(count_in, kept["id"]) == before
    assert await app.state.runtime.db.read(count_orphans) == orphans
    assert (await make(client, "Gone & away"))["slug"] == gone["slug"]


async def test_deleting_a_project(client: AsyncClient, app: FastAPI) -> None:
    workspace = await make(client, "Docks")
    under = f"{WORKSPACES}/{workspace['id']}/projects"
    [first] = (await client.get(under)).json()["projects"]
    last = await client.delete(f"{under}/{first['id']}?confirm=default")
    assert (last.status_code, last.json()["code"]) == (409, "last_project")

    second = await make(client, "Second", f"/{workspace['id']}/projects")
    ids = await furnish(client, workspace, second)
    refused = await client.delete(f"{under}/{second['id']}")
    assert refused.json()["would_delete"] == {"agent_instances": 1, "conversations": 2}
    assert (await client.delete(f"{under}/{second['id']}?confirm=Second")).status_code == 204
    headers = {"X-Workspace-Id": str(workspace["id"])}
    assert (await client.get(f"/api/agents/{ids['agent']}", headers=headers)).status_code == 404
    assert (await client.get(f"/api/tasks/{ids['task']}", headers=headers)).status_code == 200
    assert (await client.get(f"{under}/{second['id']}")).status_code == 404

    third = await make(client, "Third", f"/{workspace['id']}/projects")
    assert (await client.delete(f"{under}/{first['id']}?confirm=default")).status_code == 204
    made = await client.post("/api/agents", json={"definition_slug": "assistant"}, headers=headers)
    assert made.json()["project_id"] == third["id"]


async def test_the_default_workspace_stays(client: AsyncClient) -> None:
    default = (await client.get(WORKSPACES)).json()["workspaces"][0]
    path = f"{WORKSPACES}/{default['id']}"
    for answer in (await client.delete(f"{path}?confirm=default"), await client.patch(path, json={"slug": "other"})):
        assert (answer.status_code, answer.json()["code"]) == (409, "default_stays")
    assert (await client.patch(path, json={"name": "Home", "slug": "default"})).json()["name"] == "Home"
    assert (await client.get("/api/tasks")).status_code == 200


async def test_live_runs_keep_it(client: AsyncClient, app: FastAPI) -> None:
    workspace = await make(client, "Busy")
    ids = await furnish(client, workspace)

    def revive(tx: Tx, status: str) -> None:
        alive = sa.update(Run).where(Run.id == ids["run"]).values(status=status)
        tx.write(alive)

    await app.state.runtime.db.write(revive, "paused")
    other = await make(client, "Other", f"/{workspace['id']}/projects")
    path = f"{WORKSPACES}/{workspace['id']}"
    refused = await client.delete(f"{path}?confirm=Busy")
    assert (refused.status_code, refused.json()["code"], refused.json()["live_runs"]) == (409, "has_live_runs", 1)
    [first] = [item for item in (await client.get(f"{path}/projects")).json()["projects"] if item != other]
    refused = await client.delete(f"{path}/projects/{first['id']}?confirm=default")
    assert (refused.status_code, refused.json()["code"]) == (409, "has_live_runs")
    assert (await client.delete(f"{path}/projects/{other['id']}?confirm=Other")).status_code == 204
    await app.state.runtime.db.write(revive, "cancelled")
    assert (await client.delete(f"{path}?confirm=Busy")).status_code == 204


async def test_an_interrupted_deletion_is_finished(client: AsyncClient, app: FastAPI) -> None:
    workspace, other = await make(client, "Half"), await make(client, "Other")
    await furnish(client, workspace)
    project = await make(client, "Half", f"/{other['id']}/projects")

    def begin(tx: Tx) -> None:
        tx.write(sa.update(Workspace).where(Workspace.id == workspace["id"]).values(status="deleting"))
        tx.write(sa.update(Project).where(Project.id == project["id"]).values(status="deleting"))

    db = app.state.runtime.db
    await db.write(begin)
    assert (await client.get(f"{WORKSPACES}/{other['id']}/projects/{project['id']}")).status_code == 404
    await finish_removals(db)
    assert await db.read(count_in, workspace["id"]) == {}
    listed = (await client.get(f"{WORKSPACES}/{other['id']}/projects")).json()
    assert [item["slug"] for item in listed["projects"]] == ["default"]


async def test_unknown_workspaces_and_projects(client: AsyncClient) -> None:
    one, two = await make(client, "One"), await make(client, "Two")
    foreign = (await client.get(f"{WORKSPACES}/{two['id']}/projects")).json()["projects"][0]["id"]

    async def is_unknown(path: str, what: str) -> None:
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
            answer = await client.request(method, f"{WORKSPACES}/{path}", json=body)
            assert (answer.status_code, answer.json()["detail"]) == (404, f"{what} not found")

    for path in ("x", new_id(), "default", "%27"):
        await is_unknown(path, "Workspace")
        await is_unknown(f"{path}/projects/{foreign}", "Workspace")
    for path in ("x", new_id(), foreign):
        await is_unknown(f"{one['id']}/projects/{path}", "Project")


async def test_every_verb_is_told(client: AsyncClient, app: FastAPI) -> None:
    workspace = await make(client, "Told")
    await client.patch(f"{WORKSPACES}/{workspace['id']}", json={"name": "Told"})
    under = f"{WORKSPACES}/{workspace['id']}/projects"
    project = await make(client, "P", f"/{workspace['id']}/projects")
    await client.patch(f"{under}/{project['id']}", json={"name": "Q"})
    await client.delete(f"{under}/{project['id']}?confirm=Q")

    def told(tx: Tx) -> list[tuple[object, ...]]:
        mine = sa.select(Event.type, Event.data).where(Event.workspace_id == workspace["id"]).order_by(Event.seq)
        return [(row.type, row.data["resource"], row.data["change"]) for row in tx.all(Event, mine)]

    assert await app.state.runtime.db.read(told) == [
        ("resource_changed", "workspace", "created"),
        ("resource_changed", "project", "created"),
        ("resource_changed", "workspace", "updated"),
        ("resource_changed", "project", "created"),
        ("resource_changed", "project", "updated"),
        ("resource_changed", "project", "deleted"),
    ]


async def test_a_lookup_forgets_what_is_going(client: AsyncClient, app: FastAPI) -> None:
    lookup: WorkspaceLookup = app.state.workspaces
    workspace = await make(client, "Short")
    headers = {"X-Workspace-Id": str(workspace["id"])}
    assert (await client.get("/api/tasks", headers=headers)).status_code == 200
    assert (await lookup.find(LOCAL_OWNER, ("slug", "short"))).workspace_id == workspace["id"]
    assert (await client.delete(f"{WORKSPACES}/{workspace['id']}?confirm=Short")).status_code == 204
    assert (await client.get("/api/tasks", headers=headers)).status_code == 404
