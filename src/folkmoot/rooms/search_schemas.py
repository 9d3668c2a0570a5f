"""What the search in rooms answers."""

from pydantic import BaseModel, Field

from folkmoot.http.schemas import Page
from folkmoot.rooms.message_schemas import RoomMessageView

_MESSAGE = RoomMessageView.model_json_schema()["examples"][0]


class RoomMatch(BaseModel):
    """Where a word that was asked for stands: content[start:end] of the message, in characters."""

    start: int = Field(examples=[11])
    end: int = Field(examples=[15])


class RoomHit(BaseModel):
    """A message that was found. `text` is the part of it that holds most of what was asked for: content[start:end] in
    characters (Unicode code points); `matches` are the words in it.

    `score` is above zero and higher is better; it compares the hits of one answer, nothing else.
    """

    room_id: str = Field(examples=[_MESSAGE["room_id"]])
    room_name: str = Field(examples=["Harbour"])
    message: RoomMessageView
    score: float = Field(examples=[0.8])
    text: str = Field(examples=[_MESSAGE["content"]])
    start: int = Field(examples=[0])
    end: int = Field(examples=[len(_MESSAGE["content"])])
    matches: list[RoomMatch]


class RoomHits(Page):
    """Best first, among equals the newest first."""

    hits: list[RoomHit]
