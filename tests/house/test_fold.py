"""Whoever has seen a workspace and folds its events in sees what the API shows, after every verb that there is."""

import ast
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Role
from folkmoot.runs.service import NewRun, start_run
from folkmoot.runs.tables import RunSlots
from tests.databases import new_scope
from tests.house.operations import operations
from tests.house.places import furnish
from tests.house.world import World
from tests.persons import admit, enrol
from tests.runs.scripted import StepsExecutor, at_once
from tests.runs.seen import the_approval, until
from tests.serving import client_of, running, settings_for
from tests.stubs.mcp_stub import ECHO, McpStub
from tests.stubs.ollama_stub import MODEL, OllamaStub

OUTSIDE = {
    **dict.fromkeys(("login", "login_by_form", "login_by_token", "refresh_login", "logout"), "sessions are the user's"),
    **dict.fromkeys(("create_socket_ticket", "logout_everywhere", "change_password"), "sessions are the user's"),
    **dict.fromkeys(("create_user", "change_user", "change_me"), "users belong to no workspace"),
    **dict.fromkeys(("drain_worker", "undrain_worker"), "processes belong to no workspace"),
    **dict.fromkeys(("create_api_key", "revoke_api_key"), "keys are the user's"),
    **dict.fromkeys(("ping_webhook", "redeliver"), "what is sent to webhooks is no event: it would be sent to them"),
    "try_mcp_server": "makes one connection and changes nothing",
    "call_tool": "what a tool does it tells of itself",
    "try_model": "makes one call, which is metered and changes nothing",
    "rotate_secrets": "with which key a secret is encrypted is the server's business",
    "delete_workspace": "its log goes with it; its followers are told first (tests/workspaces)",
    "create_workspace": "nobody can have followed it before; what it begins with is in its log",
}
"""Unsafe operations that change nothing of a workspace that its log could tell; why."""


def unsafe() -> set[str]:
    return {operation.id for operation in operations() if operation.method != "GET"}


