"""Every room's tables in one place, so that Alembic compares the database with all of them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import ischema_names

from folkmoot.accounts import tables as _accounts
from folkmoot.agents import tables as _agents
from folkmoot.audit import tables as _audit
from folkmoot.automation import tables as _automation
from folkmoot.contexts import tables as _contexts
from folkmoot.conversations import tables as _conversations
from folkmoot.db.base import Table
from folkmoot.debates import tables as _debates
from folkmoot.engine import tables as _engine
from folkmoot.events import tables as _events
from folkmoot.knowledge import tables as _knowledge
from folkmoot.knowledge.pgvector import COLUMN
from folkmoot.migrations.pgvector import INDEX
from folkmoot.providers import tables as _providers
from folkmoot.rooms import tables as _rooms
from folkmoot.runs import tables as _runs
from folkmoot.tasks import tables as _tasks
from folkmoot.teams import tables as _teams
from folkmoot.tools import tables as _tools
from folkmoot.usage import tables as _usage
from folkmoot.workspaces import tables as _workspaces

ROOMS = (
    *(_accounts, _agents, _audit, _automation, _contexts, _conversations, _debates, _engine, _events, _knowledge),
    *(_providers, _rooms, _runs, _tasks, _teams, _tools, _usage, _workspaces),
)
METADATA = Table.metadata

ischema_names["vector"] = sa.types.NullType  # pgvector's, which SQLAlchemy would warn of wherever it meets it

# Full-text objects are each database's own, and the queue's are pgqueuer's: they stand in the revisions only.
_FULL_TEXT = {"text_words", "ix_chunks_text_words", "ix_room_texts_text_words"}
_OF_PGVECTOR = {COLUMN, INDEX}
_FOREIGN = ("chunks_fts", "room_texts_fts", "folkmoot_pgqueuer")


def is_ours(name: str | None) -> bool:
    """Whether an object of a database is one that the metadata should know."""
    return name is None or not (name in _FULL_TEXT | _OF_PGVECTOR or name.startswith(_FOREIGN))
