"""What an agent that was designed says of itself."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("agent_instances", sa.Column("own_description", sa.Text, nullable=True))
    op.add_column("agent_instances", sa.Column("own_capabilities", sa.Text, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("agent_instances") as table:
        table.drop_column("own_capabilities")
        table.drop_column("own_description")
