"""The rows of agents: definitions say what an agent can be, instances are the agents of a workspace."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project
from folkmoot.kernel.json import JsonObject

_FROM_CODE = sa.text("workspace_id is null")
_ENDS = sa.text("ttl_at is not null")
_LIVES_SOMEWHERE = sa.text("host_id is not null")


class AgentDefinition(Times, Table):
    """What an agent can be: from code for all workspaces, or private to one.

    An agent of a class (`is_hosted`) lives in a process, any other needs no more than a language model.
    `class_gone_at` says that the class, and not an operator, took the definition out of use.
    """

    __tablename__ = "agent_definitions"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id | None] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[Name]
    slug: Mapped[Name]
    agent_type: Mapped[str] = mapped_column(sa.String(100))
    description: Mapped[str]
    capabilities: Mapped[list[str]]
    config_schema: Mapped[JsonObject]
    meta_data: Mapped[JsonObject]
    is_enabled: Mapped[bool]
    is_hosted: Mapped[bool] = mapped_column(server_default=sa.false())
    class_gone_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("workspace_id", "slug"),
        sa.Index(
            "uq_agent_definitions_slug",
            "slug",
            unique=True,
            sqlite_where=_FROM_CODE,
            postgresql_where=_FROM_CODE,
        ),
        sa.Index(None, "name"),
        sa.Index(None, "slug"),
        sa.Index(None, "agent_type"),
        sa.Index(None, "is_enabled"),
    )


class AgentInstance(Times, Table):
    """An agent of a workspace.

    `status` is the lifecycle. Busy is laid over it while `running_runs` is above 0, which is bumped in the
    unit that changes a run's status, never counted; offline while the process `host_id`, in which an agent of
    a class lives, is gone. `state` is the class's own. It is no foreign key: a host's row goes with the host.
    An agent that was designed says of itself what its definition cannot: `own_description`, `own_capabilities`.
    """

    __tablename__ = "agent_instances"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    definition_id: Mapped[Id] = mapped_column(sa.ForeignKey("agent_definitions.id", ondelete="RESTRICT"))
    number: Mapped[int]
    slug: Mapped[Word]
    name: Mapped[Name]
    role: Mapped[Name | None]
    own_description: Mapped[str | None]
    own_capabilities: Mapped[list[str] | None]
    status: Mapped[Word]
    running_runs: Mapped[int]
    config: Mapped[JsonObject]
    state: Mapped[JsonObject]
    origin: Mapped[JsonObject]
    host_id: Mapped[Id | None]
    last_heartbeat: Mapped[datetime | None]
    last_error: Mapped[str | None]
    ttl_at: Mapped[datetime | None]
    task_count: Mapped[int]
    success_count: Mapped[int]
    error_count: Mapped[int]
    busy_milliseconds: Mapped[int]
    last_active_at: Mapped[datetime | None]

    __table_args__ = (
        in_project(),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "number"),
        sa.UniqueConstraint("workspace_id", "slug"),
        sa.Index(None, "workspace_id"),
        sa.Index(None, "project_id"),
        sa.Index(None, "definition_id"),
        sa.Index(None, "status"),
        sa.Index(None, "workspace_id", "project_id"),
        sa.Index("ix_agent_instances_ttl_at", "ttl_at", sqlite_where=_ENDS, postgresql_where=_ENDS),
        sa.Index(
            "ix_agent_instances_host_id", "host_id", sqlite_where=_LIVES_SOMEWHERE, postgresql_where=_LIVES_SOMEWHERE
        ),
    )


class AgentNumbers(Table):
    """The last number a workspace has given: a number stays its agent's also when that is deleted."""

    __tablename__ = "agent_numbers"

    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    last: Mapped[int]


class Agent(AgentInstance):
    """An instance as queries answer it: with what its definition says of it, its host's last sign, its run."""

    __abstract__ = True

    agent_type: Mapped[str]
    description: Mapped[str]
    capabilities: Mapped[list[str]]
    definition_slug: Mapped[str]
    is_hosted: Mapped[bool]
    seen_at: Mapped[datetime | None]
    current_run_id: Mapped[str | None]
