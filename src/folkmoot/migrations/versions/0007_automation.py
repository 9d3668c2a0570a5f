"""Schedules and what they started, webhooks and what is sent to them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_AT = sa.DateTime(timezone=True)
_TABLES = ("schedules", "schedule_starts", "webhooks", "webhook_deliveries")


def upgrade() -> None:
    _schedules()
    _webhooks()


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name)


def _id(name: str = "id", *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(36), primary_key=name == "id", nullable=nullable)


def _word(name: str, length: int = 64, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _at(*names: str, nullable: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, _AT, nullable=nullable) for name in names]


def _in_project(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["workspace_id", "project_id"],
        ["projects.workspace_id", "projects.id"],
        name=f"fk_{table}_workspace_id_project_id_projects",
        ondelete="CASCADE",
    )


def _schedules() -> None:
    op.create_table(
        "schedules",
        _id(),
        _id("workspace_id"),
        _id("project_id"),
        _word("name", 255),
        _word("cron", 255),
        _word("zone"),
        _id("task_id"),
        _text("input"),
        _flag("is_paused"),
        *_at("next_at", "last_at", nullable=True),
        _id("last_run_id", nullable=True),
        _text("last_error", nullable=True),
        *_at("created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_schedules_workspace_id_id"),
        _in_project("schedules"),
    )
    op.create_index("ix_schedules_next_at", "schedules", ["next_at"])
    op.create_table(
        "schedule_starts",
        _id(),
        _id("schedule_id"),
        *_at("due_at", nullable=True),
        _id("run_id", nullable=True),
        _word("error_code", nullable=True),
        _text("error_message", nullable=True),
        *_at("at"),
        sa.PrimaryKeyConstraint("id", name="pk_schedule_starts"),
        sa.UniqueConstraint("schedule_id", "due_at", name="uq_schedule_starts_schedule_id_due_at"),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name="fk_schedule_starts_schedule_id_schedules", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_schedule_starts_schedule_id_id", "schedule_starts", ["schedule_id", "id"])


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        _id(),
        _id("workspace_id"),
        _id("project_id", nullable=True),
        _word("name", 255),
        _text("url"),
        _text("types"),
        _flag("is_enabled"),
        _word("disabled_reason", nullable=True),
        _word("secret_name"),
        _number("cursor"),
        *_at("failing_since", nullable=True),
        *_at("created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_webhooks_workspace_id_id"),
        _in_project("webhooks"),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name="fk_webhooks_workspace_id_workspaces", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_webhooks_workspace_id_project_id", "webhooks", ["workspace_id", "project_id"])
    op.create_table(
        "webhook_deliveries",
        _id(),
        _id("webhook_id"),
        _number("seq", nullable=True),
        _word("event_type"),
        _text("body"),
        _word("status"),
        _number("attempts"),
        *_at("next_at", nullable=True),
        _number("response_status", nullable=True),
        _text("response_body", nullable=True),
        _text("error", nullable=True),
        *_at("created_at", "updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
        sa.UniqueConstraint("webhook_id", "seq", name="uq_webhook_deliveries_webhook_id_seq"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_webhook_deliveries_webhook_id_webhooks", ondelete="CASCADE"
        ),
    )
    for columns in (["webhook_id", "status", "seq"], ["webhook_id", "id"], ["status", "updated_at"]):
        op.create_index(f"ix_webhook_deliveries_{'_'.join(columns)}", "webhook_deliveries", columns)
