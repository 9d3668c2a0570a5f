"""Documents that belong to a room, and who brought each; the same text may be in the workspace and in every room."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_TEXT = "uq_documents_workspace_id_project_id_sha256"
_OF_WORKSPACE = ["workspace_id", "project_id"]
_FORGET = (  # one by one: on SQLite nothing goes along with another while the tables change
    "delete from chunk_vectors where document_id in (select id from documents where room_id is not null)",
    "delete from chunks where document_id in (select id from documents where room_id is not null)",
    "delete from documents where room_id is not null",
)


def upgrade() -> None:
    op.drop_index("uq_documents_source", "documents")
    with op.batch_alter_table("documents") as table:
        table.add_column(sa.Column("room_id", sa.String(36)))
        table.add_column(sa.Column("added_by", sa.String(36)))
        table.drop_constraint(_TEXT, type_="unique")
    _unique("uq_documents_text", [*_OF_WORKSPACE, "sha256"], "room_id is null")
    _unique("uq_documents_source", [*_OF_WORKSPACE, "source"], "room_id is null")
    _unique("uq_documents_room_text", ["room_id", "sha256"], "room_id is not null")
    _unique("uq_documents_room_source", ["room_id", "source"], "room_id is not null")


def downgrade() -> None:
    """Documents of rooms are lost to the older version, which would show them to everybody."""
    for statement in _FORGET:
        op.execute(statement)
    for name in ("text", "source", "room_text", "room_source"):
        op.drop_index(f"uq_documents_{name}", "documents")
    with op.batch_alter_table("documents") as table:
        table.create_unique_constraint(_TEXT, [*_OF_WORKSPACE, "sha256"])
        table.drop_column("added_by")
        table.drop_column("room_id")
    op.create_index("uq_documents_source", "documents", [*_OF_WORKSPACE, "source"], unique=True)


def _unique(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "documents", columns, unique=True, sqlite_where=condition, postgresql_where=condition)
