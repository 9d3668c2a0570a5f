"""Every way to hand an operation another workspace's id, and what is open to all: test_routes.py goes through them.

A new operation that takes an id gets a line in CASES, or the house test fails.
"""

from dataclasses import dataclass, field

from folkmoot.kernel.json import Json, JsonObject
from tests.house.places import FOREIGN


@dataclass(frozen=True)
class Case:
    """One way to hand an operation another workspace's id; `given` fills its path, then its query."""

    operation: str
    given: dict[str, str] = field(default_factory=dict)
    body: JsonObject | None = None

    @property
    def aims(self) -> set[str]:
        """The inputs a foreign name is put into."""
        return {name for name, value in self.given.items() if value[0] == FOREIGN} | _aims(self.body or {})


def _aims(body: JsonObject) -> set[str]:
    found: set[str] = set()
    for name, value in body.items():
        if isinstance(value, dict):
            found |= _aims(value)
        elif any(str(item)[:1] == FOREIGN for item in (value if isinstance(value, list) else [value])):
            found.add(name)
    return found


APPROVAL = {"approval_id": "@approval"}
RUN, TASK, CONVERSATION = {"run_id": "@run"}, {"task_id": "@task"}, {"conversation_id": "@conversation"}
AGENTS = [{"agent_id": name} for name in ("@agent", "@agent_number", "@agent_slug")]
TEAMS = [{"team_id": name} for name in ("@team", "@team_slug")]
ROLE: JsonObject = {"slug": "mine", "instructions": "You work."}
OURS: JsonObject = {"slug": "ours", "lead": ROLE, "members": [ROLE]}
TEXT: JsonObject = {"message": "Hello"}
CHAT: JsonObject = {"model": "llama3.2", "message": "Hello"}
SHARED = {"project_id": "@project", "name": "@context_name"}
OWN_SHARED = {"project_id": "=project", "name": "=context_name"}
WRITTEN: JsonObject = {"data": {"a": 1}}
POSTED: JsonObject = {"direction": "inbound", "payload": {}}
PROJECT = {"workspace_id": "=workspace", "project_id": "@project"}
MEMBER = {"workspace_id": "=workspace", "user_id": "@user"}
SCHEDULE, WEBHOOK = {"schedule_id": "@schedule"}, {"webhook_id": "@webhook"}
MCP_SERVER = {"server_id": "@mcp_server"}
BUDGET = {"budget_id": "@budget"}
DEBATE = {"debate_id": "@debate"}
ROOM, OWN_ROOM = {"room_id": "@room"}, {"room_id": "=room"}
ROOM_MESSAGE = {"room_id": "@room", "message_id": "@room_message"}
THERE = {"room_id": "=room", "message_id": "@room_message"}
ATTACHMENT = {"document_id": "@attachment"}
ATTACHED: list[list[Json]] = [["@attachment"], ["=attachment", "@attachment"], ["@document"]]
SAID: JsonObject = {"content": "Hello"}
TOPIC: JsonObject = {"debate_topic": "Mine", "problem_statement": "Mine", "selected_agents": ["=agent", "=other"]}
MODERATED: JsonObject = {**TOPIC, "debate_mode": "autonomous"}
TIMED: JsonObject = {"name": "Mine", "cron": "0 7 * * *"}
HOOK: JsonObject = {"name": "Mine", "url": "https://hooks.example/", "types": ["*"]}
SERVER: JsonObject = {"name": "mine", "url": "https://mcp.example/", "is_enabled": False}
KEY: JsonObject = {"name": "mine", "scopes": ["read"], "workspace_id": "@workspace"}

CHANNELS = ("agent:@agent", "task:@task", "run:@run", "debate:@debate", "room:@room")

