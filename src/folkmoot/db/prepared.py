"""Statements prepared once: most of a statement's cost is what SQLAlchemy works out anew at every execution.

Measured for a chat message with its 23 statements on SQLite: 3.8 ms of CPU through `Connection.execute`, 2.8 ms so.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any
from weakref import WeakSet

import sqlalchemy as sa

from folkmoot.db.tx import Values

Convert = Callable[[Any], Any]


class Prepared:
    """One statement's SQL, how its values become parameters, and how its rows become what Python knows."""

    __slots__ = ("_binders", "_defaults", "_pick", "_readers", "_row", "has_rows", "sql")

    def __init__(self, compiled: sa.Compiled, columns: Sequence[sa.ColumnElement[Any]], dialect: sa.Dialect) -> None:
        self.sql = compiled.string
        self.has_rows = bool(columns)
        binds = compiled.binds  # type: ignore[attr-defined]
        names: list[str] = list(compiled.positiontup or ())  # type: ignore[attr-defined]
        self._pick = _picker(names)
        self._defaults = {name: binds[name].effective_value for name in names if not binds[name].required}
        self._binders = _some(_binder(binds[name].type, dialect) for name in names)
        row: Any = namedtuple("Row", [str(column.key) for column in columns], rename=True)  # type: ignore[misc]
        self._row: Convert = partial(tuple.__new__, row)  # as its _make, without a frame and a check
        self._readers = _some(_reader(column.type, dialect) for column in columns)

    def parameters(self, values: Mapping[str, object]) -> Sequence[object]:
        """In the statement's order. Raises KeyError where a value is missing."""
        if self._defaults:
            values = {**self._defaults, **values}
        picked = self._pick(values)
        if not self._binders:
            return picked
        found = [*picked]
        for place, convert in self._binders:
            if (value := found[place]) is not None:
                found[place] = convert(value)
        return found

    def row(self, raw: Iterable[object]) -> Any:
        if not self._readers:
            return self._row(raw)
        read = list(raw)
        for place, convert in self._readers:
            if (value := read[place]) is not None:
                read[place] = convert(value)
        return self._row(read)


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, object]], Sequence[object]]:
    """The values of these names, in their order."""
    return itemgetter(*names) if len(names) > 1 else lambda values: [values[name] for name in names]


def _some(converts: Iterable[Convert | None]) -> list[tuple[int, Convert]]:
    """Where something is to be converted, and how; null stays null."""
    return [(place, convert) for place, convert in enumerate(converts) if convert is not None]


_FLOAT8 = 701
"""PostgreSQL's number for what its driver gives as a float; there is no other kind of column of that type."""


_BIT = {False: 0, True: 1}.__getitem__


def _binder(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Convert | None:
    if isinstance(kind, sa.Boolean) and dialect.name == "sqlite":
        return _BIT  # which SQLAlchemy comes to in two calls
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _reader(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, _FLOAT8 if isinstance(kind, sa.Float) else None)


class Shelf:
    """The prepared statements of one database.

    A statement that is met for the first time may be one of its kind and is left to SQLAlchemy; those that
    are met again are constants of a module, and are prepared and kept.
    """

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._met: WeakSet[sa.Executable] = WeakSet()
        self._kept: dict[sa.Executable, Prepared | None] = {}
        self._inserts: dict[sa.Executable, dict[tuple[str, ...], Prepared | None]] = {}

    def find(self, statement: sa.Executable, values: Mapping[str, object]) -> Prepared | None:
        """What an INSERT says depends on which columns are given."""
        if (kept := self._kept.get(statement)) is not None:
            return kept
        if (forms := self._inserts.get(statement)) is not None:
            if (keys := tuple(values)) not in forms:
                forms[keys] = self._prepare(statement, keys)
            return forms[keys]
        if statement not in self._met:
            self._met.add(statement)
        elif isinstance(statement, sa.Insert):
            self._inserts[statement] = {}
            return self.find(statement, values)
        elif statement not in self._kept:
            self._kept[statement] = self._prepare(statement, ())
            return self._kept[statement]
        return None

    def _prepare(self, statement: sa.Executable, keys: tuple[str, ...]) -> Prepared | None:
        """None for what has to be compiled anew every time: lists of values, text."""
        if not isinstance(statement, sa.Select | sa.sql.dml.UpdateBase):
            return None
        compiled = statement.compile(dialect=self._dialect, column_keys=list(keys) or None)
        if compiled.post_compile_params or compiled.escaped_bind_names:
            return None
        return Prepared(compiled, list(statement.exported_columns), self._dialect)


def told(values: Values | None) -> tuple[Mapping[str, object], Sequence[Mapping[str, object]] | None]:
    """A statement's one row of values, or its first and all of them."""
    if values is None or isinstance(values, Mapping):
        return values or {}, None
    return values[0], values
