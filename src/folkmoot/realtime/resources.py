"""Which schema shows which resource: what events tell of a thing has the same shape as what the API answers of it."""

from folkmoot.agents.schemas import AgentStatusView, AgentView
from folkmoot.automation.schedule_schemas import ScheduleView
from folkmoot.automation.webhook_schemas import WebhookSummary
from folkmoot.contexts.schemas import ContextSummary
from folkmoot.conversations.schemas import ConversationView, MessageView
from folkmoot.events.registry import Resources
from folkmoot.knowledge.schemas import DocumentView
from folkmoot.providers.schemas import SecretView
from folkmoot.runs.schemas import RunView
from folkmoot.tasks.schemas import TaskView
from folkmoot.workspaces.member_schemas import InvitationView, MemberView
from folkmoot.workspaces.schemas import ProjectView, WorkspaceView

RESOURCES: Resources = {
    "agent": AgentView,
    "agent_status": AgentStatusView,
    "context": ContextSummary,
    "conversation": ConversationView,
    "document": DocumentView,
    "invitation": InvitationView,
    "member": MemberView,
    "message": MessageView,
    "project": ProjectView,
    "run": RunView,
    "schedule": ScheduleView,
    "secret": SecretView,
    "task": TaskView,
    "webhook": WebhookSummary,
    "workspace": WorkspaceView,
}
