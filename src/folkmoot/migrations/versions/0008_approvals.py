"""What runs ask people."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("agent_id", sa.String(36), nullable=True),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("may_revise", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        sa.Column("decision", sa.String(64), nullable=True),
        sa.Column("feedback", sa.Text(), nullable=True),
        sa.Column("is_revision", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", _AT, nullable=True),
        sa.Column("on_expiry", sa.String(64), nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("updated_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "project_id"],
            ["projects.workspace_id", "projects.id"],
            name="fk_approvals_workspace_id_project_id_projects",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "run_id"],
            ["runs.workspace_id", "runs.id"],
            name="fk_approvals_workspace_id_run_id_runs",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("run_id", "key", name="uq_approvals_run_id_key"),
    )
    op.create_index("ix_approvals_workspace_id_status_id", "approvals", ["workspace_id", "status", "id"])
    op.create_index("ix_approvals_status_expires_at", "approvals", ["status", "expires_at"])


def downgrade() -> None:
    op.drop_table("approvals")
