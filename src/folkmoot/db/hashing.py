"""A hash of a table's rows that is the same on both databases, whatever each of them stores the values as."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

import orjson

Value: TypeAlias = str | int | float | bool | bytes | datetime | None
Row: TypeAlias = tuple[Value, ...]
"""A row's values in the order of the table's columns: JSON as the text it is, money in picodollars, times in UTC."""


class TableHash:
    """SHA-256 over the rows in the order of the primary key, each as a line of JSON; text is ordered by its bytes."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.rows = 0

    def add(self, rows: Sequence[Row]) -> int:
        """Take in the next rows; answers how many bytes they are when written out."""
        lines = b"".join([orjson.dumps(row, default=_hex, option=orjson.OPT_APPEND_NEWLINE) for row in rows])
        self._hash.update(lines)
        self.rows += len(rows)
        return len(lines)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _hex(value: object) -> str:
    """orjson writes all values but bytes by itself."""
    if not isinstance(value, bytes):
        raise TypeError(f"no value of a column: {type(value).__name__}")
    return value.hex()
