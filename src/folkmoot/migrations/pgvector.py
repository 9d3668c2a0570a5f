"""The column of `chunk_vectors` that is of pgvector's type: no revision's, since the extension comes when it comes."""

import logging

import sqlalchemy as sa

from folkmoot.knowledge.pgvector import COLUMN, quoted
from folkmoot.knowledge.vectors import has_numpy

INDEX = "ix_chunk_vectors_unfilled"
DROP = f"alter table chunk_vectors drop column if exists {COLUMN}"
"""And with it its index."""

_LOCK = 0x666D7667656374  # the advisory lock of whoever adds the column
_HAS_COLUMN = sa.text(
    "select exists (select 1 from pg_attribute where attrelid = to_regclass('chunk_vectors')"
    " and attname = 'embedding' and not attisdropped)"
)
_OFFERED = sa.text("select exists (select 1 from pg_available_extensions where name = 'vector')")
_INSTALLED = sa.text(
    "select nspname, extversion from pg_extension join pg_namespace on pg_namespace.oid = extnamespace"
    " where extname = 'vector'"
)

_log = logging.getLogger(__name__)


def prepare(connection: sa.Connection) -> None:
    """Add the column where the extension is, or can be created, and take it away where the server has lost that.

    A refusal costs a line in the log and nothing else.
    """
    with connection.begin():
        is_offered = connection.scalar(_OFFERED)
        if is_offered == connection.scalar(_HAS_COLUMN):
            return
        try:
            with connection.begin_nested():
                connection.exec_driver_sql("set local lock_timeout = '3s'")
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
                if is_offered:
                    _add(connection)
                else:
                    connection.exec_driver_sql(DROP)
        except sa.exc.DBAPIError as error:
            if error.connection_invalidated:
                raise
            _log.warning("vectors are scanned, PostgreSQL does not let pgvector be used: %s", _reason(error))
            return
        _log.info("vectors %s", state(connection))


def state(connection: sa.Connection) -> str:
    """How vectors are searched on this PostgreSQL: the rest of a sentence."""
    installed = connection.execute(_INSTALLED).first()
    has_column, is_offered = connection.scalar(_HAS_COLUMN), connection.scalar(_OFFERED)
    scanned = "are scanned" if has_numpy() else "are not searched, for want of numpy (folkmoot[vectors])"
    if not is_offered:
        return f"{scanned}: the server does not have pgvector"
    if installed is None:
        return f"{scanned}: the server has pgvector, but the extension vector is not created; a superuser can do so"
    if not has_column:
        return f"{scanned}: pgvector {installed.extversion} is here, and the next start uses it"
    return f"are searched in the database, by pgvector {installed.extversion}"


def _add(connection: sa.Connection) -> None:
    connection.exec_driver_sql("create extension if not exists vector")
    if connection.scalar(_HAS_COLUMN):
        return
    schema = quoted(connection.execute(_INSTALLED).one().nspname)
    connection.exec_driver_sql(f"alter table chunk_vectors add column {COLUMN} {schema}.vector")
    # In the rows themselves, as far as a page holds it: what is stored beside them is fetched one by one.
    connection.exec_driver_sql(f"alter table chunk_vectors alter column {COLUMN} set storage main")
    connection.exec_driver_sql(f"create index {INDEX} on chunk_vectors (document_id) where {COLUMN} is null")


def _reason(error: sa.exc.DBAPIError) -> str:
    return " ".join(str(error.orig).split())[:200]
