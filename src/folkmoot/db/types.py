"""Column types that mean the same on both databases: UTC times, JSON as text, exact money."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from folkmoot.kernel.json import Json, dumps, loads

PICO = Decimal(10) ** 12
_TEXT = len("2026-11-21 12:00:00.000000")


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware time, in UTC; SQLite stores it as text without its zone. Raises ValueError on a naive one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[datetime | None], Any]:
        """SQLite's text is written here: SQLAlchemy's own storage format is slower by half."""
        return _text if dialect.name == "sqlite" else _aware

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return _time if dialect.name == "sqlite" else None


def _aware(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("a time without its zone")
    return value


@lru_cache(256)
def _text(value: datetime | None) -> str | None:
    """Kept for a while: one moment is written into many columns."""
    if value is None:
        return None
    _aware(value)
    in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return in_utc.isoformat(" ", "microseconds")[:_TEXT]


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


class JsonText(sa.TypeDecorator[Json]):
    """JSON kept as the text it was written as, so key order survives and both databases return the same."""

    impl = sa.Text
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Json], str | None]:
        """Without SQLAlchemy's frames around each value."""
        return _written

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[str | None], Json]:
        return _read


def _written(value: Json) -> str | None:
    return None if value is None else dumps(value)


def _read(text: str | None) -> Json:
    return None if text is None else loads(text)


class Usd(sa.TypeDecorator[Decimal]):
    """US dollars to the picodollar (1e-12), as an integer: exact in sums, at most 9.2 million dollars each."""

    impl = sa.BigInteger
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Decimal | None], int | None]:
        return _pico

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[int | None], Decimal | None]:
        return _usd


def _pico(value: Decimal | None) -> int | None:
    return None if value is None else int((value * PICO).to_integral_value())


def _usd(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value) / PICO
