"""What workspaces decided about tools, and the MCP servers they have tools from."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _tool_policies()
    _mcp_servers()


def downgrade() -> None:
    op.drop_table("mcp_servers")
    op.drop_table("tool_policies")


def _tool_policies() -> None:
    op.create_table(
        "tool_policies",
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("tool", sa.String(255), nullable=False),
        sa.Column("is_allowed", sa.Boolean, nullable=False),
        sa.Column("needs_approval", sa.Boolean, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("updated_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_tool_policies_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "tool", name=op.f("pk_tool_policies")),
    )


def _mcp_servers() -> None:
    op.create_table(
        "mcp_servers",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret_name", sa.String(64)),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("tools", sa.Text, nullable=False),
        sa.Column("tools_hash", sa.String(64)),
        sa.Column("new_tools", sa.Text),
        sa.Column("new_tools_hash", sa.String(64)),
        sa.Column("last_error", sa.Text),
        sa.Column("seen_at", _AT),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("updated_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_mcp_servers_workspace_id_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mcp_servers")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_mcp_servers_workspace_id_name")),
    )
