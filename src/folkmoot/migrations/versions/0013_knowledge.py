"""Documents that can be replaced, the vectors of their passages, and what waits to be taken in."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_SOURCE = "uq_documents_source"
_COUNT = """
update documents set passages = (select count(*) from chunks where chunks.document_id = documents.id)
where status <> 'ingesting'
"""
_STAGE = "update documents set staged_sha256 = sha256 where status = 'ingesting'"
_ADDED = ("source", "first_seq", "passages", "staged_first", "staged_sha256", "run_id", "error")


def upgrade() -> None:
    op.add_column("documents", sa.Column("source", sa.String(1024)))
    for counted in ("first_seq", "passages", "staged_first"):
        op.add_column("documents", sa.Column(counted, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("documents", sa.Column("staged_sha256", sa.String(64)))
    op.add_column("documents", sa.Column("run_id", sa.String(36)))
    op.add_column("documents", sa.Column("error", sa.Text()))
    op.create_index(_SOURCE, "documents", ["workspace_id", "project_id", "source"], unique=True)
    op.execute(_COUNT)
    op.execute(_STAGE)
    _chunk_vectors()
    _document_parts()


def downgrade() -> None:
    """Documents that are taken in, replaced or have failed are lost to the older version."""
    op.drop_table("document_parts")
    op.drop_table("chunk_vectors")
    op.execute("delete from documents where status = 'failed'")
    op.execute(
        "delete from chunks where exists (select 1 from documents where documents.id = chunks.document_id"
        " and documents.status = 'ready'"
        " and (chunks.seq < documents.first_seq or chunks.seq >= documents.first_seq + documents.passages))"
    )
    op.drop_index(_SOURCE, "documents")
    for column in reversed(_ADDED):
        op.drop_column("documents", column)


def _chunk_vectors() -> None:
    op.create_table(
        "chunk_vectors",
        sa.Column("chunk_id", sa.String(36), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("document_id", sa.String(36), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chunk_id", "model", name="pk_chunk_vectors"),
        sa.ForeignKeyConstraint(
            ["chunk_id"], ["chunks.id"], name="fk_chunk_vectors_chunk_id_chunks", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_chunk_vectors_document_id", "chunk_vectors", ["document_id", "model", "seq"])


def _document_parts() -> None:
    op.create_table(
        "document_parts",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(36), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "kind", "seq", name="pk_document_parts"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "project_id"],
            ["projects.workspace_id", "projects.id"],
            name="fk_document_parts_workspace_id_project_id_projects",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_document_parts_workspace_id_project_id", "document_parts", ["workspace_id", "project_id"])
