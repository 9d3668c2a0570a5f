"""Budgets and what is set aside of them; answers that were known."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("usage_records", sa.Column("is_cached", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("is_budgeted", sa.Boolean(), nullable=False, server_default=sa.false()))
    _budgets()
    _reservations()


def _budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("scope_kind", sa.String(64), nullable=False),
        sa.Column("scope_id", sa.String(36), nullable=False),
        sa.Column("period", sa.String(64), nullable=False),
        sa.Column("limit_usd", sa.BigInteger()),
        sa.Column("limit_tokens", sa.BigInteger()),
        sa.Column("used_usd", sa.BigInteger(), nullable=False),
        sa.Column("used_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reserved_usd", sa.BigInteger(), nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger(), nullable=False),
        sa.Column("window_at", _TIME),
        sa.Column("on_exceeded", sa.String(64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_budgets"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_budgets_workspace_id_id"),
        sa.UniqueConstraint(
            "workspace_id",
            "scope_kind",
            "scope_id",
            "period",
            name="uq_budgets_workspace_id_scope_kind_scope_id_period",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_budgets_workspace_id_workspaces", ondelete="CASCADE"
        ),
    )


def _reservations() -> None:
    op.create_table(
        "budget_reservations",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("action_key", sa.String(255), nullable=False),
        sa.Column("budget_id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("flight", sa.String(36), nullable=False),
        sa.Column("is_waiting", sa.Boolean(), nullable=False),
        sa.Column("is_closing", sa.Boolean(), nullable=False),
        sa.Column("agent_id", sa.String(36)),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger()),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "action_key", "budget_id", name="pk_budget_reservations"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "budget_id"],
            ["budgets.workspace_id", "budgets.id"],
            name="fk_budget_reservations_workspace_id_budget_id_budgets",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_budget_reservations_budget_id", "budget_reservations", ["budget_id"])


def downgrade() -> None:
    op.drop_table("budget_reservations")
    op.drop_table("budgets")
    op.drop_column("runs", "is_budgeted")
    op.drop_column("usage_records", "is_cached")
