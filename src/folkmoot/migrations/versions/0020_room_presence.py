"""Who is in a room right now."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "room_presence",
        *(sa.Column(name, sa.String(36), nullable=False) for name in ("room_id", "user_id", "host_id")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("room_id", "user_id", "host_id", name="pk_room_presence"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_room_presence_room_id_rooms", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_room_presence_host_id_hosts", ondelete="CASCADE"),
    )
    op.create_index("ix_room_presence_host_id", "room_presence", ["host_id"])


def downgrade() -> None:
    op.drop_table("room_presence")
