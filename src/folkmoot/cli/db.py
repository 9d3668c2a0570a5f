"""`folkmoot db`: which revision the database is at, and bringing it to this version's."""

import sys

import sqlalchemy as sa
import typer

from folkmoot.cli.problems import exit_code, sentence
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.settings import load_settings
from folkmoot.migrations.upgrade import current, head, upgrade

command = typer.Typer(no_args_is_help=True)


@command.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to this version's revision; a server does so by itself when it starts."""
    try:
        url = load_settings().database_url
        has_changed = upgrade(url)
    except Problem as problem:
        raise _ended(problem) from None
    typer.echo(f"{_masked(url)}: {'upgraded to' if has_changed else 'already at'} {head()}")


@command.command("current")
def current_revision() -> None:
    """The database's revision beside this version's; exit code 1 where they differ."""
    try:
        url = load_settings().database_url
        at = current(url)
    except Problem as problem:
        raise _ended(problem) from None
    typer.echo(f"{_masked(url)}: at {at or 'nothing yet'}, this version has {head()}")
    if at != head():
        raise typer.Exit(1)


def _masked(url: str) -> str:
    return sa.make_url(url).render_as_string(hide_password=True)


def _ended(problem: Problem) -> typer.Exit:
    sys.stderr.write(f"folkmoot: {sentence(problem)}\n")
    return typer.Exit(exit_code(problem))
