"""What is said in a room, on the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from folkmoot.http.text import Line, Safe, Text
from folkmoot.knowledge.citing import Citation
from folkmoot.rooms.attachment_schemas import MessageAttachment
from folkmoot.rooms.schemas import AGENT, AT, MESSAGE, ROOM, RUN, Body, shown

SenderType = Literal["user", "agent", "system"]


class NewRoomMessage(Body):
    """`/task ...` and `/debate ...` start work that reports to the room; `@slug` calls upon an agent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "@ada what is promised about crashes?"}]})

    content: Annotated[Safe, Field(max_length=100_000, description="Blank only where something is attached")]
    reply_to: Line | None = Field(None, description="The id of a message of the room")
    attachments: list[Line] = Field([], max_length=10, description="Ids of documents that are attached to the room")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.content.strip() and not self.attachments:
            raise ValueError("has neither content nor attachments")
        return self


class RoomMessageChange(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "@ada what is promised?"}]})

    content: Text


class ReactionView(BaseModel):
    emoji: str
    author_ids: list[str]


class RoomMessageView(BaseModel):
    """A deleted message keeps its place and has no content. What an agent cites as [id] is listed beside it."""

    model_config = shown(
        {
            "id": MESSAGE,
            "room_id": ROOM,
            "seq": 2,
            "content": "Nothing is lost.",
            "sender_type": "agent",
            "sender_id": AGENT,
            "sender_name": "Ada",
            "reply_to": None,
            "run_id": RUN,
            "models": ["openai:gpt-5-mini"],
            "citations": [],
            "unknown_citations": [],
            "attachments": [],
            "reactions": [{"emoji": "👍", "author_ids": ["local"]}],
            "edited_at": None,
            "deleted_at": None,
            "created_at": AT,
        }
    )

    id: str
    room_id: str
    seq: int
    content: str
    sender_type: SenderType
    sender_id: str
    sender_name: str
    reply_to: str | None
    run_id: str | None
    models: list[str]
    citations: tuple[Citation, ...] = ()
    unknown_citations: tuple[str, ...] = ()
    attachments: tuple[MessageAttachment, ...] = ()
    reactions: list[ReactionView]
    edited_at: datetime | None
    deleted_at: datetime | None
    created_at: datetime


class RoomMessageLog(BaseModel):
    """Messages in order; `next` is the `after_seq` of what follows, null at the end."""

    messages: list[RoomMessageView]
    next: int | None = Field(examples=[None])
