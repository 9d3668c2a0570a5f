"""Which workspaces have budgets, as this process knows it, so that all others pay nothing for there being any."""

from folkmoot.db.database import Database
from folkmoot.usage.queries import budgeted_workspaces

LOOK_SECONDS = 1.0
"""How long a budget that another process made may go unnoticed here."""


class Covered:
    """Asked for every call. What this process made counts at once; before the first look everything may be covered."""

    def __init__(self) -> None:
        self._known: frozenset[str] | None = None
        self._made: set[str] = set()

    def has(self, workspace_id: str) -> bool:
        return self._known is None or workspace_id in self._known or workspace_id in self._made

    def add(self, workspace_id: str) -> None:
        """After the commit that made a budget."""
        self._made.add(workspace_id)

    async def look(self, db: Database) -> None:
        """What is made while it looks is kept until the next look."""
        made = frozenset(self._made)
        self._known = frozenset(await db.read(budgeted_workspaces))
        self._made -= made
