"""`folkmoot db`: which revision the database is at, moving it to another, copying and backing it up."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from folkmoot.cli.backup import backup_database
from folkmoot.cli.copying import copy_database
from folkmoot.cli.environment import shown_database
from folkmoot.cli.process import Signals, go
from folkmoot.engine.holder import HeldByAnother, Holder
from folkmoot.kernel.settings import Settings, load_settings
from folkmoot.migrations.upgrade import current, downgrade, head, upgrade, upgrade_to, write_revision

command = typer.Typer(no_args_is_help=True)
command.command("copy")(copy_database)
command.command("backup")(backup_database)


@command.command("upgrade")
def upgrade_database(
    revision: Annotated[str, typer.Argument(help="A revision, +1 for the next, or head for the newest.")] = "head",
) -> None:
    """Bring the database to this version's revision; a server does so by itself when it starts."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        before = await asyncio.to_thread(current, settings.direct_database_url)
        if revision == "head":
            await asyncio.to_thread(upgrade, settings.direct_database_url)
        else:
            await asyncio.to_thread(upgrade_to, settings.direct_database_url, revision)
        await _say(settings, before, "upgraded to")
        return 0

    go(work)


# without this `-1` would be taken for an option
@command.command("downgrade", context_settings={"ignore_unknown_options": True})
def downgrade_database(
    revision: Annotated[str, typer.Argument(help="A revision, -1 for the one before, or base for an empty database.")],
) -> None:
    """Take the database back to an older revision; what only newer ones can hold is lost. Stop the server first."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        with _held(settings):
            before = await asyncio.to_thread(current, settings.direct_database_url)
            await asyncio.to_thread(downgrade, settings.direct_database_url, revision)
            await _say(settings, before, "downgraded to")
        return 0

    go(work)


@command.command("current")
def current_revision() -> None:
    """The database's revision beside this version's; exit code 1 where they differ."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        at = await asyncio.to_thread(current, settings.direct_database_url)
        typer.echo(f"{shown_database(settings)}: at {at or 'nothing yet'}, this version has {head()}")
        return 0 if at == head() else 1

    go(work)


@command.command("revision")
def new_revision(
    message: Annotated[str, typer.Option("--message", "-m", help="What it does, in a few words.")],
    empty: Annotated[bool, typer.Option(help="Do not fill it with what the tables say beyond the database.")] = False,
) -> None:
    """Write the next revision, in a clone, from how the tables differ from an upgraded database."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        written = await asyncio.to_thread(write_revision, settings.direct_database_url, message, is_empty=empty)
        typer.echo(str(written))
        return 0

    go(work)


async def _say(settings: Settings, before: str | None, did: str) -> None:
    at = await asyncio.to_thread(current, settings.direct_database_url)
    typer.echo(f"{shown_database(settings)}: {did if at != before else 'already at'} {at or 'nothing'}")


@contextmanager
def _held(settings: Settings) -> Iterator[None]:
    """While nobody works on a SQLite file; whoever works on PostgreSQL is the operator's to stop."""
    if settings.is_postgres:
        yield
        return
    holder = Holder.try_acquire(settings.data_dir, None)
    if holder is None:
        raise HeldByAnother(f"Another process works on {settings.data_dir}; stop it first")
    try:
        yield
    finally:
        holder.release()
