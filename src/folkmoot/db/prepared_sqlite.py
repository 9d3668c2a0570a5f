"""Prepared statements on SQLite's own driver."""

import sqlite3
from typing import Any, cast

import sqlalchemy as sa

from folkmoot.db.prepared import Prepared, Shelf, told
from folkmoot.db.tx import Result, Tx, Values


class PreparedRows:
    """What a prepared statement answered."""

    __slots__ = ("_cursor", "_prepared")

    def __init__(self, cursor: sqlite3.Cursor, prepared: Prepared) -> None:
        self._cursor = cursor
        self._prepared = prepared

    def first(self) -> Any:
        raw = self._cursor.fetchone()
        self._cursor.close()
        return None if raw is None else self._prepared.row(raw)

    def all(self) -> list[Any]:
        return [self._prepared.row(raw) for raw in self._cursor.fetchall()]

    def scalar(self) -> Any:
        row = self.first()
        return None if row is None else row[0]

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount


class SqliteTx(Tx):
    """A Tx that runs prepared statements on the driver's own connection."""

    __slots__ = ("_raw", "_shelf")

    def __init__(self, connection: sa.Connection, raw: sqlite3.Connection, shelf: Shelf) -> None:
        super().__init__(connection)
        self._raw = raw
        self._shelf = shelf

    def _run(self, statement: sa.Executable, values: Values | None) -> Result:
        one, many = (values, None) if isinstance(values, dict) else told(values)
        prepared = self._shelf.find(statement, one)
        if prepared is None:
            return super()._run(statement, values)
        try:
            if many is None:
                cursor = self._raw.execute(prepared.sql, prepared.parameters(one))
            else:
                cursor = self._raw.executemany(prepared.sql, [prepared.parameters(row) for row in many])
        except sqlite3.Error as error:
            raise sa.exc.DBAPIError.instance(prepared.sql, None, error, sqlite3.Error, hide_parameters=True) from error
        return PreparedRows(cursor, prepared) if prepared.has_rows else cast("Result", cursor)  # it knows its rowcount
