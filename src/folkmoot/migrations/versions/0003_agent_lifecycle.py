"""Agents' lifecycle: processes' heartbeats, numbers that are given once, definitions that follow classes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID, WORD, NAME = sa.String(36), sa.String(64), sa.String(255)
TIME = sa.DateTime(timezone=True)
PARTIAL = {"ix_agent_instances_ttl_at": "ttl_at", "ix_agent_instances_host_id": "host_id"}


def upgrade() -> None:
    op.create_table(
        "hosts",
        sa.Column("id", ID, nullable=False),
        sa.Column("address", NAME),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "agent_numbers",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE"),
    )
    op.execute(
        "insert into agent_numbers (workspace_id, last) "
        "select workspace_id, max(number) from agent_instances group by workspace_id"
    )
    op.add_column("agent_definitions", sa.Column("is_hosted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("agent_definitions", sa.Column("class_gone_at", TIME))
    for name, column in PARTIAL.items():
        where = sa.text(f"{column} is not null")
        op.create_index(name, "agent_instances", [column], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in PARTIAL:
        op.drop_index(name, "agent_instances")
    op.drop_column("agent_definitions", "class_gone_at")
    op.drop_column("agent_definitions", "is_hosted")
    op.drop_table("agent_numbers")
    op.drop_table("hosts")
