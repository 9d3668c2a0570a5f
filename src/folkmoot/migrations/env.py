"""Alembic's environment: all tables, one transaction under a lock, batch mode on SQLite."""

from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext

from folkmoot.db.types import JsonText, Usd, UtcTime
from folkmoot.kernel.settings import load_settings
from folkmoot.migrations.metadata import METADATA, is_ours
from folkmoot.migrations.upgrade import connected, next_revision

_LOCK = 0x666F6C6B6D6F6F74  # "folkmoot": the advisory lock of whoever migrates
_PLAIN = {UtcTime: "sa.DateTime(timezone=True)", JsonText: "sa.Text()", Usd: "sa.BigInteger()"}


def _url() -> str:
    """The caller's, else `alembic -x url=...`, else the settings'."""
    url = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    return str(url or load_settings().direct_database_url)


def _render(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """Revisions name the databases' own types, so that they stay true when ours change."""
    return _PLAIN.get(type(item), False) if kind == "type" else False


def _number(_: MigrationContext, __: object, scripts: list[MigrationScript]) -> None:
    """Revisions are numbered, also those that plain `alembic revision --autogenerate` writes."""
    for script in scripts:
        script.rev_id = next_revision()


def _migrate(connection: sa.Connection) -> None:
    with connection.begin():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("begin immediate")
        else:
            connection.exec_driver_sql("set local lock_timeout = '10min'")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            render_as_batch=connection.dialect.name == "sqlite",
            render_item=_render,
            process_revision_directives=_number,
            include_name=lambda name, kind, parents: is_ours(name),
            include_object=lambda item, name, kind, reflected, compared: is_ours(name),
        )
        context.run_migrations()


connected(_url(), _migrate)
