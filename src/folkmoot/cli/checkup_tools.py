"""What `folkmoot doctor` finds of tools: agents and teams that name some which nobody has now."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from folkmoot.agents.service import tools_named
from folkmoot.agents.tables import AgentInstance
from folkmoot.contexts.service import ContextSettings
from folkmoot.conversations.mailbox import MailboxRules
from folkmoot.db.connect import connect
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.kernel.settings import Settings
from folkmoot.llm.gateway import Gateway
from folkmoot.llm.settings import llm_settings
from folkmoot.net.client import GuardedClient
from folkmoot.runs.artifact_files import FOLDER, ArtifactFiles
from folkmoot.teams.queries import TEAM_COLUMNS, team_view
from folkmoot.teams.service import tools_of_roles
from folkmoot.teams.tables import StoredTeam
from folkmoot.tools.mcp.queries import enabled_servers
from folkmoot.tools.mcp.service import tool_names
from folkmoot.tools.service import unknown_among
from folkmoot.wiring import Means, open_tools

MOST = 5000
_AGENTS = (
    sa.select(AgentInstance.workspace_id, AgentInstance.project_id, AgentInstance.slug, AgentInstance.config)
    .order_by(AgentInstance.id)
    .limit(MOST)
)
_TEAMS = sa.select(*TEAM_COLUMNS).order_by(StoredTeam.id).limit(MOST)


async def unknown_by_name(settings: Settings) -> list[str]:
    """A phrase for each agent, and each role of a team, that names a tool which its workspace does not have.

    Nothing is asked of a server: what its last listing had is there, and of a program every name with its prefix.
    Raises ToolPackageFailed, DatabaseUnavailable.
    """
    names = await _names(settings)
    programs = tuple(f"{one.name}__*" for one in settings.mcp_stdio_servers)
    database = connect(settings.direct_database_url, pool_size=1)
    await database.open()
    try:
        return await database.read_long(_unknown, (*names, *programs))
    finally:
        await database.close()


async def _names(settings: Settings) -> tuple[str, ...]:
    """Of the tools that every workspace has."""
    outgoing, gateway = GuardedClient(), Gateway(llm_settings(settings))
    try:
        means = Means(
            outgoing=outgoing,
            contexts=ContextSettings(),
            mailboxes=MailboxRules(),
            embedder=gateway,
            artifacts=ArtifactFiles(settings.data_dir / FOLDER, settings.artifact_max_bytes),
            runs_python=settings.run_python_enabled,
        )
        return open_tools(means).names()
    finally:
        await outgoing.aclose()
        await gateway.aclose()


def _unknown(tx: Tx, names: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    known: dict[str, tuple[str, ...]] = {}
    for scope, who, wanted in _wanting(tx):
        if scope.workspace_id not in known:
            of_servers = (name for server in enabled_servers(tx, scope) for name in tool_names(server))
            known[scope.workspace_id] = (*names, *of_servers)
        if missing := unknown_among(dict.fromkeys(wanted), known[scope.workspace_id]):
            found.append(f"{who} names {', '.join(missing)}")
    return found


def _wanting(tx: Tx) -> Iterator[tuple[Scope, str, Sequence[str]]]:
    """Who names any tools, where, and which."""
    for agent in tx.all(AgentInstance, _AGENTS):
        if wanted := tools_named(agent.config):
            yield Scope(agent.workspace_id, agent.project_id, SYSTEM), agent.slug, wanted
    for team in tx.all(StoredTeam, _TEAMS):
        for role, tools in tools_of_roles(team_view(team)).items():
            yield Scope(team.workspace_id, team.project_id, SYSTEM), f"{role} in the team {team.slug}", tools
