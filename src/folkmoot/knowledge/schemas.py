"""What knowledge looks like on the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from folkmoot.knowledge.rules import MediaType, Status


class DocumentView(BaseModel):
    """A document; `size` is the length of its text in characters."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    project_id: str
    title: str
    media_type: MediaType
    sha256: str
    size: int
    status: Status
    tags: list[str]
    created_at: datetime
    updated_at: datetime


class Passage(BaseModel):
    """A part of a document, text[start:end] in characters (Unicode code points).

    `score` is above zero and higher is better: a sum over the question's words of how rare a word is, times
    how often it occurs here. It compares the passages of one answer, nothing else.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    document_id: str
    title: str
    text: str
    score: float
    start: int
    end: int


class Passages(BaseModel):
    """What a search found, best first."""

    passages: list[Passage]
