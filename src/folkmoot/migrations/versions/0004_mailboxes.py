"""Mailboxes with acknowledgement, and projects that are on their way out."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_IS_MAILBOX = sa.text("kind = 'mailbox'")
_IS_UNACKED = sa.text("acked_at is null and ack_until is not null")


def upgrade() -> None:
    op.add_column("projects", sa.Column("status", sa.String(64), nullable=False, server_default="active"))
    op.add_column("messages", sa.Column("to_agent_id", sa.String(36), nullable=True))
    op.add_column("messages", sa.Column("ack_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "uq_conversations_mailbox",
        "conversations",
        ["agent_id"],
        unique=True,
        sqlite_where=_IS_MAILBOX,
        postgresql_where=_IS_MAILBOX,
    )
    op.create_index(
        "ix_messages_unacked", "messages", ["agent_id", "id"], sqlite_where=_IS_UNACKED, postgresql_where=_IS_UNACKED
    )


def downgrade() -> None:
    op.drop_index("ix_messages_unacked", "messages")
    op.drop_index("uq_conversations_mailbox", "conversations")
    op.drop_column("messages", "ack_until")
    op.drop_column("messages", "to_agent_id")
    op.drop_column("projects", "status")
