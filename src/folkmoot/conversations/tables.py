"""The rows of conversations: chats, mailboxes and rooms alike, and the one table of their messages."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project
from folkmoot.kernel.json import JsonObject

_STANDING = sa.text("is_standing")
_MAILBOX = sa.text("kind = 'mailbox'")
_ROOM = sa.text("kind = 'room'")
_CORRELATED = sa.text("correlation_id is not null")
_UNACKED = sa.text("acked_at is null and ack_until is not null")


class Conversation(Times, Table):
    """Messages in one order. `live_run_id` is the one reply being written; further ones wait for it.

    It is no foreign key: it is set before its run is inserted, in the same unit.
    """

    __tablename__ = "conversations"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    kind: Mapped[Word]
    agent_id: Mapped[Id | None]
    user_id: Mapped[Id | None]
    title: Mapped[Name]
    last_seq: Mapped[int]
    live_run_id: Mapped[Id | None]
    is_standing: Mapped[bool]

    __table_args__ = (
        in_project(),
        sa.ForeignKeyConstraint(
            ["workspace_id", "agent_id"],
            ["agent_instances.workspace_id", "agent_instances.id"],
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.Index(
            "uq_conversations_standing",
            "agent_id",
            "user_id",
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
        sa.Index(
            "uq_conversations_mailbox",
            "agent_id",
            unique=True,
            sqlite_where=_MAILBOX,
            postgresql_where=_MAILBOX,
        ),
        sa.Index(None, "workspace_id", "updated_at"),
        sa.Index("ix_conversations_of_rooms", "id", sqlite_where=_ROOM, postgresql_where=_ROOM),
    )


class Message(Times, Table):
    """One message; `direction` is seen from the agent: inbound is said to it, outbound by it.

    Only what was put into a mailbox has `ack_until`: until then its consumer may acknowledge it. A message to
    another agent is one row in either mailbox, and both name that agent in `to_agent_id`.
    """

    __tablename__ = "messages"

    id: Mapped[Id] = mapped_column(primary_key=True)
    conversation_id: Mapped[Id] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"))
    seq: Mapped[int]
    agent_id: Mapped[Id | None]
    author_kind: Mapped[Word]
    author_id: Mapped[Id]
    direction: Mapped[Word]
    text: Mapped[str]
    payload: Mapped[JsonObject | None]
    correlation_id: Mapped[Name | None]
    task_id: Mapped[Id | None]
    run_id: Mapped[Id | None]
    reply_to: Mapped[Id | None]
    to_agent_id: Mapped[Id | None]
    models: Mapped[list[str]]
    ack_until: Mapped[datetime | None]
    acked_at: Mapped[datetime | None]
    edited_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("conversation_id", "seq"),
        sa.Index(None, "agent_id", "id"),
        sa.Index(None, "agent_id", "correlation_id", "id", sqlite_where=_CORRELATED, postgresql_where=_CORRELATED),
        sa.Index("ix_messages_unacked", "agent_id", "id", sqlite_where=_UNACKED, postgresql_where=_UNACKED),
    )
