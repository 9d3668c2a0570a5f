"""Every operation of the API as a method of both clients. Written by `make docs`."""

from folkmoot.client.calls import (
    accounts,
    agents,
    api_keys,
    approvals,
    audit,
    contexts,
    conversations,
    debates,
    events,
    health,
    knowledge,
    language_models,
    login,
    members,
    rooms,
    runs,
    schedules,
    secrets,
    tasks,
    teams,
    tools,
    usage,
    users,
    webhooks,
    workers,
    workspaces,
)
from folkmoot.client.verbs import Operation


class AccountsOperations:
    login = Operation(accounts.login)
    login_by_form = Operation(accounts.login_by_form)
    login_by_token = Operation(accounts.login_by_token)
    refresh_login = Operation(accounts.refresh_login)
    logout = Operation(accounts.logout)
    create_socket_ticket = Operation(accounts.create_socket_ticket)


class AgentsOperations:
    initialize_agents = Operation(agents.initialize_agents)
    do_operator_task = Operation(agents.do_operator_task)
    create_dynamic_agent = Operation(agents.create_dynamic_agent)
    list_agent_definitions = Operation(agents.list_agent_definitions)
    delete_agent_definition = Operation(agents.delete_agent_definition)
    list_agents = Operation(agents.list_agents)
    create_agent = Operation(agents.create_agent)
    get_agent = Operation(agents.get_agent)
    change_agent = Operation(agents.change_agent)
    delete_agent = Operation(agents.delete_agent)
    get_agent_status = Operation(agents.get_agent_status)
    activate_agent = Operation(agents.activate_agent)
    deactivate_agent = Operation(agents.deactivate_agent)
    shutdown_agent = Operation(agents.shutdown_agent)
    clone_agent = Operation(agents.clone_agent)
    export_agent = Operation(agents.export_agent)


class ApiKeysOperations:
    list_api_keys = Operation(api_keys.list_api_keys)
    create_api_key = Operation(api_keys.create_api_key)
    revoke_api_key = Operation(api_keys.revoke_api_key)


class ApprovalsOperations:
    list_approvals = Operation(approvals.list_approvals)
    get_approval = Operation(approvals.get_approval)
    resolve_approval = Operation(approvals.resolve_approval)
    approve_run = Operation(approvals.approve_run)


class AuditOperations:
    list_audit_entries = Operation(audit.list_audit_entries)
    export_audit_entries = Operation(audit.export_audit_entries)
    list_installation_audit_entries = Operation(audit.list_installation_audit_entries)


class ContextsOperations:
    list_contexts = Operation(contexts.list_contexts)
    read_context = Operation(contexts.read_context)
    write_context = Operation(contexts.write_context)
    rollback_context = Operation(contexts.rollback_context)
    list_context_versions = Operation(contexts.list_context_versions)
    compare_context_versions = Operation(contexts.compare_context_versions)
    list_context_readers = Operation(contexts.list_context_readers)
    list_project_contexts = Operation(contexts.list_project_contexts)
    read_project_context = Operation(contexts.read_project_context)
    write_project_context = Operation(contexts.write_project_context)
    rollback_project_context = Operation(contexts.rollback_project_context)
    list_project_context_versions = Operation(contexts.list_project_context_versions)
    compare_project_context_versions = Operation(contexts.compare_project_context_versions)
    list_project_context_readers = Operation(contexts.list_project_context_readers)


class ConversationsOperations:
    send_message = Operation(conversations.send_message)
    list_agent_messages = Operation(conversations.list_agent_messages)
    post_agent_message = Operation(conversations.post_agent_message)
    acknowledge_agent_messages = Operation(conversations.acknowledge_agent_messages)
    list_conversations = Operation(conversations.list_conversations)
    get_conversation = Operation(conversations.get_conversation)
    rename_conversation = Operation(conversations.rename_conversation)
    delete_conversation = Operation(conversations.delete_conversation)
    list_conversation_messages = Operation(conversations.list_conversation_messages)


class DebatesOperations:
    initialize_debate = Operation(debates.initialize_debate)
    control_debate = Operation(debates.control_debate)
    list_debates = Operation(debates.list_debates)
    get_debate = Operation(debates.get_debate)
    get_debate_report = Operation(debates.get_debate_report)
    get_debate_transcript = Operation(debates.get_debate_transcript)
    say_in_debate = Operation(debates.say_in_debate)


