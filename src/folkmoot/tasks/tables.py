"""The rows of tasks: the wish, its limits, and what its runs have come to so far."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project
from folkmoot.kernel.json import JsonObject


class Task(Times, Table):
    """`team` is a slug; of a team that is put together for this task alone, `team_agents` are its agents.

    `status` and the totals are projections of the task's runs, written where those change status.
    """

    __tablename__ = "tasks"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    name: Mapped[Name]
    description: Mapped[str]
    config: Mapped[JsonObject]
    team: Mapped[Word]
    team_agents: Mapped[list[str] | None]
    priority: Mapped[Word]
    max_rounds: Mapped[int]
    max_revision_rounds: Mapped[int]
    memory_size: Mapped[int]
    budget: Mapped[JsonObject | None]
    status: Mapped[Word]
    total_runs: Mapped[int]
    successful_runs: Mapped[int]
    failed_runs: Mapped[int]
    last_run_at: Mapped[datetime | None]
    last_run_duration: Mapped[float | None] = mapped_column(sa.Float())
    last_error: Mapped[str | None]

    __table_args__ = (
        in_project(),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.Index(None, "workspace_id", "status", "id"),
    )
