"""The rows of automation: schedules and what they started, webhooks and what is sent to them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project
from folkmoot.kernel.json import JsonObject


class Schedule(Times, Table):
    """`next_at` moves in the unit that starts what was due then; null while it is paused.

    `task_id` is no foreign key: a task can be deleted, and its schedule then says so when it is due.
    """

    __tablename__ = "schedules"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    name: Mapped[Name]
    cron: Mapped[Name]
    zone: Mapped[Word]
    task_id: Mapped[Id]
    input: Mapped[JsonObject]
    is_paused: Mapped[bool]
    next_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    last_run_id: Mapped[Id | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        in_project(),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.Index(None, "next_at"),
    )


class ScheduleStart(Table):
    """One time of a schedule: the run it started, or why it started none. By hand it has no `due_at`."""

    __tablename__ = "schedule_starts"

    id: Mapped[Id] = mapped_column(primary_key=True)
    schedule_id: Mapped[Id] = mapped_column(sa.ForeignKey("schedules.id", ondelete="CASCADE"))
    due_at: Mapped[datetime | None]
    run_id: Mapped[Id | None]
    error_code: Mapped[Word | None]
    error_message: Mapped[str | None]
    at: Mapped[datetime]

    __table_args__ = (
        sa.UniqueConstraint("schedule_id", "due_at"),
        sa.Index(None, "schedule_id", "id"),
    )


class Webhook(Times, Table):
    """A follower of the log: everything up to `cursor` was looked at. Its secret is one of the workspace's, by name."""

    __tablename__ = "webhooks"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"))
    project_id: Mapped[Id | None]
    name: Mapped[Name]
    url: Mapped[str]
    types: Mapped[list[str]]
    is_enabled: Mapped[bool]
    disabled_reason: Mapped[Word | None]
    secret_name: Mapped[Word]
    cursor: Mapped[int]
    failing_since: Mapped[datetime | None]

    __table_args__ = (
        in_project(),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.Index(None, "workspace_id", "project_id"),
    )


class WebhookDelivery(Times, Table):
    """An event on its way to a webhook, and what came of it. A ping has no `seq`."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[Id] = mapped_column(primary_key=True)
    webhook_id: Mapped[Id] = mapped_column(sa.ForeignKey("webhooks.id", ondelete="CASCADE"))
    seq: Mapped[int | None]
    event_type: Mapped[Word]
    body: Mapped[str]
    status: Mapped[Word]
    attempts: Mapped[int]
    next_at: Mapped[datetime | None]
    response_status: Mapped[int | None]
    response_body: Mapped[str | None]
    error: Mapped[str | None]

    __table_args__ = (
        sa.UniqueConstraint("webhook_id", "seq"),
        sa.Index(None, "webhook_id", "status", "seq"),
        sa.Index(None, "webhook_id", "id"),
        sa.Index(None, "status", "updated_at"),
    )
