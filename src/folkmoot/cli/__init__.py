"""The terminal's edge: commands that speak the HTTP API and nothing else, so there is no second way in."""

from folkmoot.cli.commands import main

__all__ = ["main"]
