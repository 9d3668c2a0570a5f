"""Artifacts of any bytes: what is large lies in a file, whose name the row has instead of a body."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_INDEX = "ix_artifacts_file"
_HAS_FILE = sa.text("file is not null")
_IDS = sa.text("select id from artifacts")
_BODY = sa.text("select body from artifacts where id = :id")
_REPLACE = sa.text("update artifacts set body = :body where id = :id").bindparams(
    sa.bindparam("body", type_=sa.LargeBinary())
)


def upgrade() -> None:
    with op.batch_alter_table("artifacts") as table:
        table.alter_column(
            "body",
            existing_type=sa.Text(),
            type_=sa.LargeBinary(),
            nullable=True,
            postgresql_using="convert_to(body, 'UTF8')",
        )
        table.add_column(sa.Column("file", sa.String(64)))
    op.create_index(_INDEX, "artifacts", ["file"], sqlite_where=_HAS_FILE, postgresql_where=_HAS_FILE)


def downgrade() -> None:
    """What lies in a file is lost to the older version, and what is no text becomes one."""
    op.drop_index(_INDEX, "artifacts")
    op.execute("delete from artifacts where body is null")
    connection = op.get_bind()
    for (id,) in connection.execute(_IDS).all():
        body = bytes(connection.execute(_BODY, {"id": id}).scalar_one())
        text = body.decode(errors="replace").replace("\x00", "").encode()
        if text != body:
            connection.execute(_REPLACE, {"id": id, "body": text})
    with op.batch_alter_table("artifacts") as table:
        table.drop_column("file")
        table.alter_column(
            "body",
            existing_type=sa.LargeBinary(),
            type_=sa.Text(),
            nullable=False,
            postgresql_using="convert_from(body, 'UTF8')",
        )
