"""The rows of knowledge: documents and the chunks of their text, which is kept nowhere else."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from folkmoot.db.base import Id, Name, Table, Times, Word, in_project


class Document(Times, Table):
    """`size` is the length of the whole text in characters; statuses are rules.Status."""

    __tablename__ = "documents"

    id: Mapped[Id] = mapped_column(primary_key=True)
    workspace_id: Mapped[Id]
    project_id: Mapped[Id]
    title: Mapped[Name]
    sha256: Mapped[Word]
    media_type: Mapped[Word]
    status: Mapped[Word]
    tags: Mapped[list[str]]
    size: Mapped[int]

    __table_args__ = (
        in_project(),
        sa.UniqueConstraint("workspace_id", "project_id", "sha256"),
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
