"""Debates and their seats."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "debates",
        *(sa.Column(name, sa.String(36), nullable=False) for name in ("id", "workspace_id", "project_id", "run_id")),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("status", sa.String(64), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("round", "iteration")),
        sa.Column("slot", sa.String(64), nullable=True),
        sa.Column("next_turn", sa.Text(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("leader", sa.Text(), nullable=True),
        sa.Column("arguments", sa.BigInteger(), nullable=False),
        sa.Column("participants", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        *(sa.Column(name, _AT, nullable=False) for name in ("created_at", "updated_at")),
        sa.PrimaryKeyConstraint("id", name="pk_debates"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_debates_workspace_id_id"),
        sa.UniqueConstraint("run_id", name="uq_debates_run_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "project_id"],
            ["projects.workspace_id", "projects.id"],
            name="fk_debates_workspace_id_project_id_projects",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "run_id"],
            ["runs.workspace_id", "runs.id"],
            name="fk_debates_workspace_id_run_id_runs",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_debates_workspace_id_status_id", "debates", ["workspace_id", "status", "id"])
    op.create_table(
        "debate_seats",
        sa.Column("debate_id", sa.String(36), nullable=False),
        sa.Column("seat", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("debate_id", "seat", name="pk_debate_seats"),
        sa.ForeignKeyConstraint(
            ["debate_id"], ["debates.id"], name="fk_debate_seats_debate_id_debates", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_debate_seats_agent_id", "debate_seats", ["agent_id"])


def downgrade() -> None:
    op.drop_table("debate_seats")
    op.drop_table("debates")
