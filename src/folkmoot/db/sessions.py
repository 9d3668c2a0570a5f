"""Session handles for the Python surface: they name a database; each call that takes one is its own committed unit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from folkmoot.db.database import Database


@dataclass(frozen=True, slots=True)
class Session:
    """What service methods take. It has no queries of its own and holds nothing open."""

    database: Database

    async def commit(self) -> None:
        """Nothing is left to commit: every call was committed before it returned."""


class Sessions:
    """`async with sessions() as session: ...`"""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Session]:
        yield Session(self._database)