@pytest.fixture
async def world(own_database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """On a database of its own: users end local mode for all of it."""
    settings = settings_for(own_database_url, tmp_path)
    async with (
        OllamaStub() as ollama,
        McpStub() as mcp,
        running(
            settings.model_copy(update={"ollama_host": ollama.address, "outgoing_allowed_hosts": [mcp.address]})
        ) as app,
        client_of(app) as client,
    ):
        app.state.engine.register(StepsExecutor(at_once))
        scope = await app.state.runtime.db.write(new_scope)
        owner = await enrol(app, "ada", is_admin=True)
        await admit(app, owner, scope.workspace_id, Role.OWNER)
        yield World(app, await furnish(app, client, scope, "a", 77, owner.by_key), mcp)


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
    await world.tell("retry_run", run_id=waiting["id"], wait="30")
    await world.tell("fork_run", {"after_seq": 3, "input": {"max_rounds": 2}}, run_id=run["id"], wait="30")
    await world.tell("delete_run", run_id=run["id"])
    await world.tell("delete_task", task_id=task["id"])


async def what_runs_ask(world: World) -> None:
    """Of runs that nobody can go on with before their verb is looked at: there is no slot for them."""
    db, engine, scope = world.app.state.runtime.db, world.app.state.engine, world.place.scope
    new = NewRun(kind="steps", title="steps", input={"groups": [["@plan"]]})
    runs = [await db.write(start_run, engine, scope, new) for new in (new, replace(new, id=new_id()))]
    asked = {run.id: await the_approval(db, scope, run) for run in runs}
    for run in runs:
        await until(db, scope, run, "awaiting_approval")
    await db.write(cap, scope.workspace_id, 0)
    first, second = runs
    await world.tell("resolve_approval", {"decision": "approve"}, approval_id=asked[first.id].id)
    await world.tell("approve_run", {"approved": False, "feedback": "no", "revise": True}, run_id=second.id)
    for run in runs:
        await world.tell("cancel_run", run_id=run.id)
    await world.tell("delete_run", run_id=first.id)
    await db.write(cap, scope.workspace_id, 50)


async def teams(world: World) -> None:
    role: JsonObject = {"slug": "worker", "instructions": "You work."}
    team = await world.tell("create_team", {"slug": "ours", "lead": role, "members": [role, world.names["agent"]]})
    await world.tell("change_team", {"reviewer": {"person": True}, "orchestration": "handoff"}, team_id="ours")
    await world.tell("delete_team", team_id=team["id"])
    done = await world.tell("execute_operation", {"operation": "summarise"}, agent_id=world.names["agent"])
    assert done["status"] == "completed"


async def debates(world: World) -> None:
    """Nobody can go on with one before its verb is looked at; what its turns tell is told in tests/debates."""
    db, workspace_id = world.app.state.runtime.db, world.place.scope.workspace_id
    await db.write(cap, workspace_id, 0)
    other = await world.tell("create_agent", {"definition_slug": "assistant", "name": "Debater"})
    config: JsonObject = {"debate_topic": "Which one?", "problem_statement": "Say which."}
    body: JsonObject = {**config, "selected_agents": [world.names["agent"], other["number"]]}
    debate_id = str((await world.tell("initialize_debate", body))["debate_id"])
    await world.tell("say_in_debate", {"text": "Hear me", "position": "Mine"}, debate_id=debate_id)
    for action in ("start", "pause", "resume"):
        await world.tell("control_debate", {"action": action}, debate_id=debate_id)
    # with it agents' totals change, which is told with their next status
    shown = await world.place.post(f"/api/debate/{debate_id}/control", {"action": "stop"})
    assert shown["status"] == "stopped"
    await world.tell("delete_run", run_id=shown["run_id"])
    await db.write(cap, workspace_id, 50)


async def rooms(world: World) -> None:
    """In which nobody is called upon: what agents say is told in tests/rooms."""
    db, workspace_id = world.app.state.runtime.db, world.place.scope.workspace_id
    await db.write(cap, workspace_id, 0)
    room = await world.tell("create_room", {"name": "Harbour", "description": "Plan the move"})
    ref = room["id"]
    other = await world.tell("create_agent", {"definition_slug": "assistant", "name": "Speaker"})
    member: JsonObject = {"agent_id": other["id"], "trigger": {"silence_seconds": 3600}}
    await world.tell("add_room_member", member, room_id=ref)
    await world.tell("change_room_member", {"asleep": True}, room_id=ref, member_id=other["id"])
    await world.tell("change_room", {"mode": "mentions", "settings": {"max_speakers": 2}}, room_id=ref)
    said = await world.tell("post_room_message", {"content": "Hello"}, room_id=ref)
    await world.tell("post_room_message", {"content": "All", "reply_to": said["id"]}, room_id=ref)
    await world.tell("edit_room_message", {"content": "Hello you"}, room_id=ref, message_id=said["id"])
    for verb in ("add_room_reaction", "remove_room_reaction"):
        await world.tell(verb, room_id=ref, message_id=said["id"], emoji="+1")
    for text in ("The harbour freezes.", "Nothing is lost."):
        attached = await world.tell("add_room_attachment", {"title": "b.md", "text": text}, room_id=ref)
        await world.tell("post_room_message", {"content": "", "attachments": [attached["id"]]}, room_id=ref)
    await world.tell("delete_room_attachment", room_id=ref, document_id=attached["id"])
    await world.tell("mark_room_read", {"seq": 2}, room_id=ref)
    await world.tell("stop_room", room_id=ref)
    await world.tell("add_room_member", {"agent_id": world.names["agent"]}, room_id=ref)
    for verb in ("start_room_task", "start_room_debate"):
        begun = await world.tell(verb, {"text": "Which one?"}, room_id=ref)
        await world.place.post(f"/api/runs/{begun['run_id']}/cancel", {})  # is told above
    await world.tell("delete_room_message", room_id=ref, message_id=said["id"])
    await world.tell("remove_room_member", room_id=ref, member_id=other["id"])
    await world.tell("delete_room", room_id=ref)
    await db.write(cap, workspace_id, 50)


async def agents(world: World) -> None:
    agent = await world.tell("create_agent", {"definition_slug": "assistant", "name": "Grace"})
    ref = agent["id"]
    await world.tell("change_agent", {"name": "Ada", "config": {"temperature": 0.2}, "status": "idle"}, agent_id=ref)
    for verb in ("activate_agent", "shutdown_agent", "activate_agent", "deactivate_agent", "activate_agent"):
        await world.tell(verb, agent_id=ref)
    for conversation in ("new", None, None):
        body: JsonObject = {"message": "Hello", "conversation_id": conversation}
        reply = await world.tell("send_message", body, agent_id=ref)
    chat: JsonObject = {"model": MODEL, "message": "Hello", "agent_id": ref}
    for _ in range(2):
        await world.tell("chat_with_ollama", chat)
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
    definition = await world.tell("export_agent", {"slug": "grace"}, agent_id=ref)
    await world.tell("export_agent", {"slug": "grace", "name": "Grace"}, agent_id=ref)
    await world.tell("delete_agent_definition", definition_id=definition["id"])
    await world.tell("clone_agent", {"name": "Ada the second", "ttl_seconds": 3600}, agent_id=ref)
    await world.tell("delete_agent", agent_id=ref)


async def core_agents(world: World) -> None:
    await world.tell("initialize_agents")
    done = await world.tell("do_operator_task", {"task": "Say what holds after a crash"})
    assert done["success"]
    made = await world.tell("create_dynamic_agent", {"role": "Painter", "capabilities": ["paint"], "reason": "Walls"})
    await world.tell("delete_agent", agent_id=made["agent"]["id"])


async def what_is_shared(world: World) -> None:
    document = await world.tell("add_document", {"title": "b.md", "text": "Nothing is lost. " * 3000})
    await world.tell("change_document", {"title": "c.md", "tags": ["one"]}, document_id=document["id"])
    await world.tell("reindex_knowledge", wait="30")
    await world.tell("delete_document", document_id=document["id"])
    project_id = world.place.scope.project_id
    await world.tell("write_project_context", {"data": {"a": 1}}, project_id=project_id, name="plan")
    await world.tell("rollback_project_context", {"target_version": 1}, project_id=project_id, name="plan")
    await world.tell("set_secret", {"value": "one"}, name="secret_b")
    await world.tell("set_secret", {"value": "two"}, name="secret_b")
    await world.tell("delete_secret", name="secret_b")


async def budgets(world: World) -> None:
    budget = await world.tell("create_budget", {"scope_kind": "workspace", "period": "day", "usd": "100"})
    limited: JsonObject = {"definition_slug": "assistant", "name": "Limited", "config": {"budget": {"usd": "5"}}}
    agent = await world.tell("create_agent", limited)
    await world.tell("change_agent", {"config": {"budget": {"tokens": 50000}}}, agent_id=agent["id"])
    await world.tell("send_message", {"message": "Hello"}, agent_id=agent["id"])
    await world.tell("delete_agent", agent_id=agent["id"])
    await world.tell("change_budget", {"usd": None, "tokens": 10000000}, budget_id=budget["id"])
    await world.tell("delete_budget", budget_id=budget["id"])


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
    await world.tell("change_tool", {"needs_approval": False}, name="fetch_url")


async def mcp_servers(world: World) -> None:
    server = await world.tell("create_mcp_server", {"name": "stub", "url": world.mcp.url})
    ref = server["id"]
    await world.tell("change_tool", {"needs_approval": False}, name="stub__echo")
    world.mcp.tools = [{**ECHO, "description": "Something else."}]
    changed = await world.tell("refresh_mcp_server", server_id=ref)
    await world.tell("change_mcp_server", {"agreed_hash": changed["new_tools_hash"]}, server_id=ref)
    await world.tell("change_mcp_server", {"is_enabled": False}, server_id=ref)
    await world.tell("change_mcp_server", {"is_enabled": True}, server_id=ref)
    await world.tell("change_mcp_server", {"url": f"{world.mcp.url}?x"}, server_id=ref)
    world.mcp.fault = "down"
    await world.tell("refresh_mcp_server", server_id=ref)
    await world.tell("delete_mcp_server", server_id=ref)


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
    assert sorted(unsafe() - named) == []
    assert OUTSIDE.keys() <= unsafe()


@pytest.mark.system
async def test_what_is_folded_is_what_is_shown(world: World) -> None:
    work = (
        *(tasks_and_runs, what_runs_ask, teams, debates, rooms, agents, core_agents, what_is_shared, budgets),
        what_happens_by_itself,
        mcp_servers,
    )
    for part in (*work, the_workspace, its_people):
        await part(world)
    assert world.wrong == []
    assert sorted(unsafe() - world.done) == sorted(OUTSIDE)
