"""The rows of teams: each workspace's own, beside those that are built in."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Table, Times, Word, in_project
from folkmoot.kernel.json import JsonObject


class StoredTeam(Times, Table):
    """`spec` is what somebody said of the team, without its slug; an agent stands in it by its id."""

    __tablename__ = "teams"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    slug: Mapped[Word]
    spec: Mapped[JsonObject]

    __table_args__ = (
        in_project(),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "slug"),
    )
