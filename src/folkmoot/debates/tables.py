"""The rows of debates: how each stands, written with its run's journal, and which agent has which seat."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Table, Times, Word, in_project
from folkmoot.db.types import JsonText
from folkmoot.kernel.json import JsonObject


class Debate(Times, Table):
    """A projection of the run's journal but for `status`, which is one of the run's.

    `slot` is the key of what is due, `score` and `leader` are those of the last round that ended.
    """

    __tablename__ = "debates"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    run_id: Mapped[Id]
    config: Mapped[JsonObject]
    status: Mapped[Word]
    round: Mapped[int]
    iteration: Mapped[int]
    slot: Mapped[Word | None]
    next_turn: Mapped[JsonObject | None]
    score: Mapped[float | None] = mapped_column(sa.Float())
    leader: Mapped[str | None]
    arguments: Mapped[int]
    participants: Mapped[list[JsonObject]] = mapped_column(JsonText())
    report: Mapped[JsonObject | None]

    __table_args__ = (
        in_project(),
        sa.ForeignKeyConstraint(["workspace_id", "run_id"], ["runs.workspace_id", "runs.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("run_id"),
        sa.Index(None, "workspace_id", "status", "id"),
    )


class DebateSeat(Table):
    """An agent stays named here also when it is gone."""

    __tablename__ = "debate_seats"

    debate_id: Mapped[Id] = mapped_column(sa.ForeignKey("debates.id", ondelete="CASCADE"), primary_key=True)
    seat: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    agent_id: Mapped[Id]

    __table_args__ = (sa.Index(None, "agent_id"),)
