"""Two workspaces in one database with the same things in each, for the tests that nothing leaks between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.agents.tables import AgentDefinition, AgentInstance
from folkmoot.automation.deliveries import new_delivery
from folkmoot.automation.tables import WebhookDelivery
from folkmoot.db.base import Table
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope

FOREIGN, OWN = "@", "="
"""How a case marks a value: `@task` is the other workspace's task, `=task` the caller's."""

# As long as those they stand for, so that an answer differs by no byte.
_UNKNOWN = {
    "agent_number": "7777",
    "agent_slug": "agent-z",
    "artifact_name": "s9.md",
    "definition_slug": "writer-x",
    "context_name": "plan-x",
    "context_version": "7",
    "workspace_slug": "nowhere",
    "secret_name": "secret_x",
}

_DEFINITION = AgentDefinition.__table__.columns


@dataclass(frozen=True)
class Place:
    """A workspace, the credential of its owner, and the names by which its things are reached."""

    client: AsyncClient
    scope: Scope
    credential: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {**self.credential, "X-Workspace-Id": self.scope.workspace_id}

    async def post(self, path: str, body: JsonObject) -> dict[str, str]:
        answer = await self.client.post(path, json=body, headers=self.headers)
        assert answer.is_success, answer.text
        made: dict[str, str] = answer.json()
        return made


async def furnish(
    app: FastAPI, client: AsyncClient, scope: Scope, letter: str, number: int, credential: dict[str, str] | None = None
) -> Place:
    """One of everything; its agent gets the number and, as its definition, a slug with the letter.

    Without a credential it is the local owner who does it.
    """
    place, db = Place(client, scope, credential or {}), app.state.runtime.db
    document = await place.post("/api/knowledge/documents", {"title": "a.md", "text": "After a crash all goes on."})
    task = await place.post("/api/tasks", {"description": "Summarise a.md", "config": {"documents": [document["id"]]}})
    run = await place.post("/api/runs?wait=30", {"task_id": task["id"]})
    assert run["status"] == "completed", run
    definition_id = await db.write(_define, scope, f"writer-{letter}")
    agent = await place.post("/api/agents", {"definition_id": definition_id, "name": f"agent-{letter}"})
    reply = await place.post(f"/api/agents/{agent['id']}/message", {"message": "Hello"})
    await db.write(_renumber, agent["id"], number)
    posted = await place.post(
        f"/api/agents/{agent['id']}/messages", {"direction": "inbound", "payload": {"from": letter}}
    )
    shared = f"/api/projects/{scope.project_id}/contexts/plan-{letter}"
    for context in (f"/api/agents/{agent['id']}/context", shared):
        await place.post(context, {"data": {"from": letter}})
        read = await client.get(context, params={"run_id": run["id"]}, headers=place.headers)
        assert read.is_success, read.text
    invitation = await place.post(f"/api/workspaces/{scope.workspace_id}/invitations", {"role": "viewer"})
    path = f"/api/workspaces/{scope.workspace_id}/secrets/secret_{letter}"
    secret = await client.put(path, json={"value": f"of {letter}"}, headers=place.headers)
    assert secret.is_success, secret.text
    place.names.update(
        **await _automate(place, db, task["id"]),
        task=task["id"],
        run=run["id"],
        document=document["id"],
        agent=agent["id"],
        agent_number=str(number),
        agent_slug=agent["slug"],
        definition=definition_id,
        definition_slug=f"writer-{letter}",
        conversation=reply["conversation_id"],
        message=posted["id"],
        workspace=scope.workspace_id,
        invitation=invitation["id"],
        project=scope.project_id,
        artifact=await _artifact(place, run["id"]),
        artifact_name="s1.md",
        context_name=f"plan-{letter}",
        context_version="1",
        secret_name=f"secret_{letter}",
    )
    return place


async def _artifact(place: Place, run_id: str) -> str:
    answer = await place.client.get(f"/api/runs/{run_id}/artifacts", headers=place.headers)
    return str(answer.json()["artifacts"][0]["id"])


def _define(tx: Tx, scope: Scope, slug: str) -> str:
    """A definition private to the workspace."""
    known = tx.first(AgentDefinition, sa.select(*_DEFINITION).where(AgentDefinition.slug == "assistant"))
    assert known is not None
    row = {column.name: getattr(known, column.name) for column in _DEFINITION}
    row |= {"id": new_id(), "workspace_id": scope.workspace_id, "slug": slug, "created_at": now(), "updated_at": now()}
    tx.write(sa.insert(AgentDefinition), row)
    return str(row["id"])


async def _automate(place: Place, db: Database, task_id: str) -> dict[str, str]:
    schedule = await place.post("/api/schedules", {"name": "Rare", "cron": "0 0 29 2 *", "task_id": task_id})
    hook: JsonObject = {"name": "Tickets", "url": "https://hooks.example/", "types": ["failure"], "is_enabled": False}
    webhook = await place.post("/api/webhooks", hook)
    delivery_id = await db.write(_deliver, webhook["id"])
    return {"schedule": schedule["id"], "webhook": webhook["id"], "delivery": delivery_id}


def _deliver(tx: Tx, webhook_id: str) -> str:
    """One that was given up: in tests nothing is called."""
    row = new_delivery(webhook_id, "failure", "{}", now(), 1) | {"status": "failed", "next_at": None}
    tx.write(sa.insert(WebhookDelivery), row)
    return str(row["id"])


def _renumber(tx: Tx, agent_id: str, number: int) -> None:
    tx.write(sa.update(AgentInstance).where(AgentInstance.id == agent_id).values(number=number))


def unknown_names() -> dict[str, str]:
    """As a place has them, but nothing has them."""
    ids = ["task", "run", "document", "agent", "definition", "conversation", "message", "project", "artifact"]
    ids += ["workspace", "invitation", "user", "api_key", "schedule", "webhook", "delivery"]
    return {**{name: new_id() for name in ids}, **_UNKNOWN}


def filled(value: Json, own: Mapping[str, str], other: Mapping[str, str]) -> Json:
    """The value with the names it marks put in."""
    match value:
        case str() if value[:1] in (FOREIGN, OWN):
            return (other if value[0] == FOREIGN else own)[value[1:]]
        case str() if f":{FOREIGN}" in value:  # a channel
            kind, _, name = value.partition(":")
            return f"{kind}:{filled(name, own, other)}"
        case list():
            return [filled(item, own, other) for item in value]
        case dict():
            return {name: filled(item, own, other) for name, item in value.items()}
        case _:
            return value


async def dump(db: Database) -> dict[str, list[str]]:
    """Every row of every table."""
    return await db.read_long(_dump)


def _dump(tx: Tx) -> dict[str, list[str]]:
    tables = Table.metadata.sorted_tables
    return {table.name: sorted(map(repr, tx.all(Table, sa.select(*table.columns)))) for table in tables}
