"""The rows of contexts: the context, its versions, which never change, and the runs that read them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project
from folkmoot.kernel.json import JsonObject

_OF_PROJECT = sa.text("instance_id is null")


class AgentContext(Times, Table):
    """A name under which an agent keeps JSON, or without `instance_id` all agents of the project.

    `current_version` is what reads answer, 0 before the first write; after a rollback it is not the newest.
    `rollback_pointer` is the version the last rollback asked for, `rollback_state` how that went.
    """

    __tablename__ = "agent_contexts"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    instance_id: Mapped[Id | None]
    name: Mapped[Name]
    current_version: Mapped[int]
    rollback_pointer: Mapped[int | None]
    rollback_state: Mapped[Word | None]

    __table_args__ = (
        in_project(),
        sa.ForeignKeyConstraint(
            ["workspace_id", "instance_id"],
            ["agent_instances.workspace_id", "agent_instances.id"],
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("instance_id", "name"),
        sa.Index(
            "uq_agent_contexts_project_id_name",
            "project_id",
            "name",
            unique=True,
            sqlite_where=_OF_PROJECT,
            postgresql_where=_OF_PROJECT,
        ),
        sa.Index(None, "workspace_id"),
        sa.Index(None, "project_id"),
        sa.Index(None, "instance_id"),
        sa.Index(None, "workspace_id", "project_id"),
    )


class AgentContextVersion(Times, Table):
    """`run_id` is the run that wrote it, where one did; `created_by` is who, as the writer says."""

    __tablename__ = "agent_context_versions"

    id: Mapped[Id] = mapped_column(primary_key=True)
    context_id: Mapped[Id] = mapped_column(sa.ForeignKey("agent_contexts.id", ondelete="CASCADE"))
    version: Mapped[int]
    data: Mapped[JsonObject]
    change_description: Mapped[str | None]
    created_by: Mapped[Name]
    run_id: Mapped[Id | None] = mapped_column(sa.ForeignKey("runs.id", ondelete="SET NULL"))

    __table_args__ = (
        sa.UniqueConstraint("context_id", "version"),
        sa.Index(None, "context_id"),
        sa.Index(None, "run_id"),
    )


class ContextRead(Table):
    """A run has read a version, first at `created_at`."""

    __tablename__ = "context_reads"

    context_id: Mapped[Id] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    run_id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    created_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["context_id", "version"],
            ["agent_context_versions.context_id", "agent_context_versions.version"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "context_id"], ["agent_contexts.workspace_id", "agent_contexts.id"], ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id", "run_id"], ["runs.workspace_id", "runs.id"], ondelete="CASCADE"),
        sa.Index(None, "workspace_id", "run_id"),
    )
