"""Choosing the database: a URL in, an unopened Database out."""

from pathlib import Path

import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.postgres import PostgresDatabase
from folkmoot.db.server import Manner
from folkmoot.db.sqlite import SqliteDatabase
from folkmoot.kernel.errors import Problem


class UnknownDatabase(Problem):
    """DATABASE_URL names neither a SQLite file nor PostgreSQL"""


def driver_url(url: str) -> sa.URL:
    """The URL with the driver we use, sqlite's own or asyncpg; what else it says is understood by whoever connects.

    Raises UnknownDatabase.
    """
    try:
        parts = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise UnknownDatabase from error
    match parts.get_backend_name():
        case "sqlite" if parts.database and parts.database != ":memory:":
            return parts.set(drivername="sqlite")
        case "postgresql" | "postgres":
            return parts.set(drivername="postgresql+asyncpg")
        case _:
            raise UnknownDatabase


def connect(url: str, hooks: Hooks | None = None, pool_size: int = 5, manner: Manner | None = None) -> Database:
    """`sqlite:///path` or `postgresql://...`, any driver suffix is replaced by ours; the rest is for PostgreSQL only.

    Raises UnknownDatabase.
    """
    target = driver_url(url)
    if target.get_backend_name() == "sqlite":
        return SqliteDatabase(Path(target.database or ""), hooks or Hooks())
    return PostgresDatabase(target, hooks or Hooks(), pool_size, manner or Manner())
