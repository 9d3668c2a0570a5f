"""Connections to PostgreSQL: the one place that knows how its URLs, TLS and poolers are spoken to."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from folkmoot.kernel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asyncpg import Connection, Record
    from sqlalchemy.ext.asyncio import AsyncEngine

APPLICATION = "folkmoot"
CONNECT_SECONDS = 10
_LOCK_SECONDS = 10
_IDLE_SECONDS = 15
"""How long a transaction may do nothing: a process that froze in the middle of one keeps its locks no longer."""
_ANSWER_SECONDS = 5
"""How much longer than a statement may take its answer may take."""
_STATEMENTS = 1_000
_LIBPQ_ONLY = frozenset(
    {
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "sslcompression",
        "sslsni",
        "tcp_user_timeout",
    }
)
"""What other programs' URLs may say and asyncpg would hand to the server as a setting."""


class PostgresNotInstalled(Problem):
    """PostgreSQL needs the extra `postgres`: pip install 'folkmoot[postgres]'"""


class WrongDatabaseUrl(Problem):
    """DATABASE_URL says something that cannot be done"""


class BehindPooler(Problem):
    """DATABASE_URL leads to a connection pooler, such as PgBouncer: name PostgreSQL itself in DATABASE_DIRECT_URL"""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a process works with PostgreSQL; behind a pooler nothing may outlive a transaction.

    `name` is what the server's own lists show; `statement_seconds` is how long a statement may take, 0 any time.
    """

    name: str = APPLICATION
    statement_seconds: int = 0
    is_pooled: bool = False

    def settings(self) -> dict[str, str]:
        """Of a session."""
        return {
            "application_name": self.name,
            "jit": "off",
            "lock_timeout": f"{_LOCK_SECONDS}s",
            "statement_timeout": f"{self.statement_seconds}s",
            "idle_in_transaction_session_timeout": f"{_IDLE_SECONDS}s" if self.statement_seconds else "0",
        }

    def begin(self, how: str = "") -> str:
        """What begins a transaction, which behind a pooler has to say each time what is settings of a session."""
        begin = f"begin {how}".rstrip()
        if not self.is_pooled:
            return begin
        local = (f"set local {name} = '{value}'" for name, value in self.settings().items())
        return "; ".join((begin, *local))


def name_of(host_id: str) -> str:
    """What a process's connections are called: the part of its id that tells when it was made."""
    return f"{APPLICATION}:{host_id[:13]}"


async def reach(
    url: sa.URL, manner: Manner, *, connect_seconds: float | None = None, answer_seconds: float | None = None
) -> Connection[Record]:
    """A new connection. `connect_seconds` is how long that may take, `answer_seconds` how long any statement on it.

    Raises PostgresNotInstalled, WrongDatabaseUrl, BehindPooler, and what asyncpg raises for a server out of reach.
    """
    try:
        import asyncpg
    except ImportError as error:
        raise PostgresNotInstalled from error

    dsn, options = _understood(url)
    if connect_seconds is not None:
        options["timeout"] = connect_seconds
    if answer_seconds is None and manner.statement_seconds:
        answer_seconds = manner.statement_seconds + _ANSWER_SECONDS
    settings = {"application_name": manner.name} if manner.is_pooled else manner.settings()
    try:
        connection: Connection[Record] = await asyncpg.connect(
            dsn,
            command_timeout=answer_seconds,
            statement_cache_size=0 if manner.is_pooled else _STATEMENTS,
            max_cached_statement_lifetime=0,
            server_settings={name: value for name, value in settings.items() if name not in url.query},
            **options,
        )
        if not manner.is_pooled:
            await _check_direct(connection)
    except asyncpg.ClientConfigurationError as error:
        raise WrongDatabaseUrl(f"DATABASE_URL: {error}") from error
    except asyncpg.ProtocolViolationError as error:
        if "unsupported startup parameter" in str(error):
            raise BehindPooler from error
        raise
    return connection


def faults() -> tuple[type[Exception], ...]:
    """What asyncpg raises for a server that is not there, or does not do what it is asked."""
    import asyncpg

    return (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


def postgres_engine(url: sa.URL) -> AsyncEngine:
    """SQLAlchemy for one's own use; its connections are closed after it. Raises PostgresNotInstalled."""
    return engine_over(lambda: reach(url, Manner()))


def engine_over(
    connected: Callable[[], Awaitable[Connection[Record]]], *, is_pooled: bool = False, **how: Any
) -> AsyncEngine:
    """SQLAlchemy over connections that are made for each use. Raises PostgresNotInstalled."""
    try:
        from sqlalchemy.ext.asyncio import create_async_engine

        if is_pooled:  # a prepared statement has no name there: the next one takes its place
            how["connect_args"] = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
        return create_async_engine(
            "postgresql+asyncpg://", poolclass=sa.NullPool, async_creator=connected, hide_parameters=True, **how
        )
    except ImportError as error:
        raise PostgresNotInstalled from error


async def _check_direct(connection: Connection[Record]) -> None:
    """Whoever is not PostgreSQL itself answers as another process than the one that works. Raises BehindPooler."""
    import asyncpg

    try:
        pid = await connection.fetchval("select pg_backend_pid()")
        if pid != connection.get_server_pid():
            raise BehindPooler
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError) as error:
        connection.terminate()
        raise BehindPooler from error
    except BaseException:
        connection.terminate()
        raise


def _understood(url: sa.URL) -> tuple[str, dict[str, Any]]:
    """The URL as asyncpg reads it, and what has to be said beside it. Raises WrongDatabaseUrl."""
    query: dict[str, Any] = dict(url.query)
    if "ssl" in query:  # as SQLAlchemy's URLs say it
        query.setdefault("sslmode", query.pop("ssl"))
    if query.get("channel_binding") == "require":
        raise WrongDatabaseUrl(
            "DATABASE_URL: channel_binding=require cannot be kept; say sslmode=verify-full&sslrootcert=system instead"
        )
    options: dict[str, Any] = {"timeout": _seconds(query.get("connect_timeout"))}
    if query.get("sslrootcert") == "system":
        del query["sslrootcert"]
        query.pop("sslmode", None)
        options["ssl"] = ssl.create_default_context()
    query = {name: value for name, value in query.items() if name not in _LIBPQ_ONLY}
    plain = url.set(drivername="postgresql", query=query)
    return plain.render_as_string(hide_password=False), options


def _seconds(given: object) -> int:
    if given is None:
        return CONNECT_SECONDS
    if not str(given).isdecimal():
        raise WrongDatabaseUrl("DATABASE_URL: connect_timeout is a number of seconds")
    return int(str(given)) or CONNECT_SECONDS
