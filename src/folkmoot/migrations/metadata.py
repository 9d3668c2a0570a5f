"""Every room's tables in one place, so that Alembic compares the database with all of them."""

from folkmoot.agents import tables as _agents
from folkmoot.conversations import tables as _conversations
from folkmoot.db.base import Table
from folkmoot.events import tables as _events
from folkmoot.knowledge import tables as _knowledge
from folkmoot.knowledge.fulltext import OBJECTS
from folkmoot.runs import tables as _runs
from folkmoot.tasks import tables as _tasks
from folkmoot.usage import tables as _usage
from folkmoot.workspaces import tables as _workspaces

ROOMS = (_agents, _conversations, _events, _knowledge, _runs, _tasks, _usage, _workspaces)
METADATA = Table.metadata


def is_ours(name: str | None) -> bool:
    """Whether the metadata knows about this object; the full-text ones are beyond it."""
    return name not in OBJECTS
