"""What operations of knowledge answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource


class Citation(Resource):
    """A passage that an answer cites, as it was found when the answer was given: characters start to end of a
    text.
    """

    passage_id: str
    document_id: str
    title: str
    start: int
    end: int


class Document(Resource):
    """A document; `size` is the length of its text in characters, `passages` how many can be searched."""

    id: str
    project_id: str
    room_id: str | None
    added_by: str | None
    title: str
    source: str | None
    media_type: str
    sha256: str
    size: int
    passages: int
    status: str
    tags: list[str]
    run_id: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class DocumentPage(Resource):
    total: int
    skip: int
    limit: int
    documents: list[Document]


class DocumentPassage(Resource):
    """A part of one document, text[start:end] in characters; neighbours may overlap."""

    id: str
    text: str
    start: int
    end: int


class DocumentPassages(Resource):
    """In the order of the text."""

    total: int
    skip: int
    limit: int
    passages: list[DocumentPassage]


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
    """What a search found, best first. `mode` is how it searched, `note` why by text only where that is so."""

    passages: list[Passage]
    mode: str
    note: str | None
