"""Column types that mean the same on both databases: UTC times, JSON as text, exact money."""

from datetime import UTC, datetime
from decimal import Decimal

import sqlalchemy as sa

from folkmoot.kernel.json import Json, dumps, loads

PICO = Decimal(10) ** 12


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware time, in UTC; SQLite stores it without its zone. Raises ValueError on a naive one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone")
        return value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


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
