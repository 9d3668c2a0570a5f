"""Indexes over what is seldom there hold only what is: a chat message writes four entries less."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_SELDOM = (("runs", "parent_run_id"), ("runs", "room_id"))
_CORRELATED = sa.text("correlation_id is not null")
_OF_AGENT = "ix_messages_agent_id_correlation_id"


def upgrade() -> None:
    for table, column in _SELDOM:
        there = sa.text(f"{column} is not null")
        op.drop_index(f"ix_{table}_{column}", table)
        op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=there, postgresql_where=there)
    op.drop_index(_OF_AGENT, "messages")
    op.create_index(
        f"{_OF_AGENT}_id",
        "messages",
        ["agent_id", "correlation_id", "id"],  # in the order they are listed in, without which it was not used
        sqlite_where=_CORRELATED,
        postgresql_where=_CORRELATED,
    )


def downgrade() -> None:
    for table, column in _SELDOM:
        op.drop_index(f"ix_{table}_{column}", table)
        op.create_index(f"ix_{table}_{column}", table, [column])
    op.drop_index(f"{_OF_AGENT}_id", "messages")
    op.create_index(_OF_AGENT, "messages", ["agent_id", "correlation_id"])
