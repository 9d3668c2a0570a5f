"""The rows of rooms: how each speaks and stands, who is in it, reactions, and summaries of what was said long ago."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project
from folkmoot.db.types import JsonText
from folkmoot.kernel.json import JsonObject


class Room(Times, Table):
    """A conversation of many. Its messages are those of the conversation with the same id, and so is its order.

    `speaking_run_id` is the one speaker slot, `queue` who speaks after that, `monologue` how many messages of agents
    came since a person's last one. `next_tick_at` is when time alone may make an agent speak.
    """

    __tablename__ = "rooms"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    name: Mapped[Name]
    description: Mapped[str]
    mode: Mapped[Word]
    ai_frequency: Mapped[float] = mapped_column(sa.Float())
    seed: Mapped[int]
    approval: Mapped[bool]
    settings: Mapped[JsonObject]
    speaking_run_id: Mapped[Id | None]
    speaking_agent_id: Mapped[Id | None]
    queue: Mapped[list[JsonObject]] = mapped_column(JsonText())
    monologue: Mapped[int]
    last_message_at: Mapped[datetime]
    next_tick_at: Mapped[datetime | None]

    __table_args__ = (
        in_project(),
        sa.ForeignKeyConstraint(
            ["workspace_id", "id"], ["conversations.workspace_id", "conversations.id"], ondelete="CASCADE"
        ),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.Index(None, "next_tick_at"),
    )


class RoomMember(Times, Table):
    """A person, or an agent with what makes it speak. An agent that is gone stays named here and is not seen."""

    __tablename__ = "room_members"

    room_id: Mapped[Id] = mapped_column(sa.ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    member_kind: Mapped[Word] = mapped_column(primary_key=True)
    member_id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[Name]
    slug: Mapped[Word | None]
    role: Mapped[Word | None]
    category: Mapped[Word | None]
    triggers: Mapped[JsonObject | None]
    schedule: Mapped[JsonObject | None]
    asleep: Mapped[bool]
    joined_seq: Mapped[int]
    spoke_seq: Mapped[int]
    spoke_at: Mapped[datetime | None]
    last_read_seq: Mapped[int]

    __table_args__ = (sa.Index(None, "member_id", "room_id"),)


class RoomReaction(Table):
    __tablename__ = "room_reactions"

    message_id: Mapped[Id] = mapped_column(sa.ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    author_id: Mapped[Id] = mapped_column(primary_key=True)
    emoji: Mapped[Word] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class RoomText(Table):
    """What a person or an agent has said, for the search; a message that was deleted has none.

    `number` is what `Chunk`'s is: a row id for SQLite's full-text index that VACUUM does not change.
    """

    __tablename__ = "room_texts"

    number: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    message_id: Mapped[Id] = mapped_column(sa.ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    room_id: Mapped[Id]
    text: Mapped[str]


class RoomSummary(Table):
    """What was said up to a message, as a language model has told it in a run; the newest version is what is used."""

    __tablename__ = "room_summaries"

    room_id: Mapped[Id] = mapped_column(sa.ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    upto_seq: Mapped[int]
    text: Mapped[str]
    run_id: Mapped[Id]
    created_at: Mapped[datetime]


class RoomPresence(Table):
    """That a process has sockets or streams of a person that follow a room; it goes with the process."""

    __tablename__ = "room_presence"

    room_id: Mapped[Id] = mapped_column(sa.ForeignKey("rooms.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[Id] = mapped_column(primary_key=True)
    host_id: Mapped[Id] = mapped_column(sa.ForeignKey("hosts.id", ondelete="CASCADE"), primary_key=True)
    created_at: Mapped[datetime]

    __table_args__ = (sa.Index(None, "host_id"),)
