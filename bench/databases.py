"""A database for one measurement, empty before it and gone after it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.databases import postgres_database


@contextmanager
def fresh_database(server: str | None, folder: Path) -> Iterator[str]:
    """The URL of a new SQLite file in `folder`, or of a new database on the PostgreSQL server of this URL."""
    if server is None:
        yield f"sqlite:///{folder / 'folkmoot.db'}"
        return
    with postgres_database(server, f"folkmoot_bench_{os.getpid()}") as url:
        yield url
