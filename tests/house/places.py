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
from folkmoot.runs.asking import ask, withdraw
from folkmoot.runs.journal import Ask
from folkmoot.runs.queries import get_run

FOREIGN, OWN = "@", "="
"""How a case marks a value: `@task` is the other workspace's task, `=task` the caller's."""

# As long as those they stand for, so that an answer differs by no byte.
_UNKNOWN = {
    "agent_number": "7777",
    "agent_slug": "agent-z",
    "team_slug": "desk-z",
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
    await _share(place, letter, agent["id"], run["id"])
    invitation = await place.post(f"/api/workspaces/{scope.workspace_id}/invitations", {"role": "viewer"})
    path = f"/api/workspaces/{scope.workspace_id}/secrets/secret_{letter}"
    secret = await client.put(path, json={"value": f"of {letter}"}, headers=place.headers)
    assert secret.is_success, secret.text
    place.names.update(
        **await _automate(place, db, task["id"]),
        **await _team(place, letter),
        **await _debate(place, agent["id"]),
        **await _room(place, agent["id"]),
        **await _of_run(place, db, run["id"]),
        task=task["id"],
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
        context_name=f"plan-{letter}",
        context_version="1",
        secret_name=f"secret_{letter}",
    )
    return place


async def _share(place: Place, letter: str, agent_id: str, run_id: str) -> None:
    """A context of the agent's and one of the project's, both read by the run."""
    shared = f"/api/projects/{place.scope.project_id}/contexts/plan-{letter}"
    for context in (f"/api/agents/{agent_id}/context", shared):
        await place.post(context, {"data": {"from": letter}})
        read = await place.client.get(context, params={"run_id": run_id}, headers=place.headers)
        assert read.is_success, read.text


async def _of_run(place: Place, db: Database, run_id: str) -> dict[str, str]:
    answer = await place.client.get(f"/api/runs/{run_id}/artifacts", headers=place.headers)
    artifact = str(answer.json()["artifacts"][0]["id"])
    approval = await db.write(_ask, place.scope, run_id)
    return {"run": run_id, "artifact": artifact, "artifact_name": "s1.md", "approval": approval}


def _define(tx: Tx, scope: Scope, slug: str) -> str:
    """A definition private to the workspace."""
    known = tx.first(AgentDefinition, sa.select(*_DEFINITION).where(AgentDefinition.slug == "assistant"))
    assert known is not None
    row = {column.name: getattr(known, column.name) for column in _DEFINITION}
    row |= {"id": new_id(), "workspace_id": scope.workspace_id, "slug": slug, "created_at": now(), "updated_at": now()}
    tx.write(sa.insert(AgentDefinition), row)
    return str(row["id"])


async def _team(place: Place, letter: str) -> dict[str, str]:
    role: JsonObject = {"slug": "worker", "instructions": "You work."}
    team = await place.post("/api/teams", {"slug": f"desk-{letter}", "lead": role, "members": [role]})
    return {"team": team["id"], "team_slug": team["slug"]}


async def _debate(place: Place, agent_id: str) -> dict[str, str]:
    other = await place.post("/api/agents", {"definition_slug": "assistant", "name": "other"})
    config = {"debate_topic": "Which one?", "problem_statement": "Say which."}
    body: JsonObject = {**config, "selected_agents": [agent_id, other["id"]]}
    return {"debate": (await place.post("/api/debate/initialize", body))["debate_id"], "other": other["id"]}


async def _room(place: Place, agent_id: str) -> dict[str, str]:
    """Nobody speaks in it."""
    room = await place.post("/api/rooms", {"name": "Harbour"})
    await place.post(f"/api/rooms/{room['id']}/members", {"agent_id": agent_id})
    said = await place.post(f"/api/rooms/{room['id']}/messages", {"content": "Hello"})
    file: JsonObject = {"title": "b.md", "text": "The harbour freezes."}
    attached = await place.post(f"/api/rooms/{room['id']}/attachments", file)
    return {"room": room["id"], "room_message": said["id"], "attachment": attached["id"]}


async def _automate(place: Place, db: Database, task_id: str) -> dict[str, str]:
    schedule = await place.post("/api/schedules", {"name": "Rare", "cron": "0 0 29 2 *", "task_id": task_id})
    hook: JsonObject = {"name": "Tickets", "url": "https://hooks.example/", "types": ["failure"], "is_enabled": False}
    webhook = await place.post("/api/webhooks", hook)
    delivery_id = await db.write(_deliver, webhook["id"])
    budget = await place.post("/api/budgets", {"scope_kind": "workspace", "usd": "1000"})
    server = await place.post("/api/mcp-servers", {"name": "x", "url": "https://mcp.example/", "is_enabled": False})
    return {
        "schedule": schedule["id"],
        "webhook": webhook["id"],
        "delivery": delivery_id,
        "budget": budget["id"],
        "mcp_server": server["id"],
    }


def _deliver(tx: Tx, webhook_id: str) -> str:
    """One that was given up: in tests nothing is called."""
    row = new_delivery(webhook_id, "failure", "{}", now(), 1) | {"status": "failed", "next_at": None}
    tx.write(sa.insert(WebhookDelivery), row)
    return str(row["id"])


def _ask(tx: Tx, scope: Scope, run_id: str) -> str:
    """As its run would have, and withdrawn as that has ended."""
    run, approval_id = get_run(tx, scope, run_id), new_id()
    question = Ask(key="plan", group="plan", subject="plan", question="Shall the team work by this plan?")
    ask(tx, run, question, approval_id)
    withdraw(tx, run)
    return approval_id


def _renumber(tx: Tx, agent_id: str, number: int) -> None:
    tx.write(sa.update(AgentInstance).where(AgentInstance.id == agent_id).values(number=number))


def unknown_names() -> dict[str, str]:
    """As a place has them, but nothing has them."""
    ids = ["team", "task", "run", "document", "agent", "definition", "conversation", "message", "project", "artifact"]
    ids += ["room", "room_message", "attachment", "debate", "other", "mcp_server"]
    ids += ["approval", "workspace", "invitation", "user", "api_key", "schedule", "webhook", "delivery", "budget"]
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