class EventsOperations:
    list_events = Operation(events.list_events)


class HealthOperations:
    get_status = Operation(health.get_status)
    get_health = Operation(health.get_health)
    get_liveness = Operation(health.get_liveness)
    get_readiness = Operation(health.get_readiness)
    get_health_status = Operation(health.get_health_status)
    get_system_status = Operation(health.get_system_status)


class KnowledgeOperations:
    add_document = Operation(knowledge.add_document)
    upload_document = Operation(knowledge.upload_document)
    list_documents = Operation(knowledge.list_documents)
    get_document = Operation(knowledge.get_document)
    change_document = Operation(knowledge.change_document)
    delete_document = Operation(knowledge.delete_document)
    list_passages = Operation(knowledge.list_passages)
    reindex_knowledge = Operation(knowledge.reindex_knowledge)
    search_knowledge = Operation(knowledge.search_knowledge)


class LanguageModelsOperations:
    list_models = Operation(language_models.list_models)
    try_model = Operation(language_models.try_model)
    list_ollama_models = Operation(language_models.list_ollama_models)
    chat_with_ollama = Operation(language_models.chat_with_ollama)


class LoginOperations:
    register = Operation(login.register)


class MembersOperations:
    list_members = Operation(members.list_members)
    change_member = Operation(members.change_member)
    remove_member = Operation(members.remove_member)
    list_invitations = Operation(members.list_invitations)
    create_invitation = Operation(members.create_invitation)
    delete_invitation = Operation(members.delete_invitation)
    accept_invitation = Operation(members.accept_invitation)


class RoomsOperations:
    list_rooms = Operation(rooms.list_rooms)
    create_room = Operation(rooms.create_room)
    search_rooms = Operation(rooms.search_rooms)
    get_room = Operation(rooms.get_room)
    change_room = Operation(rooms.change_room)
    delete_room = Operation(rooms.delete_room)
    stop_room = Operation(rooms.stop_room)
    list_room_messages = Operation(rooms.list_room_messages)
    post_room_message = Operation(rooms.post_room_message)
    edit_room_message = Operation(rooms.edit_room_message)
    delete_room_message = Operation(rooms.delete_room_message)
    add_room_reaction = Operation(rooms.add_room_reaction)
    remove_room_reaction = Operation(rooms.remove_room_reaction)
    get_room_prompt = Operation(rooms.get_room_prompt)
    start_room_task = Operation(rooms.start_room_task)
    start_room_debate = Operation(rooms.start_room_debate)
    list_room_members = Operation(rooms.list_room_members)
    add_room_member = Operation(rooms.add_room_member)
    change_room_member = Operation(rooms.change_room_member)
    remove_room_member = Operation(rooms.remove_room_member)
    get_room_presence = Operation(rooms.get_room_presence)
    mark_room_read = Operation(rooms.mark_room_read)
    add_room_attachment = Operation(rooms.add_room_attachment)
    upload_room_attachment = Operation(rooms.upload_room_attachment)
    list_room_attachments = Operation(rooms.list_room_attachments)
    delete_room_attachment = Operation(rooms.delete_room_attachment)


class RunsOperations:
    list_runs = Operation(runs.list_runs)
    get_run = Operation(runs.get_run)
    change_run = Operation(runs.change_run)
    delete_run = Operation(runs.delete_run)
    list_run_logs = Operation(runs.list_run_logs)
    list_run_events = Operation(runs.list_run_events)
    cancel_run = Operation(runs.cancel_run)
    pause_run = Operation(runs.pause_run)
    resume_run = Operation(runs.resume_run)
    list_run_artifacts = Operation(runs.list_run_artifacts)
    get_run_artifact = Operation(runs.get_run_artifact)
    list_run_journal = Operation(runs.list_run_journal)
    compare_runs = Operation(runs.compare_runs)
    replay_run = Operation(runs.replay_run)
    fork_run = Operation(runs.fork_run)
    retry_run = Operation(runs.retry_run)


class SchedulesOperations:
    list_schedules = Operation(schedules.list_schedules)
    create_schedule = Operation(schedules.create_schedule)
    get_schedule = Operation(schedules.get_schedule)
    change_schedule = Operation(schedules.change_schedule)
    delete_schedule = Operation(schedules.delete_schedule)
    pause_schedule = Operation(schedules.pause_schedule)
    resume_schedule = Operation(schedules.resume_schedule)
    run_schedule = Operation(schedules.run_schedule)
    list_schedule_starts = Operation(schedules.list_schedule_starts)


