"""What knowledge looks like on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, LongText, Safe
from folkmoot.knowledge.rules import MediaType, Mode, Status

TAGS = 32
UPLOAD_BYTES = 50_000_000
FORM_BYTES = 200_000
"""What a form may have beside its file."""

_EXAMPLE_ID = "01a1fdeb-4f0a-75cd-995a-150d2dd2255b"
_EXAMPLE_TEXT = "# Folkmoot\n\nAfter a crash every run goes on where it was."


def _distinct(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


Tag = Annotated[Line, Field(max_length=64)]
Tags = Annotated[list[Tag], Field(max_length=TAGS), AfterValidator(_distinct)]
Source = Annotated[Safe, Field(min_length=1, max_length=1024)]


class NewAttachment(BaseModel):
    """A text to be kept and searched; the same text in the same room is the same document.

    `source` says where it came from: another text from the same source takes the document's place, all at once.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "title": "README.md",
                    "text": f"{_EXAMPLE_TEXT}\n",
                    "media_type": "text/markdown",
                    "tags": ["readme"],
                }
            ]
        },
    )

    title: Line
    text: LongText
    media_type: MediaType = "text/plain"
    tags: Tags = []
    source: Source | None = None


class NewDocument(NewAttachment):
    """A text to be kept and searched; the same text in the same project is the same document.

    `source` says where it came from: another text from the same source takes the document's place, all at once.
    """

    project_id: Safe | None = None


class NewAttachedFile(BaseModel):
    """What is said of an uploaded file beside its bytes; without a title it is called like the file."""

    model_config = ConfigDict(extra="forbid")

    title: Line | None = None
    tags: Tags = []
    source: Source | None = None


class NewUpload(NewAttachedFile):
    """What is said of an uploaded file beside its bytes; without a title it is called like the file."""

    project_id: Safe | None = None


class DocumentChange(BaseModel):
    """What is given is changed; the text is changed by storing another one from the same source."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tags": ["readme", "english"]}]})

    title: Line | None = None
    tags: Tags | None = None


class DocumentView(BaseModel):
    """A document; `size` is the length of its text in characters, `passages` how many can be searched.

    `run_id` is the last run that took it in, where it was one; while a first text is on its way the status is
    `ingesting`. `error` says why the last attempt to take a text in failed; the text before it stays.
    One with a `room_id` is attached to that room, and shown only to who is in it. `added_by` is who brought it first.
    """

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": _EXAMPLE_ID,
                    "project_id": "01a1fdeb-4e2b-7fcb-8194-8f8fed760416",
                    "room_id": None,
                    "added_by": "local",
                    "title": "README.md",
                    "source": None,
                    "media_type": "text/markdown",
                    "sha256": "84268b2e4866bde8fef9551028a2a2014aa5494698437ca838e9ffd6abb1e3c9",
                    "size": 58,
                    "passages": 1,
                    "status": "ready",
                    "tags": ["readme"],
                    "run_id": None,
                    "error": None,
                    "created_at": "2026-11-21T11:43:39.274399Z",
                    "updated_at": "2026-11-21T11:43:39.281375Z",
                }
            ]
        },
    )

    id: str
    project_id: str
    room_id: str | None
    added_by: str | None
    title: str
    source: str | None
    media_type: MediaType
    sha256: str
    size: int
    passages: int
    status: Status
    tags: list[str]
    run_id: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class DocumentPage(Page):
    documents: list[DocumentView]


class DocumentPassage(BaseModel):
    """A part of one document, text[start:end] in characters; neighbours may overlap."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [{"id": "01a1fdeb-4f10-77a8-bc8f-fe2c68ec8fe4", "text": _EXAMPLE_TEXT, "start": 0, "end": 57}]
        },
    )

    id: str
    text: str
    start: int
    end: int


class DocumentPassages(Page):
    """In the order of the text."""

    passages: list[DocumentPassage]


class Passage(BaseModel):
    """A part of a document, text[start:end] in characters (Unicode code points).

    `score` is above zero and higher is better; it compares the passages of one answer, nothing else. By text it is
    a sum over the question's words of how rare a word is, times how often it occurs here; in a hybrid search a sum
    of 1 / (60 + rank) over the two rankings.
    """

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "01a1fdeb-4f10-77a8-bc8f-fe2c68ec8fe4",
                    "document_id": _EXAMPLE_ID,
                    "title": "README.md",
                    "text": _EXAMPLE_TEXT,
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
    """What a search found, best first. `mode` is how it searched, `note` why by text only where that is so."""

    model_config = ConfigDict(from_attributes=True)

    passages: list[Passage]
    mode: Mode = Field(examples=["text"])
    note: str | None = Field(examples=["No model for embeddings is configured (EMBEDDING_MODEL)"])
