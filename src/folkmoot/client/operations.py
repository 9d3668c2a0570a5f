"""Every operation of the API as a method of both clients. Written by `make docs`."""

from folkmoot.client.calls import (
    accounts,
    agents,
    api_keys,
    audit,
    contexts,
    conversations,
    events,
    health,
    knowledge,
    login,
    members,
    runs,
    schedules,
    secrets,
    tasks,
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
    list_agent_definitions = Operation(agents.list_agent_definitions)
    list_agents = Operation(agents.list_agents)
    create_agent = Operation(agents.create_agent)
    get_agent = Operation(agents.get_agent)
    change_agent = Operation(agents.change_agent)
    delete_agent = Operation(agents.delete_agent)
    get_agent_status = Operation(agents.get_agent_status)
    activate_agent = Operation(agents.activate_agent)
    deactivate_agent = Operation(agents.deactivate_agent)
    shutdown_agent = Operation(agents.shutdown_agent)


class ApiKeysOperations:
    list_api_keys = Operation(api_keys.list_api_keys)
    create_api_key = Operation(api_keys.create_api_key)
    revoke_api_key = Operation(api_keys.revoke_api_key)


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


class EventsOperations:
    list_events = Operation(events.list_events)


class HealthOperations:
    get_health = Operation(health.get_health)
    get_liveness = Operation(health.get_liveness)
    get_readiness = Operation(health.get_readiness)
    get_health_status = Operation(health.get_health_status)
    get_system_status = Operation(health.get_system_status)


class KnowledgeOperations:
    add_document = Operation(knowledge.add_document)
    list_documents = Operation(knowledge.list_documents)
    get_document = Operation(knowledge.get_document)
    delete_document = Operation(knowledge.delete_document)
    search_knowledge = Operation(knowledge.search_knowledge)


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
    AuditOperations,
    ContextsOperations,
    ConversationsOperations,
    EventsOperations,
    HealthOperations,
    KnowledgeOperations,
    LoginOperations,
    MembersOperations,
    RunsOperations,
    SchedulesOperations,
    SecretsOperations,
    TasksOperations,
    UsersOperations,
    WebhooksOperations,
    WorkersOperations,
    WorkspacesOperations,
):
    """All of them."""