class SecretsOperations:
    list_secrets = Operation(secrets.list_secrets)
    set_secret = Operation(secrets.set_secret)
    delete_secret = Operation(secrets.delete_secret)
    rotate_secrets = Operation(secrets.rotate_secrets)


class TasksOperations:
    start_run = Operation(tasks.start_run)
    list_tasks = Operation(tasks.list_tasks)
    create_task = Operation(tasks.create_task)
    get_task = Operation(tasks.get_task)
    change_task = Operation(tasks.change_task)
    delete_task = Operation(tasks.delete_task)
    execute_operation = Operation(tasks.execute_operation)


class TeamsOperations:
    list_teams = Operation(teams.list_teams)
    create_team = Operation(teams.create_team)
    get_team = Operation(teams.get_team)
    change_team = Operation(teams.change_team)
    delete_team = Operation(teams.delete_team)


class ToolsOperations:
    list_tools = Operation(tools.list_tools)
    change_tool = Operation(tools.change_tool)
    call_tool = Operation(tools.call_tool)
    list_mcp_servers = Operation(tools.list_mcp_servers)
    create_mcp_server = Operation(tools.create_mcp_server)
    get_mcp_server = Operation(tools.get_mcp_server)
    change_mcp_server = Operation(tools.change_mcp_server)
    delete_mcp_server = Operation(tools.delete_mcp_server)
    refresh_mcp_server = Operation(tools.refresh_mcp_server)
    try_mcp_server = Operation(tools.try_mcp_server)


class UsageOperations:
    get_usage = Operation(usage.get_usage)
    list_budgets = Operation(usage.list_budgets)
    create_budget = Operation(usage.create_budget)
    get_budget = Operation(usage.get_budget)
    change_budget = Operation(usage.change_budget)
    delete_budget = Operation(usage.delete_budget)


class UsersOperations:
    list_users = Operation(users.list_users)
    create_user = Operation(users.create_user)
    get_me = Operation(users.get_me)
    change_me = Operation(users.change_me)
    change_password = Operation(users.change_password)
    logout_everywhere = Operation(users.logout_everywhere)
    get_user = Operation(users.get_user)
    change_user = Operation(users.change_user)
    delete_user = Operation(users.delete_user)


class WebhooksOperations:
    list_webhooks = Operation(webhooks.list_webhooks)
    create_webhook = Operation(webhooks.create_webhook)
    get_webhook = Operation(webhooks.get_webhook)
    change_webhook = Operation(webhooks.change_webhook)
    delete_webhook = Operation(webhooks.delete_webhook)
    rotate_webhook_secret = Operation(webhooks.rotate_webhook_secret)
    ping_webhook = Operation(webhooks.ping_webhook)
    list_deliveries = Operation(webhooks.list_deliveries)
    redeliver = Operation(webhooks.redeliver)


class WorkersOperations:
    list_workers = Operation(workers.list_workers)
    drain_worker = Operation(workers.drain_worker)
    undrain_worker = Operation(workers.undrain_worker)


class WorkspacesOperations:
    list_workspaces = Operation(workspaces.list_workspaces)
    create_workspace = Operation(workspaces.create_workspace)
    get_workspace = Operation(workspaces.get_workspace)
    change_workspace = Operation(workspaces.change_workspace)
    delete_workspace = Operation(workspaces.delete_workspace)
    list_projects = Operation(workspaces.list_projects)
    create_project = Operation(workspaces.create_project)
    get_project = Operation(workspaces.get_project)
    change_project = Operation(workspaces.change_project)
    delete_project = Operation(workspaces.delete_project)


class Operations(
    AccountsOperations,
    AgentsOperations,
    ApiKeysOperations,
    ApprovalsOperations,
    AuditOperations,
    ContextsOperations,
    ConversationsOperations,
    DebatesOperations,
    EventsOperations,
    HealthOperations,
    KnowledgeOperations,
    LanguageModelsOperations,
    LoginOperations,
    MembersOperations,
    RoomsOperations,
    RunsOperations,
    SchedulesOperations,
    SecretsOperations,
    TasksOperations,
    TeamsOperations,
    ToolsOperations,
    UsageOperations,
    UsersOperations,
    WebhooksOperations,
    WorkersOperations,
    WorkspacesOperations,
):
    """All of them."""
