"""What knowledge looks like on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, LongText
from folkmoot.knowledge.rules import MediaType, Status

TAGS = 32


class NewDocument(BaseModel):
    """A text to be kept and searched; the same text in the same project is the same document."""

    model_config = ConfigDict(extra="forbid")

    title: Line
    text: LongText
    media_type: MediaType = "text/plain"
    tags: Annotated[list[Annotated[Line, Field(max_length=64)]], Field(max_length=TAGS)] = []


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


class DocumentPage(Page):
    documents: list[DocumentView]


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
