"""What deleted rooms have left is found without looking at every chat."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_INDEX = "ix_conversations_of_rooms"
_OF_ROOMS = sa.text("kind = 'room'")


def upgrade() -> None:
    op.create_index(_INDEX, "conversations", ["id"], sqlite_where=_OF_ROOMS, postgresql_where=_OF_ROOMS)


def downgrade() -> None:
    op.drop_index(_INDEX, "conversations")
