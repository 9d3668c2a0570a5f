"""What operations of knowledge answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource


class Document(Resource):
    """A document; `size` is the length of its text in characters."""

    id: str
    project_id: str
    title: str
    media_type: str
    sha256: str
    size: int
    status: str
    tags: list[str]
    created_at: datetime
    updated_at: datetime


class DocumentPage(Resource):
    total: int
    skip: int
    limit: int
    documents: list[Document]


class Passage(Resource):
    """A part of a document, text[start:end] in characters (Unicode code points)."""

    id: str
    document_id: str
    title: str
    text: str
    score: float
    start: int
    end: int


class Passages(Resource):
    """What a search found, best first."""

    passages: list[Passage]
