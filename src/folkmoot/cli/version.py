"""`folkmoot version`."""

import typer

from folkmoot import __version__


def command() -> None:
    typer.echo(f"folkmoot {__version__}")
