"""Vectors as PostgreSQL's own type: `migrations.pgvector` makes the column, an older version knows nothing of it."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    pass


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("alter table chunk_vectors drop column if exists embedding")
