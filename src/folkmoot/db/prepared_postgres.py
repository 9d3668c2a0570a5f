"""Prepared statements on asyncpg, which keeps each of them prepared on the server as well."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from folkmoot.db.links import Link
from folkmoot.db.prepared import Prepared, Shelf, told
from folkmoot.db.tx import Result, Tx, Values

if TYPE_CHECKING:
    from asyncpg import Record


class Answer:
    """What a prepared statement answered."""

    __slots__ = ("_prepared", "_rows", "rowcount")

    def __init__(self, prepared: Prepared, rows: "Sequence[Record]", rowcount: int) -> None:
        self._prepared = prepared
        self._rows = rows
        self.rowcount = rowcount

    def first(self) -> Any:
        return self._prepared.row(self._rows[0]) if self._rows else None

    def all(self) -> list[Any]:
        return [self._prepared.row(raw) for raw in self._rows]

    def scalar(self) -> Any:
        row = self.first()
        return None if row is None else row[0]


class PostgresTx(Tx):
    """A Tx that runs prepared statements on the driver's own connection."""

    __slots__ = ("_link", "_shelf")

    def __init__(self, link: Link, shelf: Shelf) -> None:
        super().__init__(link.sync)
        self._link = link
        self._shelf = shelf

    def _run(self, statement: sa.Executable, values: Values | None) -> Result:
        one, many = (values, None) if isinstance(values, dict) else told(values)
        prepared = self._shelf.find(statement, one)
        if prepared is None:
            return super()._run(statement, values)
        sql = prepared.sql
        if many is not None:
            rows = [prepared.parameters(row) for row in many]
            self._link.ask(sql, lambda raw: raw.executemany(sql, rows))
            return Answer(prepared, (), -1)
        parameters = prepared.parameters(one)
        if prepared.has_rows:
            found = self._link.ask(sql, lambda raw: raw.fetch(sql, *parameters))
            return Answer(prepared, found, len(found))
        status = self._link.ask(sql, lambda raw: raw.execute(sql, *parameters))
        return Answer(prepared, (), int(status.rpartition(" ")[2]))
