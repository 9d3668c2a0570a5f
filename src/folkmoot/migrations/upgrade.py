"""Moving a database between revisions, at start-up and by command; Alembic is loaded only when there is work."""

import asyncio
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from folkmoot.db.connect import driver_url
from folkmoot.db.postgres import PostgresDatabase
from folkmoot.db.server import postgres_engine
from folkmoot.db.sqlite import SqliteDatabase, sqlite_engine
from folkmoot.kernel.errors import BadRequest, Problem
from folkmoot.migrations.pgvector import prepare

T = TypeVar("T")

HERE = Path(__file__).parent


class DatabaseIsNewer(Problem):
    """The database was written by a newer Folkmoot"""


class WrongRevision(BadRequest):
    """There is no such revision, or no way to it"""


def head() -> str:
    """The newest revision this code knows, read from the names of the revision files."""
    return max(path.name[:4] for path in (HERE / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def current(url: str) -> str | None:
    """The revision a database is at, None where it holds nothing of ours. Blocks. Raises DatabaseUnavailable."""
    path = driver_url(url).database
    if driver_url(url).get_backend_name() == "sqlite" and not Path(path or "").exists():
        return None
    return connected(url, _revision)


def upgrade(url: str) -> bool:
    """Bring the database to the newest revision; whether there was anything to do.

    Blocks: call it in a thread where an event loop runs. Two processes may call it at once, the second
    waits. Raises DatabaseIsNewer, DatabaseUnavailable.
    """
    at = current(url)
    if at is not None and at > head():
        raise DatabaseIsNewer(revision=at, known=head())
    if at != head():
        _alembic(url, "upgrade", "head")
    if driver_url(url).get_backend_name() != "sqlite":
        connected(url, prepare)
    return at != head()


def upgrade_to(url: str, revision: str) -> None:
    """Go forward to `revision`, also by steps (`+1`). Blocks. Raises WrongRevision, DatabaseUnavailable."""
    _alembic(url, "upgrade", revision)


def downgrade(url: str, revision: str) -> None:
    """Go back to `revision`, also by steps (`-1`); `base` leaves an empty database. What only newer ones hold is lost.

    Blocks. Raises WrongRevision, DatabaseUnavailable.
    """
    _alembic(url, "downgrade", revision)


def next_revision() -> str:
    """The number of the revision that is to be written."""
    return f"{int(head()) + 1:04}"


def write_revision(url: str, message: str, *, is_empty: bool) -> Path:
    """Write the next revision's file: what the tables say beyond the database, or nothing yet.

    Blocks. Raises WrongRevision where the database is not at the newest, DatabaseUnavailable.
    """
    _alembic(url, "revision", message, autogenerate=not is_empty, rev_id=next_revision())
    return next((HERE / "versions").glob(f"{head()}_*.py"))


def connected(url: str, use: Callable[[sa.Connection], T]) -> T:
    """Call `use` with a connection of its own, as blocking code on either database. Raises DatabaseUnavailable."""
    target = driver_url(url)
    is_sqlite = target.get_backend_name() == "sqlite"
    try:
        return _on_sqlite(target, use) if is_sqlite else asyncio.run(_on_postgres(target, use))
    except (sa.exc.SQLAlchemyError, OSError) as error:
        problem = (SqliteDatabase if is_sqlite else PostgresDatabase).translate(error)
        if problem is None:
            raise
        raise type(problem)(f"{problem.detail}: {getattr(error, 'orig', error)}") from error


def _on_sqlite(target: sa.URL, use: Callable[[sa.Connection], T]) -> T:
    path = Path(target.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sqlite_engine(path, "pragma busy_timeout = 30000")
    try:
        with engine.connect() as connection:
            return use(connection)
    finally:
        engine.dispose()


async def _on_postgres(target: sa.URL, use: Callable[[sa.Connection], T]) -> T:
    engine = postgres_engine(target)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(use)
    finally:
        await engine.dispose()


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("select version_num from alembic_version"))
    return revision


def _alembic(url: str, command: str, *arguments: str, **options: str | bool) -> None:
    from alembic import command as commands
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["url"] = url
    try:
        getattr(commands, command)(config, *arguments, **options)
    except CommandError as error:
        raise WrongRevision(str(error).rstrip(".")) from error
