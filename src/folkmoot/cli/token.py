"""`folkmoot token`: the admin token, for whoever may read this installation's files."""

import sys

import typer

from folkmoot.accounts.kept import ADMIN_TOKEN_FILE, find_kept
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.kernel.settings import load_settings

command = typer.Typer(no_args_is_help=True, rich_markup_mode="rich" if sys.stdout.isatty() else None)


@command.callback()
def group() -> None:
    """The admin token: a bearer token for everything, and a login at /api/login/token."""


@command.command("show")
def show_token() -> None:
    """Print the admin token; where it is kept is said on stderr."""

    async def work(signals: Signals) -> int:
        path = (load_settings().data_dir / ADMIN_TOKEN_FILE).absolute()
        token = find_kept(path)
        if token is None:
            raise BadUsage(f"There is no admin token in {path.parent} yet: the first start writes it")
        sys.stderr.write(f"{path}\n")
        typer.echo(token)
        return 0

    go(work)
