"""The tenant spine: workspaces and their projects; every root row refers to (workspace_id, project_id)."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word
from folkmoot.kernel.json import JsonObject


class Workspace(Times, Table):
    """`status` is a rules.TenantStatus."""

    __tablename__ = "workspaces"

    id: Mapped[Id] = mapped_column(primary_key=True)
    slug: Mapped[Word] = mapped_column(unique=True)
    name: Mapped[Name]
    status: Mapped[Word]
    meta_data: Mapped[JsonObject]
    settings: Mapped[JsonObject]


class Project(Times, Table):
    """`status` is a rules.TenantStatus."""

    __tablename__ = "projects"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"))
    slug: Mapped[Word]
    name: Mapped[Name]
    status: Mapped[Word] = mapped_column(server_default="active")
    meta_data: Mapped[JsonObject]

    __table_args__ = (
        sa.UniqueConstraint("workspace_id", "slug"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
