"""The rows of runs: the run, its journal, agents and approvals, the workspace's slots, artifacts, idempotency."""

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project
from folkmoot.kernel.json import JsonObject

_OF_A_PARENT = sa.text("parent_run_id is not null")
_OF_A_ROOM = sa.text("room_id is not null")


class RunSlots(Table):
    """How many admitted runs a workspace has: bumped in the unit that admits or releases, never counted."""

    __tablename__ = "run_slots"

    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    live: Mapped[int]
    cap: Mapped[int]


class Run(Times, Table):
    __tablename__ = "runs"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    kind: Mapped[Word]
    version: Mapped[int]
    task_id: Mapped[Id | None]
    conversation_id: Mapped[Id | None]
    room_id: Mapped[Id | None]
    parent_run_id: Mapped[Id | None]
    root_run_id: Mapped[Id]
    retry_of: Mapped[Id | None]
    run_number: Mapped[int | None]
    title: Mapped[str]
    input: Mapped[JsonObject]
    status: Mapped[Word]
    waiting_for: Mapped[Word | None]
    wake_at: Mapped[datetime | None]
    priority: Mapped[int]
    is_resumed: Mapped[bool]
    is_pausing: Mapped[bool]
    is_budgeted: Mapped[bool] = mapped_column(server_default=sa.false())
    holds_slot: Mapped[bool]
    owner: Mapped[Id | None]
    epoch: Mapped[int]
    journal_seq: Mapped[int]
    event_seq: Mapped[int]
    deadline_at: Mapped[datetime | None]
    deadline_left_seconds: Mapped[int | None]
    stop_reason: Mapped[Word | None]
    result: Mapped[JsonObject | None]
    error_code: Mapped[Word | None]
    error_message: Mapped[str | None]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost: Mapped[Decimal | None]
    model_calls: Mapped[int]
    round_count: Mapped[int]
    plan: Mapped[JsonObject | None]
    meta_data: Mapped[JsonObject]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        in_project(),
        sa.ForeignKeyConstraint(["workspace_id", "parent_run_id"], ["runs.workspace_id", "runs.id"]),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("task_id", "run_number"),
        sa.Index(None, "workspace_id", "status", "priority", "created_at"),
        sa.Index(None, "status", "wake_at"),
        sa.Index(None, "parent_run_id", sqlite_where=_OF_A_PARENT, postgresql_where=_OF_A_PARENT),
        sa.Index(None, "conversation_id", "id"),
        sa.Index(None, "room_id", sqlite_where=_OF_A_ROOM, postgresql_where=_OF_A_ROOM),
    )


class JournalEntry(Table):
    __tablename__ = "run_journal"

    run_id: Mapped[Id] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[Word]
    key: Mapped[Name]
    data: Mapped[JsonObject]
    at: Mapped[datetime]

    __table_args__ = (
        sa.Index(
            "uq_run_journal_done",
            "run_id",
            "key",
            unique=True,
            sqlite_where=sa.text("kind = 'done'"),
            postgresql_where=sa.text("kind = 'done'"),
        ),
    )


class RunAgent(Table):
    """Who takes part in a run; an agent is busy while one of its runs is running."""

    __tablename__ = "run_agents"

    run_id: Mapped[Id] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[Id] = mapped_column(primary_key=True)
    role: Mapped[Word]

    __table_args__ = (sa.Index(None, "agent_id", "run_id"),)


class Approval(Times, Table):
    """What a run has asked a person. Decided once, in the unit that tells the run."""

    __tablename__ = "approvals"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    run_id: Mapped[Id]
    key: Mapped[Name]
    agent_id: Mapped[Id | None]
    subject: Mapped[Word]
    question: Mapped[str]
    detail: Mapped[JsonObject]
    may_revise: Mapped[bool]
    status: Mapped[Word]
    decision: Mapped[Word | None]
    feedback: Mapped[str | None]
    is_revision: Mapped[bool]
    decided_by: Mapped[JsonObject | None]
    decided_at: Mapped[datetime | None]
    on_expiry: Mapped[Word]
    expires_at: Mapped[datetime]

    __table_args__ = (
        in_project(),
        sa.ForeignKeyConstraint(["workspace_id", "run_id"], ["runs.workspace_id", "runs.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("run_id", "key"),
        sa.Index(None, "workspace_id", "status", "id"),
        sa.Index(None, "status", "expires_at"),
    )


class Artifact(Table):
    """A version of a named body, which is here, or in the file of that name in the folder of artifacts."""

    __tablename__ = "artifacts"

    id: Mapped[Id] = mapped_column(primary_key=True)
    run_id: Mapped[Id] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[Name]
    version: Mapped[int]
    media_type: Mapped[Word]
    size: Mapped[int]
    sha256: Mapped[Word]
    body: Mapped[bytes | None] = mapped_column(sa.LargeBinary())
    file: Mapped[Word | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        sa.UniqueConstraint("run_id", "name", "version"),
        sa.Index(
            "ix_artifacts_file",
            "file",
            sqlite_where=sa.text("file is not null"),
            postgresql_where=sa.text("file is not null"),
        ),
    )


class IdempotencyKey(Table):
    """One key of one actor is one run for 24 hours; the answer is rendered anew.

    What it has started need not be a run: of what is said in a room it is the message.
    """

    __tablename__ = "idempotency_keys"

    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    actor: Mapped[Name] = mapped_column(primary_key=True)
    key: Mapped[Name] = mapped_column(primary_key=True)
    route: Mapped[Name]
    body_hash: Mapped[Word]
    run_id: Mapped[Id | None]
    expires_at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "expires_at"),)
