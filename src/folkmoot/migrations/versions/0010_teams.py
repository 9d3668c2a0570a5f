"""Teams of a workspace's own, and tasks for a team that is put together of agents for that one task."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("updated_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_teams"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_teams_workspace_id_id"),
        sa.UniqueConstraint("workspace_id", "slug", name="uq_teams_workspace_id_slug"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "project_id"],
            ["projects.workspace_id", "projects.id"],
            name="fk_teams_workspace_id_project_id_projects",
            ondelete="CASCADE",
        ),
    )
    with op.batch_alter_table("tasks") as tasks:
        tasks.add_column(sa.Column("team_agents", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("tasks") as tasks:
        tasks.drop_column("team_agents")
    op.drop_table("teams")
