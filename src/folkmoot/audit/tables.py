"""The audit log's rows. They name a workspace without a foreign key: what was done to it outlives it."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Word
from folkmoot.kernel.json import JsonObject


class AuditEntry(Table):
    """`workspace_id` is null for what concerns the whole installation, such as a login."""

    __tablename__ = "audit_log"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id | None]
    actor_kind: Mapped[Word]
    actor_id: Mapped[Word]
    actor_name: Mapped[Name]
    verb: Mapped[Word]
    object_kind: Mapped[Word]
    object_id: Mapped[Name | None]
    address: Mapped[Word | None]
    detail: Mapped[JsonObject]
    at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "workspace_id", "id"),)
