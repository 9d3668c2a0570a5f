"""Interim: the metadata as it stands; replaced by frozen DDL once the rooms are furnished."""

from alembic import op

from folkmoot.knowledge.fulltext import CREATE, DROP
from folkmoot.migrations.metadata import METADATA

revision = "0001"
down_revision = None


def upgrade() -> None:
    METADATA.create_all(op.get_bind())
    for statement in CREATE[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for statement in DROP[op.get_bind().dialect.name]:
        op.execute(statement)
    METADATA.drop_all(op.get_bind())
