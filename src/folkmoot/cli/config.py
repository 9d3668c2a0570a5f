"""`folkmoot config`: the settings as they are in effect, fit to be pasted into `.env` or a bug report."""

import re

import typer
from pydantic import SecretStr

from folkmoot.cli.environment import shown_database
from folkmoot.cli.process import Signals, go
from folkmoot.cli.refusals import refusals
from folkmoot.db.connect import UnknownDatabase
from folkmoot.kernel.json import dumps
from folkmoot.kernel.settings import Settings, StdioServer, load_settings, names_of

MASK = "********"

_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")


def command() -> None:
    """Print the settings in effect, with secrets masked; what a start would refuse is marked."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        typer.echo("\n".join(lines_of(settings)))
        return 0

    go(work)


def lines_of(settings: Settings) -> list[str]:
    """`NAME=value`, with `# refused: why` behind what a start would refuse."""
    refused = refusals(settings)
    lines = []
    for key, field in Settings.model_fields.items():
        name = names_of(key, field)[0]
        value = _database(settings) if name == "DATABASE_URL" else shown(getattr(settings, key))
        mark = f"  # refused: {refused[name]}" if name in refused else ""
        lines.append(f"{name}={value}{mark}")
    return lines


def shown(value: object) -> str:
    """A setting's value as it would stand in `.env`: secrets masked, nothing where it is not set."""
    match value:
        case None:
            return ""
        case SecretStr() | [SecretStr(), *_]:
            return MASK
        case bool():
            return str(value).lower()
        case [StdioServer(), *_]:
            return _quoted(
                dumps([server.model_dump(mode="json") for server in value if isinstance(server, StdioServer)])
            )
        case list():
            return dumps(value)
        case dict():
            return dumps({name: price.model_dump(mode="json", exclude_none=True) for name, price in value.items()})
        case _:
            return _quoted(_LOGIN.sub(f"{MASK}@", str(value)))


def _database(settings: Settings) -> str:
    try:
        return _quoted(shown_database(settings))
    except UnknownDatabase:
        return MASK


def _quoted(text: str) -> str:
    """In quotes where `.env` would not read it back as it is."""
    if not re.search(r"\s|#|^['\"]", text):
        return text
    inside = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inside}'"
