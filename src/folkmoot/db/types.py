"""Column types that mean the same on both databases: UTC times, JSON as text, exact money."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
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
        is_text = dialect.name == "sqlite"

        def process(value: datetime | None) -> object:
            if value is None:
                return None
            if value.tzinfo is None:
                raise ValueError("a time without its zone")
            return _text(value) if is_text else value

        return process

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return _time if dialect.name == "sqlite" else None


def _text(value: datetime) -> str:
    in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return in_utc.isoformat(" ", "microseconds")[:_TEXT]


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


class JsonText(sa.TypeDecorator[Json]):
    """JSON kept as the text it was written as, so key order survives and both databases return the same."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Json, dialect: sa.Dialect) -> str | None:
        return None if value is None else dumps(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Json:
        return None if value is None else loads(value)


class Usd(sa.TypeDecorator[Decimal]):
    """US dollars to the picodollar (1e-12), as an integer: exact in sums, at most 9.2 million dollars each."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else int((value * PICO).to_integral_value())

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / PICO
