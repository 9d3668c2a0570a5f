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

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "title": "README.md",
                    "text": "# Folkmoot\n\nAfter a crash every run goes on where it was.\n",
                    "media_type": "text/markdown",
                    "tags": ["readme"],
                }
            ]
        },
    )

    title: Line
    text: LongText
    media_type: MediaType = "text/plain"
    tags: Annotated[list[Annotated[Line, Field(max_length=64)]], Field(max_length=TAGS)] = []


class DocumentView(BaseModel):
    """A document; `size` is the length of its text in characters."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "01a1fdeb-4f0a-75cd-995a-150d2dd2255b",
                    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
                    "title": "README.md",
                    "media_type": "text/markdown",
                    "sha256": "84268b2e4866bde8fef9551028a2a2014aa5494698437ca838e9ffd6abb1e3c9",
                    "size": 58,
                    "status": "ready",
                    "tags": ["readme"],
                    "created_at": "2026-11-21T11:43:39.274399Z",
                    "updated_at": "2026-11-21T11:43:39.281375Z",
                }
            ]
        },
    )

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

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "01a1fdeb-4f10-77a8-bc8f-fe2c68ec8fe4",
                    "document_id": "01a1fdeb-4f0a-75cd-995a-150d2dd2255b",
                    "title": "README.md",
                    "text": "# Folkmoot\n\nAfter a crash every run goes on where it was.",
                    "score": 0.8,
                    "start": 0,
                    "end": 57,
                }
            ]
        },
    )

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
