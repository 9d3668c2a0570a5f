"""One row per call of a language model."""

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Word, in_project


class UsageRecord(Table):
    __tablename__ = "usage_records"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    run_id: Mapped[Id | None]
    agent_id: Mapped[Id | None]
    provider: Mapped[Word]
    model: Mapped[Name]
    kind: Mapped[Word]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    cost: Mapped[Decimal | None]
    latency_milliseconds: Mapped[int]
    is_estimated: Mapped[bool]
    at: Mapped[datetime] = mapped_column()

    __table_args__ = (in_project(), sa.Index(None, "workspace_id", "at"), sa.Index(None, "run_id"))
