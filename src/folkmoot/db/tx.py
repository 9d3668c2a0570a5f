"""Tx: what a unit of work sees of the database. It cannot await: nothing slow ever sits in a transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

import sqlalchemy as sa

from folkmoot.kernel.clock import now
from folkmoot.kernel.facts import NAMES, Emission, Fact
from folkmoot.kernel.origin import NOWHERE, Origin

R = TypeVar("R")

Values = Mapping[str, object] | Sequence[Mapping[str, object]]


class Result(Protocol):
    """What a statement answers."""

    def first(self) -> Any: ...

    def all(self) -> Sequence[Any]: ...

    def scalar(self) -> Any: ...

    @property
    def rowcount(self) -> int: ...


class Tx:
    """One unit's view of one transaction.

    Rows come back as immutable rows typed by the table class they were selected from: the class
    describes the columns, there is no identity map and no lazy load. A unit has no effect outside
    its Tx and may run twice. `origin` is what its caller does it for.
    """

    __slots__ = ("_after", "_at", "_connection", "dialect", "emissions", "origin", "wrote")

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect.name
        self.emissions: list[Emission] = []
        self.origin: Origin = NOWHERE
        self.wrote = False
        self._after: list[Callable[[], None]] = []
        self._at: datetime | None = None

    @property
    def at(self) -> datetime:
        """The unit's moment: when it first asked for it."""
        if self._at is None:
            self._at = now()
        return self._at

    def first(self, row: type[R], statement: sa.Executable, /, **values: object) -> R | None:
        return cast("R | None", self._run(statement, values).first())

    def all(self, row: type[R], statement: sa.Executable, /, **values: object) -> list[R]:
        return cast("list[R]", self._run(statement, values).all())

    def scalar(self, statement: sa.Executable, /, **values: object) -> Any:
        return self._run(statement, values).scalar()

    def write(self, statement: sa.Executable, values: Values | None = None) -> int:
        """Run an insert, update or delete, once per row of `values`; answers the number of rows it touched.

        An empty list of rows runs nothing. For many rows the number is that of SQLite only.
        """
        if values is not None and not values and not isinstance(values, Mapping):
            return 0
        self.wrote = True
        return self._run(statement, values).rowcount

    def write_returning(self, row: type[R], statement: sa.Executable, /, **values: object) -> R | None:
        """Run a statement with RETURNING; answers its first row, None where it touched none."""
        self.wrote = True
        return cast("R | None", self._run(statement, values).first())

    def write_returning_all(self, row: type[R], statement: sa.Executable, /, **values: object) -> list[R]:
        """Run a statement with RETURNING; answers all its rows, in no order."""
        self.wrote = True
        return cast("list[R]", self._run(statement, values).all())

    def emit(self, workspace_id: str, fact: Fact, **references: str | None) -> None:
        """Put a fact into the workspace's event log; it is numbered and stored as the unit's last act.

        References given here name what the event is about beside those the fact has as fields.
        """
        about = {name: value for name, value in references.items() if value is not None}
        for name in NAMES[type(fact)].references:
            if (value := getattr(fact, name)) is not None:
                about[name] = value
        self.emissions.append(Emission(workspace_id, fact, about))

    def after(self, call: Callable[[], None]) -> None:
        """Call this once the unit is committed; it must not block. What it raises is only logged."""
        self._after.append(call)

    @property
    def effects(self) -> Sequence[Callable[[], None]]:
        """What is to be called after the commit."""
        return self._after

    def _run(self, statement: sa.Executable, values: Values | None) -> Result:
        return cast("sa.CursorResult[Any]", self._connection.execute(statement, values))
