"""Who did what, as an administrator reads it: every verb of the rooms is there, paged, filtered and exported."""

import csv
import io
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient, RemoteProtocolError

from folkmoot.audit import export as exporting
from folkmoot.audit.tables import AuditEntry
from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject, loads
from folkmoot.runs.tables import RunSlots
from tests.serving import listening

AUDIT = "/api/audit"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """The default workspace's log, and no other test's."""
    return own_database_url


@dataclass
class Office:
    """A client that remembers which verbs have come through its calls, and about what."""

    client: AsyncClient
    done: list[tuple[str, str]] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        answer = await self.client.request(method, path, json=body)
        assert answer.is_success, answer.text
        told = loads(answer.content) if answer.content else {}
        assert isinstance(told, dict)
        return told

    async def do(self, verb: str, method: str, path: str, body: JsonObject | None = None) -> str:
        """The id of what the call has made, or of what its path names."""
        told = await self.ask(method, path, body)
        named = [part for part in path.partition("?")[0].split("/") if len(part) == 36]
        about = str(told.get("context_id") or told.get("id") or named[-1])
        self.done.append((verb, about))
        return about


def full(tx: Tx) -> None:
    """No run of any workspace gets a slot: it waits, and can be paused."""
    tx.write(sa.update(RunSlots).values(live=RunSlots.cap))


async def test_every_verb_of_the_rooms_is_recorded_once(app: FastAPI, client: AsyncClient) -> None:
    office = Office(client)
    await app.state.runtime.db.write(full)
    await tasks_and_runs(office)
    await agents_and_contexts(office)
    document: JsonObject = {"title": "a.md", "text": "After a crash all goes on."}
    document_id = await office.do("add_document", "POST", "/api/knowledge/documents", document)
    await office.ask("POST", "/api/knowledge/documents", document)
    await office.do("delete_document", "DELETE", f"/api/knowledge/documents/{document_id}")
    entries = (await client.get(AUDIT, params={"limit": 200})).json()["entries"]
    assert [(entry["verb"], entry["object_id"]) for entry in reversed(entries)] == office.done
    assert {(entry["actor_kind"], entry["address"]) for entry in entries} == {("user", "127.0.0.1")}


async def tasks_and_runs(office: Office) -> None:
    task_id = await office.do("create_task", "POST", "/api/tasks", {"description": "Summarise"})
    await office.do("change_task", "PATCH", f"/api/tasks/{task_id}", {"priority": "high"})
    run_id = await office.do("start_run", "POST", "/api/runs", {"task_id": task_id})
    await office.do("change_run", "PATCH", f"/api/runs/{run_id}", {"priority": "low"})
    for verb in ("pause", "resume", "cancel"):
        await office.do(f"{verb}_run", "POST", f"/api/runs/{run_id}/{verb}")
        await office.ask("POST", f"/api/runs/{run_id}/{verb}")  # again: nothing is changed
    await office.do("delete_run", "DELETE", f"/api/runs/{run_id}")
    await office.do("delete_task", "DELETE", f"/api/tasks/{task_id}")


async def agents_and_contexts(office: Office) -> None:
    agent_id = await office.do("create_agent", "POST", "/api/agents", {"definition_slug": "assistant"})
    agent = f"/api/agents/{agent_id}"
    await office.do("change_agent", "PATCH", agent, {"name": "Ada"})
    await office.ask("PATCH", agent, {"name": "Ada"})
    for verb in ("deactivate", "shutdown", "activate"):
        await office.do(f"{verb}_agent", "POST", f"{agent}/{verb}")
        await office.ask("POST", f"{agent}/{verb}")
    await office.do("deactivate_agent", "PATCH", agent, {"status": "idle"})
    project_id = (await office.ask("GET", agent))["project_id"]
    for kind, path in (("context", f"{agent}/context"), ("project_context", f"/api/projects/{project_id}/contexts/x")):
        await office.do(f"write_{kind}", "POST", path, {"data": {"a": 1}})
        await office.do(f"rollback_{kind}", "POST", f"{path}/rollback", {"target_version": 1})
    said = await office.ask("POST", f"{agent}/message", {"message": "Hello"})
    await office.ask("POST", f"{agent}/messages", {"direction": "inbound", "payload": {}})
    conversation = f"/api/conversations/{said['conversation_id']}"
    await office.do("rename_conversation", "PATCH", conversation, {"title": "Mine"})
    await office.do("delete_conversation", "DELETE", conversation)
    await office.do("delete_agent", "DELETE", agent)


