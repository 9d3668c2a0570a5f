"""Calls of knowledge. Written by `make docs`."""

from collections.abc import Sequence

from folkmoot.client import wire
from folkmoot.client.forms import Attached, File
from folkmoot.client.resources.knowledge import Document, DocumentPage, DocumentPassages, Passages
from folkmoot.client.resources.runs import Run
from folkmoot.client.wire import Call


def add_document(
    title: str,
    text: str,
    *,
    wait: float | None = None,
    media_type: str | None = None,
    tags: Sequence[str] | None = None,
    source: str | None = None,
    project_id: str | None = None,
) -> Call[Document]:
    """Store a text of at most 1,500,000 bytes, or a file of at most 50,000,000: text, Markdown, HTML, PDF, DOCX."""
    return Call(
        "POST",
        "/api/knowledge/documents",
        wire.one(Document),
        query={"wait": wait},
        body={
            "title": title,
            "text": text,
            "media_type": media_type,
            "tags": tags,
            "source": source,
            "project_id": project_id,
        },
        is_long=True,
    )


def upload_document(
    file: File,
    *,
    filename: str | None = None,
    wait: float | None = None,
    title: str | None = None,
    tags: Sequence[str] | None = None,
    source: str | None = None,
    project_id: str | None = None,
) -> Call[Document]:
    """Store a text of at most 1,500,000 bytes, or a file of at most 50,000,000: text, Markdown, HTML, PDF, DOCX.
    `file` is a path, or the bytes themselves.
    """
    return Call(
        "POST",
        "/api/knowledge/documents",
        wire.one(Document),
        query={"wait": wait},
        body={"title": title, "tags": tags, "source": source, "project_id": project_id},
        attached=Attached(file, filename),
        is_long=True,
    )


def list_documents(
    *,
    status: str | None = None,
    tag: str | None = None,
    project_id: str | None = None,
    source: str | None = None,
    skip: int | None = None,
    limit: int | None = None,
) -> Call[DocumentPage]:
    """The workspace's documents, and those of the caller's rooms, newest first."""
    return Call(
        "GET",
        "/api/knowledge/documents",
        wire.one(DocumentPage),
        query={"status": status, "tag": tag, "project_id": project_id, "source": source, "skip": skip, "limit": limit},
    )


def get_document(document_id: str) -> Call[Document]:
    return Call("GET", wire.path("/api/knowledge/documents/{document_id}", document_id=document_id), wire.one(Document))


def change_document(document_id: str, *, title: str | None = None, tags: Sequence[str] | None = None) -> Call[Document]:
    """What it is called and how it is tagged."""
    return Call(
        "PATCH",
        wire.path("/api/knowledge/documents/{document_id}", document_id=document_id),
        wire.one(Document),
        body={"title": title, "tags": tags},
    )


def delete_document(document_id: str) -> Call[None]:
    return Call("DELETE", wire.path("/api/knowledge/documents/{document_id}", document_id=document_id), wire.nothing)


def list_passages(document_id: str, *, skip: int | None = None, limit: int | None = None) -> Call[DocumentPassages]:
    """All of a document's text, passage by passage; none while its first text is on its way in."""
    return Call(
        "GET",
        wire.path("/api/knowledge/documents/{document_id}/passages", document_id=document_id),
        wire.one(DocumentPassages),
        query={"skip": skip, "limit": limit},
    )


def reindex_knowledge(*, wait: float | None = None) -> Call[Run]:
    """Start a run that makes the missing vectors of all documents, then deletes those of other models."""
    return Call("POST", "/api/knowledge/reindex", wire.one(Run), query={"wait": wait}, is_long=True)


def search_knowledge(
    q: str,
    *,
    limit: int | None = None,
    document_id: Sequence[str] | None = None,
    project_id: str | None = None,
    tag: str | None = None,
    mode: str | None = None,
) -> Call[Passages]:
    """The passages that hold the question's words, or mean what it means where EMBEDDING_MODEL is set, best first."""
    return Call(
        "GET",
        "/api/knowledge/search",
        wire.one(Passages),
        query={"q": q, "limit": limit, "document_id": document_id, "project_id": project_id, "tag": tag, "mode": mode},
    )
