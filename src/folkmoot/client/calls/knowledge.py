"""Calls of knowledge. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.resources.knowledge import Document, DocumentPage, Passages
from folkmoot.client.wire import Call


def add_document(
    title: str, text: str, *, media_type: str | None = None, tags: Sequence[str] | None = None
) -> Call[Document]:
    """Store a text of at most 1,500,000 bytes; it can be searched when the answer comes."""
    return Call(
        "POST",
        "/api/knowledge/documents",
        wire.one(Document),
        body={"title": title, "text": text, "media_type": media_type, "tags": tags},
    )


def list_documents(*, skip: int | None = None, limit: int | None = None) -> Call[DocumentPage]:
    """The workspace's documents, newest first."""
    return Call("GET", "/api/knowledge/documents", wire.one(DocumentPage), query={"skip": skip, "limit": limit})


def get_document(document_id: str) -> Call[Document]:
    return Call("GET", wire.path("/api/knowledge/documents/{document_id}", document_id=document_id), wire.one(Document))


def delete_document(document_id: str) -> Call[None]:
    return Call("DELETE", wire.path("/api/knowledge/documents/{document_id}", document_id=document_id), wire.nothing)


def search_knowledge(q: str, *, limit: int | None = None, document_id: Sequence[str] | None = None) -> Call[Passages]:
    """The passages that hold the question's words, best first."""
    return Call(
        "GET", "/api/knowledge/search", wire.one(Passages), query={"q": q, "limit": limit, "document_id": document_id}
    )
