"""The tenant spine: workspaces, their projects and members; every root row refers to (workspace_id, project_id)."""

from datetime import datetime

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


class Membership(Times, Table):
    """A user in a workspace; `role` is a kernel.scope.Role. A user's oldest membership is his default workspace."""

    __tablename__ = "memberships"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"))
    user_id: Mapped[Id] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    role: Mapped[Word]

    __table_args__ = (sa.UniqueConstraint("workspace_id", "user_id"), sa.Index(None, "user_id", "id"))


class Invitation(Times, Table):
    """A place in a workspace for whoever shows the token, once; with an `email` only for that address."""

    __tablename__ = "invitations"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"))
    email: Mapped[Name | None]
    role: Mapped[Word]
    token_hash: Mapped[Word] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]

    __table_args__ = (sa.Index(None, "workspace_id"),)
