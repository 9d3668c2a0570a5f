"""Rooms, their members, reactions and summaries; the runs of a room are found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "rooms",
        *(sa.Column(name, sa.String(36), nullable=False) for name in ("id", "workspace_id", "project_id")),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(64), nullable=False),
        sa.Column("ai_frequency", sa.Float(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("approval", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        *(sa.Column(name, sa.String(36), nullable=True) for name in ("speaking_run_id", "speaking_agent_id")),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("monologue", sa.BigInteger(), nullable=False),
        sa.Column("last_message_at", _AT, nullable=False),
        sa.Column("next_tick_at", _AT, nullable=True),
        *(sa.Column(name, _AT, nullable=False) for name in ("created_at", "updated_at")),
        sa.PrimaryKeyConstraint("id", name="pk_rooms"),
        sa.UniqueConstraint("workspace_id", "id", name="uq_rooms_workspace_id_id"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "project_id"],
            ["projects.workspace_id", "projects.id"],
            name="fk_rooms_workspace_id_project_id_projects",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "id"],
            ["conversations.workspace_id", "conversations.id"],
            name="fk_rooms_workspace_id_id_conversations",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_rooms_next_tick_at", "rooms", ["next_tick_at"])
    _create_members()
    _create_of_messages()
    op.create_index("ix_runs_room_id", "runs", ["room_id"])


def _create_members() -> None:
    op.create_table(
        "room_members",
        sa.Column("room_id", sa.String(36), nullable=False),
        sa.Column("member_kind", sa.String(64), nullable=False),
        sa.Column("member_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        *(sa.Column(name, sa.String(64), nullable=True) for name in ("slug", "role", "category")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("triggers", "schedule")),
        sa.Column("asleep", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("joined_seq", "spoke_seq")),
        sa.Column("spoke_at", _AT, nullable=True),
        sa.Column("last_read_seq", sa.BigInteger(), nullable=False),
        *(sa.Column(name, _AT, nullable=False) for name in ("created_at", "updated_at")),
        sa.PrimaryKeyConstraint("room_id", "member_kind", "member_id", name="pk_room_members"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_room_members_room_id_rooms", ondelete="CASCADE"),
    )
    op.create_index("ix_room_members_member_id_room_id", "room_members", ["member_id", "room_id"])


def _create_of_messages() -> None:
    op.create_table(
        "room_reactions",
        *(sa.Column(name, sa.String(36), nullable=False) for name in ("message_id", "author_id")),
        sa.Column("emoji", sa.String(64), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "author_id", "emoji", name="pk_room_reactions"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_room_reactions_message_id_messages", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "room_summaries",
        sa.Column("room_id", sa.String(36), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("upto_seq", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "version", name="pk_room_summaries"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name="fk_room_summaries_room_id_rooms", ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_index("ix_runs_room_id", "runs")
    op.drop_table("room_summaries")
    op.drop_table("room_reactions")
    op.drop_table("room_members")
    op.drop_table("rooms")
