"""All rows of a database, out and in: what moving between SQLite and PostgreSQL asks of either."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from enum import Enum, auto

import sqlalchemy as sa

from folkmoot.db.hashing import Row, TableHash
from folkmoot.db.types import JsonText, Usd, UtcTime
from folkmoot.kernel.errors import Problem

FIRST_ROWS = 16
MOST_ROWS = 256
BATCH_BYTES = 4 * 1024**2


class CopyRefused(Problem):
    """A database refused to hand out its rows or to take them"""


class Kind(Enum):
    """What the databases store differently; all else is the same on both."""

    SAME = auto()
    BOOLEAN = auto()
    TIME = auto()


def kind_of(column: "sa.Column[object]") -> Kind:
    """Raises TypeError for a type of which nobody has shown that it survives the move."""
    match column.type:
        case UtcTime():
            return Kind.TIME
        case sa.Boolean():
            return Kind.BOOLEAN
        case JsonText() | Usd() | sa.String() | sa.Integer() | sa.Float() | sa.LargeBinary():
            return Kind.SAME
        case _:
            raise TypeError(f"{column} is of a type that cannot be moved: {column.type}")


def places_of(table: sa.Table, kind: Kind) -> list[int]:
    """Where in a row the values of a kind are."""
    return [place for place, column in enumerate(table.columns) if kind_of(column) is kind]


def rows_in_next(rows: int, size: int) -> int:
    """How many rows to ask for after a batch of so many and so many bytes, so that one stays near BATCH_BYTES."""
    return max(1, min(MOST_ROWS, BATCH_BYTES * rows // max(size, 1)))


class Rows(ABC):
    """One database inside of one transaction, which its opener commits or rolls back."""

    @abstractmethod
    async def revision(self) -> str | None:
        """The revision the database is at, None where it holds nothing of ours."""

    @abstractmethod
    async def count(self, table: sa.Table, where: sa.ColumnElement[bool] | None = None) -> int: ...

    @abstractmethod
    def read(self, table: sa.Table, into: TableHash) -> AsyncIterator[list[Row]]:
        """All rows in the order of the primary key, a few at a time, each batch taken into the hash.

        Raises CopyRefused, DatabaseUnavailable.
        """

    @abstractmethod
    async def fill(self, table: sa.Table, batches: AsyncIterator[list[Row]]) -> None:
        """Put rows into an empty table. Raises CopyRefused, DatabaseUnavailable."""

    @abstractmethod
    async def clear(self, tables: Sequence[sa.Table]) -> None:
        """Delete all rows of tables of which none is referred to by a later one."""

    @abstractmethod
    async def settle(self, tables: Sequence[sa.Table]) -> None:
        """After the last row: references are checked, numbers go on after the highest. Raises CopyRefused."""
