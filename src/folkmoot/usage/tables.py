"""One row per call of a language model, the budgets, and what is set aside of them for calls under way."""

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project


class UsageRecord(Table):
    """`is_cached`: the answer was known, and no call was made."""

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
    is_cached: Mapped[bool] = mapped_column(server_default=sa.false())
    at: Mapped[datetime] = mapped_column()

    __table_args__ = (in_project(), sa.Index(None, "workspace_id", "at"), sa.Index(None, "run_id"))


class Budget(Times, Table):
    """A null limit is none. `scope_id` is no foreign key: it names what rooms above keep.

    `window_at` is the day that `used_*` is of; null where the period is all time.
    """

    __tablename__ = "budgets"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id] = mapped_column(sa.ForeignKey("workspaces.id", ondelete="CASCADE"))
    scope_kind: Mapped[Word]
    scope_id: Mapped[Id]
    period: Mapped[Word]
    limit_usd: Mapped[Decimal | None]
    limit_tokens: Mapped[int | None]
    used_usd: Mapped[Decimal]
    used_tokens: Mapped[int]
    reserved_usd: Mapped[Decimal]
    reserved_tokens: Mapped[int]
    window_at: Mapped[datetime | None]
    on_exceeded: Mapped[Word]

    __table_args__ = (
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "scope_kind", "scope_id", "period"),
    )


class BudgetReservation(Table):
    """The most that one call under way may take of a budget, kept until it is known what it took.

    `flight` names the try that made it: another one of the same action means that the first was lost. Of a run that
    `is_waiting` it is what was refused, so that it can be seen when there is room for it.
    """

    __tablename__ = "budget_reservations"

    run_id: Mapped[Id] = mapped_column(primary_key=True)
    action_key: Mapped[Name] = mapped_column(primary_key=True)
    budget_id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    flight: Mapped[Id]
    is_waiting: Mapped[bool]
    is_closing: Mapped[bool]
    agent_id: Mapped[Id | None]
    provider: Mapped[Word]
    model: Mapped[Name]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost: Mapped[Decimal | None]
    at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["workspace_id", "budget_id"], ["budgets.workspace_id", "budgets.id"], ondelete="CASCADE"
        ),
        sa.Index(None, "budget_id"),
    )
