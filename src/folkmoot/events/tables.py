"""The log's rows; a workspace's head is bumped once per unit and last, so commit order is sequence order."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Table, Word
from folkmoot.kernel.facts import REFERENCES
from folkmoot.kernel.json import JsonObject


class EventHead(Table):
    __tablename__ = "event_heads"

    workspace_id: Mapped[Id] = mapped_column(primary_key=True)
    seq: Mapped[int]
    oldest: Mapped[int]


class Event(Table):
    __tablename__ = "events"

    workspace_id: Mapped[Id] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    type: Mapped[Word]
    run_seq: Mapped[int | None]
    agent_id: Mapped[Id | None]
    task_id: Mapped[Id | None]
    run_id: Mapped[Id | None]
    room_id: Mapped[Id | None]
    debate_id: Mapped[Id | None]
    data: Mapped[JsonObject]
    at: Mapped[datetime]

    __table_args__ = tuple(
        sa.Index(
            f"ix_events_{name}",
            "workspace_id",
            name,
            "seq",
            sqlite_where=sa.text(f"{name} is not null"),
            postgresql_where=sa.text(f"{name} is not null"),
        )
        for name in REFERENCES
    )