CASES = [
    Case("list_runs", TASK),
    Case("start_run", body={"task_id": "@task"}),
    Case("start_run", body={"task_id": "=task", "documents": ["@document"]}),
    Case("start_run", body={"task_id": "=task", "documents": ["=document", "@document"]}),
    Case("get_run", RUN),
    Case("get_run", {**RUN, "with_cursor": "true"}),
    Case("change_run", RUN, {"priority": "high"}),
    Case("delete_run", RUN),
    Case("delete_run", {**RUN, "cancel": "true"}),
    Case("wait_for_run", RUN),
    Case("list_run_logs", RUN),
    Case("list_run_events", RUN),
    Case("stream_run", RUN),
    Case("stream_run", {**RUN, "after": "100000"}),
    Case("cancel_run", RUN),
    Case("pause_run", RUN),
    Case("resume_run", RUN),
    Case("list_approvals", RUN),
    Case("get_approval", APPROVAL),
    Case("resolve_approval", APPROVAL, {"decision": "approve"}),
    Case("approve_run", RUN, {"approved": True}),
    Case("list_run_artifacts", RUN),
    Case("get_run_artifact", {**RUN, "name": "=artifact_name"}),
    Case("get_run_artifact", {**RUN, "name": "@artifact"}),
    Case("get_run_artifact", {"run_id": "=run", "name": "@artifact"}),
    Case("list_run_journal", RUN),
    Case("replay_run", RUN),
    Case("compare_runs", {**RUN, "other": "=run"}),
    Case("compare_runs", {"run_id": "=run", "other": "@run"}),
    Case("fork_run", RUN, {"after_seq": 1}),
    Case("retry_run", RUN),
    Case("follow_run", RUN),
    Case("follow_run", {**RUN, "after": "0"}),
    Case("create_task", body={"description": "Summarise", "config": {"documents": ["@document"]}}),
    *(Case("create_task", body={"description": "x", "team": [agent["agent_id"]]}) for agent in AGENTS),
    Case("create_task", body={"description": "x", "team": "@team_slug"}),
    *(Case("start_run", body={"task_id": "=task", "team": [agent["agent_id"]]}) for agent in AGENTS),
    Case("start_run", body={"task_id": "=task", "team": "@team_slug"}),
    *(Case("execute_operation", agent, {"operation": "summarise"}) for agent in AGENTS),
    *(Case("get_team", team) for team in TEAMS),
    *(Case("change_team", team, {"name": "Mine"}) for team in TEAMS),
    *(Case("delete_team", team) for team in TEAMS),
    *(Case("create_team", body={**OURS, "members": [agent["agent_id"]]}) for agent in AGENTS),
    *(Case("create_team", body={**OURS, "lead": {"agent": agent["agent_id"]}}) for agent in AGENTS),
    *(Case("change_team", {"team_id": "=team"}, {"reviewer": agent["agent_id"]}) for agent in AGENTS),
    Case("get_task", TASK),
    Case("change_task", TASK, {"priority": "high"}),
    Case("change_task", {"task_id": "=task"}, {"config": {"documents": ["@document"]}}),
    Case("delete_task", TASK),
    Case("delete_task", {**TASK, "cancel": "true"}),
    Case("list_agents", {"project_id": "@project"}),
    *(Case("change_agent", agent, {"name": "Mine"}) for agent in AGENTS),
    *(Case("change_agent", agent, {"status": "idle"}) for agent in AGENTS),
    *(Case("delete_agent", agent) for agent in AGENTS),
    *(Case(f"{verb}_agent", agent) for verb in ("activate", "deactivate", "shutdown") for agent in AGENTS),
    *(Case(f"{verb}_agent", agent, {"name": "Mine"}) for verb in ("clone", "export") for agent in AGENTS),
    Case("delete_agent_definition", {"definition_id": "@definition"}),
    Case("create_agent", body={"definition_id": "@definition"}),
    Case("create_agent", body={"definition_slug": "@definition_slug"}),
    Case("create_agent", body={"definition_slug": "assistant", "project_id": "@project"}),
    *(Case("get_agent", agent) for agent in AGENTS),
    *(Case("get_agent_status", agent) for agent in AGENTS),
    *(Case("send_message", agent, {**TEXT, "stream": stream}) for agent in AGENTS for stream in (False, True)),
    Case("send_message", {"agent_id": "=agent"}, {**TEXT, **CONVERSATION}),
    Case("send_message", {"agent_id": "=agent"}, {**TEXT, **CONVERSATION, "stream": True}),
    Case("send_message", {"agent_id": "@agent"}, {**TEXT, "conversation_id": "=conversation"}),
    *(Case("chat_with_ollama", body={**CHAT, **agent}) for agent in AGENTS),
    *(Case("chat_with_ollama", body={**CHAT, **agent, "stream": True}) for agent in AGENTS),
    *(Case("list_agent_messages", agent) for agent in AGENTS),
    Case("list_agent_messages", {"agent_id": "=agent", **CONVERSATION}),
    *(Case("post_agent_message", agent, POSTED) for agent in AGENTS),
    *(Case("post_agent_message", {"agent_id": "=agent"}, {**POSTED, **about}) for about in (RUN, TASK)),
    *(
        Case("post_agent_message", {"agent_id": "=agent"}, {"payload": {}, "to_agent_id": agent["agent_id"]})
        for agent in AGENTS
    ),
    *(Case("acknowledge_agent_messages", agent, {"message_ids": ["=message"]}) for agent in AGENTS),
    Case("acknowledge_agent_messages", {"agent_id": "=agent"}, {"message_ids": ["@message"]}),
    Case("acknowledge_agent_messages", {"agent_id": "=agent"}, {"message_ids": ["=message", "@message"]}),
    *(Case("list_conversations", agent) for agent in AGENTS),
    Case("get_conversation", CONVERSATION),
    Case("rename_conversation", CONVERSATION, {"title": "Mine"}),
    Case("delete_conversation", CONVERSATION),
    Case("list_conversation_messages", CONVERSATION),
    *(Case("list_contexts", agent) for agent in AGENTS),
    *(Case("read_context", agent) for agent in AGENTS),
    Case("read_context", {"agent_id": "=agent", **RUN}),
    *(Case("write_context", agent, WRITTEN) for agent in AGENTS),
    Case("write_context", {"agent_id": "=agent"}, {**WRITTEN, "run_id": "@run"}),
    *(Case("rollback_context", agent, {"target_version": 1}) for agent in AGENTS),
    *(Case("list_context_versions", agent) for agent in AGENTS),
    *(Case("compare_context_versions", {**agent, "from": "0"}) for agent in AGENTS),
    *(Case("list_context_readers", {**agent, "version": "@context_version"}) for agent in AGENTS),
    Case("list_project_contexts", {"project_id": "@project"}),
    Case("read_project_context", SHARED),
    Case("read_project_context", {**OWN_SHARED, **RUN}),
    Case("write_project_context", SHARED, WRITTEN),
    Case("write_project_context", OWN_SHARED, {**WRITTEN, "run_id": "@run"}),
    Case("rollback_project_context", SHARED, {"target_version": 1}),
    Case("list_project_context_versions", SHARED),
    Case("compare_project_context_versions", {**SHARED, "from": "0"}),
    Case("list_project_context_readers", {**SHARED, "version": "@context_version"}),
    Case("get_project", PROJECT),
    Case("change_project", PROJECT, {"name": "Mine"}),
    Case("delete_project", PROJECT),
    Case("delete_project", {**PROJECT, "confirm": "default"}),
    Case("get_document", {"document_id": "@document"}),
    Case("delete_document", {"document_id": "@document"}),
    Case("change_document", {"document_id": "@document"}, {"title": "Mine"}),
    Case("list_passages", {"document_id": "@document"}),
    Case("add_document", body={"title": "Mine", "text": "Words.", "project_id": "@project"}),
    Case("list_documents", {"project_id": "@project"}),
    Case("search_knowledge", {"q": "crash", "project_id": "@project"}),
    Case("search_knowledge", {"q": "crash", "document_id": "@document"}),
    Case("create_schedule", body={**TIMED, "task_id": "@task"}),
    Case("create_schedule", body={**TIMED, "task": {"name": "Mine", "config": {"documents": ["@document"]}}}),
    Case("create_schedule", body={**TIMED, "task_id": "=task", "input": {"documents": ["@document"]}}),
    Case("get_schedule", SCHEDULE),
    Case("change_schedule", SCHEDULE, {"name": "Mine"}),
    Case("change_schedule", {"schedule_id": "=schedule"}, {"task_id": "@task"}),
    Case("change_schedule", {"schedule_id": "=schedule"}, {"input": {"documents": ["=document", "@document"]}}),
    *(Case(f"{verb}_schedule", SCHEDULE) for verb in ("pause", "resume", "run", "delete")),
    Case("list_schedule_starts", SCHEDULE),
    Case("create_webhook", body={**HOOK, "project_id": "@project"}),
    Case("get_webhook", WEBHOOK),
    Case("change_webhook", WEBHOOK, {"name": "Mine"}),
    *(Case(operation, WEBHOOK) for operation in ("delete_webhook", "rotate_webhook_secret", "ping_webhook")),
    Case("list_deliveries", WEBHOOK),
    Case("redeliver", {**WEBHOOK, "delivery_id": "=delivery"}),
    Case("redeliver", {"webhook_id": "=webhook", "delivery_id": "@delivery"}),
    Case("create_mcp_server", body={**SERVER, "secret": "@secret_name"}),
    Case("change_mcp_server", {"server_id": "=mcp_server"}, {"secret": "@secret_name"}),
    Case("change_mcp_server", MCP_SERVER, {"is_enabled": False}),
    *(Case(f"{verb}_mcp_server", MCP_SERVER) for verb in ("get", "delete", "refresh", "try")),
    *(Case("initialize_debate", body={**TOPIC, "selected_agents": ["=other", agent["agent_id"]]}) for agent in AGENTS),
    Case("initialize_debate", body={**MODERATED, "debate_rules": {"moderator_agent_id": "@agent"}}),
    Case("initialize_debate", body={**TOPIC, "debate_rules": {"judge_agent_id": "@agent", "decision": "judge"}}),
    *(Case("control_debate", DEBATE, {"action": action}) for action in ("start", "pause", "resume", "stop")),
    Case("get_debate", DEBATE),
    Case("get_debate_report", DEBATE),
    Case("get_debate_transcript", DEBATE),
    Case("say_in_debate", DEBATE, {"text": "Mine"}),
    Case("follow_debate", {**DEBATE, "after": "0"}),
    Case("follow_debate_updates", {**DEBATE, "after": "0"}),
    *(Case(operation, ROOM) for operation in ("get_room", "delete_room", "stop_room", "list_room_messages")),
    Case("list_room_members", ROOM),
    Case("get_room_presence", ROOM),
    Case("search_rooms", {"q": "hello", **ROOM}),
    Case("follow_room", {**ROOM, "after": "0"}),
    Case("change_room", ROOM, {"name": "Mine"}),
    Case("mark_room_read", ROOM, {}),
    Case("post_room_message", ROOM, SAID),
    Case("post_room_message", OWN_ROOM, {**SAID, "reply_to": "@room_message"}),
    *(Case("post_room_message", OWN_ROOM, {**SAID, "attachments": names}) for names in ATTACHED),
    Case("add_room_attachment", ROOM, {"title": "Mine", "text": "Mine"}),
    Case("list_room_attachments", ROOM),
    *(Case("delete_room_attachment", {**there, **ATTACHMENT}) for there in (ROOM, OWN_ROOM)),
    *(Case(f"{verb}_document", ATTACHMENT) for verb in ("get", "delete")),
    Case("change_document", ATTACHMENT, {"title": "Mine"}),
    Case("list_passages", ATTACHMENT),
    Case("search_knowledge", {"q": "harbour", **ATTACHMENT}),
    Case("start_run", body={"task_id": "=task", "documents": ["@attachment"]}),
    *(Case("edit_room_message", there, SAID) for there in (ROOM_MESSAGE, THERE)),
    *(Case("delete_room_message", there) for there in (ROOM_MESSAGE, THERE)),
    *(
        Case(f"{verb}_room_reaction", {**there, "emoji": "mine"})
        for verb in ("add", "remove")
        for there in (ROOM_MESSAGE, THERE)
    ),
    Case("add_room_member", ROOM, {"agent_id": "=other"}),
    Case("add_room_member", OWN_ROOM, {"user_id": "@user"}),
    *(Case("add_room_member", OWN_ROOM, {**agent}) for agent in AGENTS),
    *(Case("change_room_member", {**there, "member_id": "@agent"}, {"asleep": True}) for there in (ROOM, OWN_ROOM)),
    *(Case("remove_room_member", {**there, "member_id": "@agent"}) for there in (ROOM, OWN_ROOM)),
    *(Case("get_room_prompt", {**there, **agent}) for there in (ROOM, OWN_ROOM) for agent in AGENTS),
    *(Case(f"start_room_{work}", ROOM, {"text": "Mine"}) for work in ("task", "debate")),
    Case("list_budgets", {"scope_id": "@workspace"}),
    *(
        Case("create_budget", body={"scope_kind": kind, "scope_id": f"@{kind}", "usd": 1})
        for kind in ("run", "debate", "agent", "project")
    ),
    Case("create_budget", body={"scope_kind": "agent", "scope_id": "@agent_slug", "usd": 1}),
    Case("get_budget", BUDGET),
    Case("change_budget", BUDGET, {"usd": 1}),
    Case("delete_budget", BUDGET),
    *(Case("get_usage", {"project_id": "@project", "format": as_file}) for as_file in ("json", "csv")),
    Case("get_usage", {"agent_id": "@agent"}),
    Case("change_member", MEMBER, {"role": "viewer"}),
    Case("remove_member", MEMBER),
    Case("delete_invitation", {"workspace_id": "=workspace", "invitation_id": "@invitation"}),
    Case("create_api_key", body=KEY),
    Case("revoke_api_key", {"key_id": "@api_key"}),
    Case("delete_secret", {"workspace_id": "=workspace", "name": "@secret_name"}),
    *(
        Case(f"{verb}_audit_entries", given)
        for verb in ("list", "export")
        for given in ({"object_id": "@task"}, {"actor_id": "@user"})
    ),
    *(Case("follow_agent", {**agent, "after": "0"}) for agent in AGENTS),
    *(Case("follow_agents", {**agent, "after": "0"}) for agent in AGENTS),
    Case("follow_task", {**TASK, "after": "0"}),
    *(Case(f"follow_{what}_updates", {"workspace_id": "@workspace"}) for what in ("agent", "debate")),
    *(
        Case(operation, {"channels": channel})
        for operation in ("list_events", "follow_events")
        for channel in (*CHANNELS, "agent:@agent_slug", "workspace:@workspace")
    ),
]


SOCKETS = {
    "follow_run": "/ws/runs/{run_id}",
    "follow_agent": "/ws/agents/{agent_id}",
    "follow_agents": "/ws/agents/stream",
    "follow_agent_updates": "/ws/agent-updates",
    "follow_debate": "/ws/debates/{debate_id}",
    "follow_debate_updates": "/ws/debate-updates",
    "follow_room": "/ws/rooms/{room_id}",
    "follow_task": "/ws/tasks/{task_id}",
    "follow_events": "/ws/events",
}

OPEN = {
    *("get_health", "get_liveness", "get_readiness"),
    *("login", "login_by_form", "login_by_token", "refresh_login", "logout", "register"),
}
"""What needs no login. Another one is added here on purpose, or it is closed."""

OWN = "/api/api-keys"
"""What is the caller's own, whatever the workspace."""

OF_INSTALLATION = ("/api/users", "/api/audit/installation", "/api/workers")

CHOSEN = {
    *((operation, "name") for operation in ("set_secret", "change_tool", "call_tool")),
    *((f"{verb}_room_reaction", "emoji") for verb in ("add", "remove")),
}
"""Names that a caller gives to what he makes, or that are the same everywhere: everybody may have one of that name."""
