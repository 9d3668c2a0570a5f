"""Whoever has seen a workspace and folds its events in sees what the API shows, after every verb that there is."""

import ast
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from folkmoot.db.tx import Tx
from folkmoot.events.frames import view
from folkmoot.events.queries import latest_seq, list_events
from folkmoot.events.registry import PLACE, data_schemas
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.json_schema import errors_of
from folkmoot.kernel.scope import Role
from folkmoot.realtime.resources import RESOURCES
from folkmoot.runs.tables import RunSlots
from tests.databases import new_scope
from tests.house.fold import TOTALS, State, fold, key_of
from tests.house.operations import BY_ID, OPERATIONS
from tests.house.places import Place, furnish
from tests.persons import admit, enrol
from tests.serving import client_of, running, settings_for

SCHEMAS, NAMED = data_schemas(RESOURCES)
COMPONENTS: JsonObject = {"schemas": {**NAMED}}
assert PLACE == "#/components/schemas/"

UNSAFE = {operation.id for operation in OPERATIONS if operation.method != "GET"}

OUTSIDE = {
    **dict.fromkeys(("login", "login_by_form", "login_by_token", "refresh_login", "logout"), "sessions are the user's"),
    **dict.fromkeys(("create_socket_ticket", "logout_everywhere", "change_password"), "sessions are the user's"),
    **dict.fromkeys(("create_user", "change_user", "change_me"), "users belong to no workspace"),
    **dict.fromkeys(("drain_worker", "undrain_worker"), "processes belong to no workspace"),
    **dict.fromkeys(("create_api_key", "revoke_api_key"), "keys are the user's"),
    **dict.fromkeys(("ping_webhook", "redeliver"), "what is sent to webhooks is no event: it would be sent to them"),
    "rotate_secrets": "with which key a secret is encrypted is the server's business",
    "delete_workspace": "its log goes with it; its followers are told first (tests/workspaces)",
    "create_workspace": "nobody can have followed it before; what it begins with is in its log",
}
"""Unsafe operations that change nothing of a workspace that its log could tell; why."""

NOT_TOLD = {
    "agent": {"last_heartbeat"},
    "secret": {"key"},
    "webhook": {"url"},
}
"""Members that pass by themselves or are the server's, which docs/events.md says are to be asked for."""

PAGES = {
    "agent": ("/api/agents", "agents"),
    "conversation": ("/api/conversations", "conversations"),
    "document": ("/api/knowledge/documents", "documents"),
    "task": ("/api/tasks", "tasks"),
    "invitation": ("/api/workspaces/{workspace}/invitations", "invitations"),
    "member": ("/api/workspaces/{workspace}/members", "members"),
    "project": ("/api/workspaces/{workspace}/projects", "projects"),
    "secret": ("/api/workspaces/{workspace}/secrets", "secrets"),
    "schedule": ("/api/schedules", "schedules"),
    "webhook": ("/api/webhooks", "webhooks"),
}


@dataclass
class World:
    """A furnished workspace that nothing goes on in between two verbs, and which verbs were done in it."""

    app: FastAPI
    place: Place
    done: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    seen: State = field(default_factory=dict)
    seen_at: int = -1

    @property
    def names(self) -> dict[str, str]:
        return self.place.names

    async def get(self, path: str, **query: object) -> Any:
        asked = {name: str(value) for name, value in query.items()}
        answer = await self.place.client.get(path, params=asked, headers=self.place.headers)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    async def list(self, path: str, name: str, **query: object) -> Any:
        page = await self.get(path, limit=200, **query)
        assert page["total"] == len(page[name]) < 200
        return page[name]

    async def snapshot(self) -> State:
        """Everything the API shows of the workspace that is not read by a cursor of its own."""
        names = {"workspace": self.place.scope.workspace_id}
        found = {name: await self.list(path.format_map(names), key) for name, (path, key) in PAGES.items()}
        found["workspace"] = [await self.get(f"/api/workspaces/{names['workspace']}")]
        found["run"] = await self.list("/api/runs", "runs")
        of_agents = [f"/api/agents/{agent['id']}" for agent in found["agent"]]
        of_projects = [f"/api/projects/{project['id']}/contexts" for project in found["project"]]
        found["agent_status"] = [await self.get(f"{path}/status") for path in of_agents]
        found["message"] = [said for path in of_agents for said in await self.list(f"{path}/messages", "messages")]
        contexts = [*(f"{path}/contexts" for path in of_agents), *of_projects]
        found["context"] = [context for path in contexts for context in await self.list(path, "contexts")]
        return {name: {key_of(name, view): view for view in views} for name, views in found.items()}

    async def tell(
        self, operation: str, body: JsonObject | None = None, /, by: dict[str, str] | None = None, **given: str
    ) -> Any:
        """Do the verb; what its events make of what was shown before has to be what is shown after it."""
        db, workspace_id = self.app.state.runtime.db, self.place.scope.workspace_id
        cursor = await db.read(latest_seq, workspace_id)
        before = self.seen if self.seen_at == cursor else await self.snapshot()
        answer = await self._ask(operation, body, given, by or self.place.headers)
        events = await db.read(list_events, workspace_id, cursor, 1000)
        state = before
        for frame in map(view, events):
            kind, data = str(frame["event_type"]), frame["data"]
            assert errors_of({**SCHEMAS[kind], "components": COMPONENTS}, data) == [], (operation, frame)
            state = fold(state, frame, SCHEMAS[kind])
        after = await self.snapshot()
        self.seen, self.seen_at = after, await db.read(latest_seq, workspace_id)
        assert events, f"{operation} tells nothing"
        self.wrong += [f"{operation}: {difference}" for difference in differences(comparable(state), comparable(after))]
        self.done.add(operation)
        return answer

    async def _ask(
        self, operation: str, body: JsonObject | None, given: dict[str, str], headers: dict[str, str]
    ) -> Any:
        described = BY_ID[operation]
        values = {"workspace_id": self.place.scope.workspace_id, **given}
        path = described.path.format_map(values)
        query = {name: value for name, value in given.items() if f"{{{name}}}" not in described.path}
        answer = await self.place.client.request(described.method, path, json=body, params=query, headers=headers)
        assert answer.is_success, (operation, answer.text)
        return answer.json() if answer.content else None


