"""`folkmoot db`: which revision the database is at, and bringing it to this version's."""

import asyncio

import typer

from folkmoot.cli.environment import shown_database
from folkmoot.cli.process import Signals, go
from folkmoot.kernel.settings import load_settings
from folkmoot.migrations.upgrade import current, head, upgrade

command = typer.Typer(no_args_is_help=True)


@command.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to this version's revision; a server does so by itself when it starts."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        has_changed = await asyncio.to_thread(upgrade, settings.database_url)
        did = "upgraded to" if has_changed else "already at"
        typer.echo(f"{shown_database(settings)}: {did} {head()}")
        return 0

    go(work)


@command.command("current")
def current_revision() -> None:
    """The database's revision beside this version's; exit code 1 where they differ."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        at = await asyncio.to_thread(current, settings.database_url)
        typer.echo(f"{shown_database(settings)}: at {at or 'nothing yet'}, this version has {head()}")
        return 0 if at == head() else 1

    go(work)
