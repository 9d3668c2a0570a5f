"""Which schema shows which resource: what events tell of a thing has the same shape as what the API answers of it."""

from folkmoot.agents.schemas import AgentStatusView, AgentView, DefinitionView
from folkmoot.automation.schedule_schemas import ScheduleView
from folkmoot.automation.webhook_schemas import WebhookSummary
from folkmoot.contexts.schemas import ContextSummary
from folkmoot.conversations.schemas import ConversationView, MessageView
from folkmoot.debates.schemas import DebateView
from folkmoot.events.registry import Resources
from folkmoot.knowledge.schemas import DocumentView
from folkmoot.providers.schemas import SecretView
from folkmoot.rooms.member_schemas import RoomMemberView
from folkmoot.rooms.message_schemas import RoomMessageView
from folkmoot.rooms.schemas import RoomView
from folkmoot.runs.approval_schemas import ApprovalView
from folkmoot.runs.schemas import RunView
from folkmoot.tasks.schemas import TaskView
from folkmoot.teams.schemas import TeamView
from folkmoot.tools.mcp.schemas import McpServerSummary
from folkmoot.tools.schemas import ToolView
from folkmoot.usage.schemas import BudgetView
from folkmoot.workspaces.member_schemas import InvitationView, MemberView
from folkmoot.workspaces.schemas import ProjectView, WorkspaceView

RESOURCES: Resources = {
    "agent": AgentView,
    "agent_status": AgentStatusView,
    "approval": ApprovalView,
    "budget": BudgetView,
    "context": ContextSummary,
    "conversation": ConversationView,
    "debate": DebateView,
    "definition": DefinitionView,
    "document": DocumentView,
    "invitation": InvitationView,
    "mcp_server": McpServerSummary,
    "member": MemberView,
    "message": MessageView,
    "project": ProjectView,
    "room": RoomView,
    "room_member": RoomMemberView,
    "room_message": RoomMessageView,
    "run": RunView,
    "schedule": ScheduleView,
    "secret": SecretView,
    "task": TaskView,
    "team": TeamView,
    "tool": ToolView,
    "webhook": WebhookSummary,
    "workspace": WorkspaceView,
}