async def make_tasks(client: AsyncClient, number: int) -> list[str]:
    """Ids, newest first."""
    made = [(await client.post("/api/tasks", json={"description": "Summarise"})).json()["id"] for _ in range(number)]
    return made[::-1]


async def test_pages_follow_each_other(client: AsyncClient) -> None:
    made = await make_tasks(client, 5)
    found: list[str] = []
    after: dict[str, str] = {}
    for _ in range(3):
        page = (await client.get(AUDIT, params={"limit": 2, "verb": "create_task", **after})).json()
        found += [entry["object_id"] for entry in page["entries"]]
        after = {"after": page["next"]}
    assert found == made
    assert page["next"] is None


async def test_what_is_asked_for_is_checked(client: AsyncClient) -> None:
    wrong = ("after=x", "limit=0", "limit=201", "since=soon", "since=0001-01-01T00:00:00%2B14:00", "verb=%EF%BB")
    for query in wrong[:5]:
        assert (await client.get(f"{AUDIT}?{query}")).status_code == 422, query
    assert (await client.get(f"{AUDIT}/export?format=xml")).status_code == 422
    [made] = await make_tasks(client, 1)
    for query in ("since=2020-01-01", "since=2020-01-01T00:00:00Z", "until=2999-01-01T00:00:00%2B02:00"):
        found = (await client.get(f"{AUDIT}?{query}&object_kind=task")).json()["entries"]
        assert [entry["object_id"] for entry in found] == [made], query


async def test_an_export_is_a_file(client: AsyncClient) -> None:
    made = await make_tasks(client, 3)
    answer = await client.get(f"{AUDIT}/export?format=csv&verb=create_task")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert [row["object_id"] for row in csv.DictReader(io.StringIO(answer.text))] == made
    lines = (await client.get(f"{AUDIT}/export?verb=create_task")).text.splitlines()
    rows = [row for line in lines if isinstance(row := loads(line), dict)]
    assert [row["object_id"] for row in rows] == made
    assert (await client.get(f"{AUDIT}/export?verb=none")).text == ""


async def test_an_export_that_breaks_is_no_whole_file(
    app: FastAPI, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ahead of the first page it is a problem like any other; after it the connection is cut."""
    await make_tasks(client, 3)
    monkeypatch.setattr(exporting, "PAGE", 2)
    db = app.state.runtime.db
    working, left = db.read_long, 1

    async def failing(*given: object) -> object:
        nonlocal left
        left -= 1
        if left < 0:
            raise DatabaseUnavailable
        return await working(*given)

    monkeypatch.setattr(db, "read_long", failing)
    async with listening(app) as address, AsyncClient(base_url=f"http://{address}") as reader:
        with pytest.raises(RemoteProtocolError):
            await reader.get(f"{AUDIT}/export")
        answer = await reader.get(f"{AUDIT}/export")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


async def test_another_workspaces_entries_are_its_own(client: AsyncClient) -> None:
    made = (await client.post("/api/workspaces", json={"name": "Other"})).json()
    there = {"X-Workspace-Id": made["id"]}
    await client.post("/api/tasks", json={"description": "Summarise"}, headers=there)
    assert (await client.get(f"{AUDIT}?object_kind=task")).json()["entries"] == []
    entries = (await client.get(AUDIT, headers=there)).json()["entries"]
    assert [entry["verb"] for entry in entries] == ["create_task", "create_workspace"]


async def test_a_deleted_workspace_leaves_its_entries_and_one_of_the_installation(
    app: FastAPI, client: AsyncClient
) -> None:
    made = (await client.post("/api/workspaces", json={"name": "Other"})).json()
    assert (await client.delete(f"/api/workspaces/{made['id']}?confirm=Other")).status_code == 204
    [told] = (await client.get(f"{AUDIT}/installation?verb=delete_workspace")).json()["entries"]
    assert (told["object_id"], told["detail"]) == (made["id"], {"slug": "other"})
    kept = sa.select(sa.func.count()).where(AuditEntry.workspace_id == made["id"])
    assert await app.state.runtime.db.read(lambda tx: tx.scalar(kept)) == 1
