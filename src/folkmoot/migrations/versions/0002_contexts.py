"""Contexts: named JSON in versions, and which run has read which of them."""

from typing import TypeVar

import sqlalchemy as sa
from alembic import op

T = TypeVar("T")

revision = "0002"
down_revision = "0001"

ID, WORD, NAME, TEXT = sa.String(36), sa.String(64), sa.String(255), sa.Text()
INTEGER, TIME = sa.BigInteger(), sa.DateTime(timezone=True)


def upgrade() -> None:
    _agent_contexts()
    _agent_context_versions()
    _context_reads()


def downgrade() -> None:
    for table in ("context_reads", "agent_context_versions", "agent_contexts"):
        op.drop_table(table)


def _columns(kind: "sa.types.TypeEngine[T]", names: str) -> list["sa.Column[T]"]:
    """A name that ends in a question mark may be null."""
    return [sa.Column(name.rstrip("?"), kind, nullable=name.endswith("?")) for name in names.split()]


def _refers(columns: str, table: str, to: str, on_delete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns.split(), [f"{table}.{name}" for name in to.split()], ondelete=on_delete)


def _indexes(table: str, *indexes: str) -> None:
    for columns in map(str.split, indexes):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _agent_contexts() -> None:
    op.create_table(
        "agent_contexts",
        *_columns(ID, "id workspace_id project_id instance_id?"),
        *_columns(NAME, "name"),
        *_columns(INTEGER, "current_version rollback_pointer?"),
        *_columns(WORD, "rollback_state?"),
        *_columns(TIME, "created_at updated_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("instance_id", "name"),
        _refers("workspace_id project_id", "projects", "workspace_id id", "CASCADE"),
        _refers("workspace_id instance_id", "agent_instances", "workspace_id id", "CASCADE"),
    )
    _indexes("agent_contexts", "instance_id", "project_id", "workspace_id", "workspace_id project_id")
    of_project = sa.text("instance_id is null")
    op.create_index(
        "uq_agent_contexts_project_id_name",
        "agent_contexts",
        ["project_id", "name"],
        unique=True,
        sqlite_where=of_project,
        postgresql_where=of_project,
    )


def _agent_context_versions() -> None:
    op.create_table(
        "agent_context_versions",
        *_columns(ID, "id context_id run_id?"),
        *_columns(INTEGER, "version"),
        *_columns(TEXT, "data change_description?"),
        *_columns(NAME, "created_by"),
        *_columns(TIME, "created_at updated_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("context_id", "version"),
        _refers("context_id", "agent_contexts", "id", "CASCADE"),
        _refers("run_id", "runs", "id", "SET NULL"),
    )
    _indexes("agent_context_versions", "context_id", "run_id")


def _context_reads() -> None:
    op.create_table(
        "context_reads",
        *_columns(ID, "context_id"),
        *_columns(INTEGER, "version"),
        *_columns(ID, "run_id workspace_id"),
        *_columns(TIME, "created_at"),
        sa.PrimaryKeyConstraint("context_id", "version", "run_id"),
        _refers("context_id version", "agent_context_versions", "context_id version", "CASCADE"),
        _refers("workspace_id context_id", "agent_contexts", "workspace_id id", "CASCADE"),
        _refers("workspace_id run_id", "runs", "workspace_id id", "CASCADE"),
    )
    _indexes("context_reads", "workspace_id run_id")
