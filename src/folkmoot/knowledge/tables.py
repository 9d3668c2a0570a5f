"""The rows of knowledge: documents, the passages of their text, which is kept nowhere else, and those's vectors."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project

_OF_NO_ROOM, _OF_ROOM = sa.text("room_id is null"), sa.text("room_id is not null")


def _unique(name: str, where: sa.TextClause, *columns: str) -> sa.Index:
    return sa.Index(f"uq_documents_{name}", *columns, unique=True, sqlite_where=where, postgresql_where=where)


class Document(Times, Table):
    """`size` is the length of the whole text in characters; statuses are rules.Status.

    One of a room, `room_id`, is seen only by those who are in that. `added_by` is the id of whoever brought it first.
    `source` is where it came from: what comes from there later takes its place. Passages of a text that is to take
    a document's place lie behind all others; the visible ones are the `passages` from `first_seq` on, the staged ones
    those from `staged_first` on. `staged_sha256` says which text is on its way in, `run_id` is the last run that
    brought one, `error` why it failed.
    """

    __tablename__ = "documents"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    room_id: Mapped[Id | None]
    added_by: Mapped[Id | None]
    title: Mapped[Name]
    source: Mapped[str | None] = mapped_column(sa.String(1024))
    sha256: Mapped[Word]
    media_type: Mapped[Word]
    status: Mapped[Word]
    tags: Mapped[list[str]]
    size: Mapped[int]
    first_seq: Mapped[int]
    passages: Mapped[int]
    staged_sha256: Mapped[str | None] = mapped_column(sa.String(64))
    staged_first: Mapped[int]
    run_id: Mapped[str | None] = mapped_column(sa.String(36))
    error: Mapped[str | None]

    __table_args__ = (
        in_project(),
        _unique("text", _OF_NO_ROOM, "workspace_id", "project_id", "sha256"),
        _unique("source", _OF_NO_ROOM, "workspace_id", "project_id", "source"),
        _unique("room_text", _OF_ROOM, "room_id", "sha256"),
        _unique("room_source", _OF_ROOM, "room_id", "source"),
        sa.Index(None, "workspace_id", "id"),
    )


class Chunk(Table):
    """`text` is the document's text[start:end], counted in characters (Unicode code points).

    `number` exists for SQLite's full-text index, which needs a row id that VACUUM does not change.
    """

    __tablename__ = "chunks"

    number: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    id: Mapped[Id] = mapped_column(unique=True)
    document_id: Mapped[Id] = mapped_column(sa.ForeignKey("documents.id", ondelete="CASCADE"))
    seq: Mapped[int]
    text: Mapped[str]
    start: Mapped[int]
    end: Mapped[int]

    __table_args__ = (sa.UniqueConstraint("document_id", "seq"),)


class ChunkVector(Table):
    """What a model for embeddings makes of a passage: 32-bit floats, little-endian, of length one.

    `document_id` and `seq` are the passage's, so that a scan reads nothing else.
    """

    __tablename__ = "chunk_vectors"

    chunk_id: Mapped[Id] = mapped_column(sa.ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[Name] = mapped_column(primary_key=True)
    document_id: Mapped[Id]
    seq: Mapped[int]
    vector: Mapped[bytes] = mapped_column(sa.LargeBinary())

    __table_args__ = (sa.Index("ix_chunk_vectors_document_id", "document_id", "model", "seq"),)


class DocumentPart(Table):
    """A part of what a run is to take in, kept until it has: of the `file` as it came, or of its `text`.

    `start` is where a part of the text begins, in characters. A text is UTF-8.
    """

    __tablename__ = "document_parts"

    run_id: Mapped[Id] = mapped_column(primary_key=True)
    kind: Mapped[Word] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    start: Mapped[int]
    data: Mapped[bytes] = mapped_column(sa.LargeBinary())
    created_at: Mapped[datetime]

    __table_args__ = (in_project(), sa.Index(None, "workspace_id", "project_id"))