def differences(folded: State, shown: State) -> Iterator[str]:
    for name, views in shown.items():
        for key in views.keys() ^ folded[name].keys():
            yield f"{name} {key} is {'not told' if key in views else 'not shown'}"
        for key in views.keys() & folded[name].keys():
            one, other = folded[name][key], views[key]
            for member in sorted(one.keys() | other.keys()):
                if one.get(member) != other.get(member):
                    yield f"{name}.{member} is told as {one.get(member)!r}, shown as {other.get(member)!r}"


def comparable(state: State) -> State:
    return {
        name: {
            key: {member: said for member, said in view.items() if _is_told(name, view, member)}
            for key, view in views.items()
        }
        for name, views in state.items()
    }


def _is_told(resource: str, view: JsonObject, member: str) -> bool:
    match resource:
        case "agent_status":
            return member in TOTALS
        case "run" if member == "duration_seconds":
            return view["completed_at"] is not None
        case _:
            return member not in NOT_TOLD.get(resource, ())


@pytest.fixture
async def world(own_database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """On a database of its own: users end local mode for all of it."""
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        scope = await app.state.runtime.db.write(new_scope)
        owner = await enrol(app, "ada", is_admin=True)
        await admit(app, owner, scope.workspace_id, Role.OWNER)
        yield World(app, await furnish(app, client, scope, "a", 77, owner.by_key))


def cap(tx: Tx, workspace_id: str, runs: int) -> None:
    tx.write(sa.update(RunSlots).where(RunSlots.workspace_id == workspace_id).values(cap=runs))


async def tasks_and_runs(world: World) -> None:
    task = await world.tell("create_task", {"description": "Say what holds after a crash"})
    await world.tell("change_task", {"priority": "high", "config": {}}, task_id=task["id"])
    run = await world.tell("start_run", {"task_id": task["id"], "metadata": {"a": 1}}, wait="30")
    assert run["status"] == "completed"
    await world.tell("change_run", {"priority": "low", "metadata": {"b": 2}}, run_id=run["id"])
    db, workspace_id = world.app.state.runtime.db, world.place.scope.workspace_id
    await db.write(cap, workspace_id, 0)
    waiting = await world.tell("start_run", {"task_id": task["id"], "deadline_seconds": 3600})
    assert waiting["waiting_for"] == "admission"
    await world.tell("pause_run", run_id=waiting["id"])
    await world.tell("resume_run", run_id=waiting["id"])
    await world.tell("cancel_run", run_id=waiting["id"])
    await db.write(cap, workspace_id, 50)
    await world.tell("delete_run", run_id=run["id"])
    await world.tell("delete_task", task_id=task["id"])


async def agents(world: World) -> None:
    agent = await world.tell("create_agent", {"definition_slug": "assistant", "name": "Grace"})
    ref = agent["id"]
    await world.tell("change_agent", {"name": "Ada", "config": {"temperature": 0.2}, "status": "idle"}, agent_id=ref)
    for verb in ("activate_agent", "shutdown_agent", "activate_agent", "deactivate_agent", "activate_agent"):
        await world.tell(verb, agent_id=ref)
    for conversation in ("new", None, None):
        body: JsonObject = {"message": "Hello", "conversation_id": conversation}
        reply = await world.tell("send_message", body, agent_id=ref)
    await world.tell("rename_conversation", {"title": "Mine"}, conversation_id=reply["conversation_id"])
    await world.tell("delete_conversation", conversation_id=reply["conversation_id"])
    posted = await world.tell("post_agent_message", {"direction": "inbound", "payload": {"a": 1}}, agent_id=ref)
    to_another: JsonObject = {"payload": {}, "to_agent_id": world.names["agent"]}
    await world.tell("post_agent_message", to_another, agent_id=ref)
    await world.tell("acknowledge_agent_messages", {"message_ids": [posted["id"]]}, agent_id=ref)
    await world.tell("write_context", {"data": {"a": 1}, "change_description": "First"}, agent_id=ref)
    await world.tell("write_context", {"data": {"a": 2}}, agent_id=ref)
    await world.tell("rollback_context", {"target_version": 1}, agent_id=ref)
    await world.tell("write_context", {"data": {"a": 3}}, agent_id=ref)
    await world.tell("read_context", agent_id=ref, context_name="made by reading")
    await world.tell("delete_agent", agent_id=ref)


async def what_is_shared(world: World) -> None:
    document = await world.tell("add_document", {"title": "b.md", "text": "Nothing is lost. " * 3000})
    await world.tell("delete_document", document_id=document["id"])
    project_id = world.place.scope.project_id
    await world.tell("write_project_context", {"data": {"a": 1}}, project_id=project_id, name="plan")
    await world.tell("rollback_project_context", {"target_version": 1}, project_id=project_id, name="plan")
    await world.tell("set_secret", {"value": "one"}, name="secret_b")
    await world.tell("set_secret", {"value": "two"}, name="secret_b")
    await world.tell("delete_secret", name="secret_b")


async def what_happens_by_itself(world: World) -> None:
    given: JsonObject = {"description": "Say what is new"}
    schedule = await world.tell("create_schedule", {"name": "Rare", "cron": "0 0 29 2 *", "task": given})
    ref = schedule["id"]
    await world.tell("change_schedule", {"cron": "0 1 29 2 *", "zone": "Europe/Berlin"}, schedule_id=ref)
    await world.tell("pause_schedule", schedule_id=ref)
    await world.tell("resume_schedule", schedule_id=ref)
    await world.tell("run_schedule", schedule_id=ref, wait="30")
    await world.tell("delete_schedule", schedule_id=ref)
    hook: JsonObject = {"name": "Tickets", "url": "https://hooks.example/", "types": ["*"], "is_enabled": False}
    webhook = await world.tell("create_webhook", hook)
    await world.tell("change_webhook", {"types": ["failure"]}, webhook_id=webhook["id"])
    await world.tell("rotate_webhook_secret", webhook_id=webhook["id"])
    await world.tell("delete_webhook", webhook_id=webhook["id"])


async def the_workspace(world: World) -> None:
    await world.tell("change_workspace", {"name": "Ours", "metadata": {"a": 1}})
    project = await world.tell("create_project", {"name": "Side"})
    await world.tell("change_project", {"name": "Aside"}, project_id=project["id"])
    inside = {"definition_slug": "assistant", "name": "Inside", "project_id": project["id"]}
    agent = await world.tell("create_agent", {**inside})
    await world.tell("send_message", {"message": "Hello"}, agent_id=agent["id"])
    await world.tell("write_context", {"data": {"a": 1}}, agent_id=agent["id"])
    await world.tell("delete_project", project_id=project["id"], confirm="Aside")


async def its_people(world: World) -> None:
    guest = await enrol(world.app, "guest")
    invitation = await world.tell("create_invitation", {"role": "member"})
    await world.tell("delete_invitation", invitation_id=invitation["id"])
    invitation = await world.tell("create_invitation", {"role": "member"})
    await world.tell("accept_invitation", {"token": invitation["token"]}, by=guest.by_session)
    await world.tell("change_member", {"role": "viewer"}, user_id=guest.id)
    await world.tell("remove_member", user_id=guest.id)
    invitation = await world.tell("create_invitation", {"role": "admin"})
    account: JsonObject = {"email": "eve@example.org", "password": "correct horse battery", "full_name": "Eve"}
    made = await world.tell("register", {**account, "invitation": invitation["token"]}, by={"Accept": "*/*"})
    await world.tell("delete_user", user_id=made["id"])


def test_every_verb_has_its_place() -> None:
    """A new operation that changes something is done in one of the functions above, or stands in OUTSIDE."""
    named = {node.value for node in ast.walk(ast.parse(Path(__file__).read_text())) if isinstance(node, ast.Constant)}
    assert sorted(UNSAFE - named) == []
    assert OUTSIDE.keys() <= UNSAFE


@pytest.mark.system
async def test_what_is_folded_is_what_is_shown(world: World) -> None:
    for part in (tasks_and_runs, agents, what_is_shared, what_happens_by_itself, the_workspace, its_people):
        await part(world)
    assert world.wrong == []
    assert sorted(UNSAFE - world.done) == sorted(OUTSIDE)
