"""What a workspace has decided about its tools, and the MCP servers it has tools from."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word
from folkmoot.kernel.json import JsonObject


class ToolPolicy(Times, Table):
    """A workspace's own word on one tool; a tool without one follows its risk class."""

    __tablename__ = "tool_policies"

    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    tool: Mapped[Name] = mapped_column(primary_key=True)
    is_allowed: Mapped[bool]
    needs_approval: Mapped[bool]


class McpServer(Times, Table):
    """`tools` {tools: [definitions]} is what the owner agreed to, `tools_hash` its digest, null before the first look.

    `new_tools` is what the server listed instead the last time, null where that was the same. Its credential is one
    of the workspace's secrets, by name.
    """

    __tablename__ = "mcp_servers"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[Word]
    url: Mapped[str]
    secret_name: Mapped[Word | None]
    is_enabled: Mapped[bool]
    tools: Mapped[JsonObject]
    tools_hash: Mapped[Word | None]
    new_tools: Mapped[JsonObject | None]
    new_tools_hash: Mapped[Word | None]
    last_error: Mapped[str | None]
    seen_at: Mapped[datetime | None]

    __table_args__ = (sa.UniqueConstraint("workspace_id", "name"),)
