"""`folkmoot db backup`: a checked copy of the SQLite file, also while a server writes to it."""

import asyncio
import shlex
from pathlib import Path
from time import perf_counter
from typing import Annotated

import sqlalchemy as sa
import typer

from folkmoot.cli.printing import AsJson, print_json
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.db.backup import back_up
from folkmoot.db.connect import driver_url
from folkmoot.kernel.settings import load_settings


def backup_database(
    path: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    is_json: AsJson = False,
) -> None:
    """Write a checked copy of the SQLite database, also while a server works on it."""

    async def work(signals: Signals) -> int:
        source = _source(load_settings().direct_database_url, path)
        screen, began = Screen(is_quiet=is_json), perf_counter()

        def told(done: int, pages: int) -> None:
            screen.passing(f"copying: {100 * done // max(pages, 1)} %")

        with screen.living():
            size = await asyncio.to_thread(back_up, source, path, told)
        seconds = perf_counter() - began
        if is_json:
            print_json({"path": str(path), "bytes": size, "seconds": round(seconds, 3)})
        else:
            typer.echo(f"{path}: {size:,} bytes in {seconds:.1f} s, checked")
        return 0

    go(work, is_json=is_json)


def _source(url: str, path: Path) -> Path:
    """The file to back up. Raises BadUsage where there is none, UnknownDatabase."""
    place = driver_url(url)
    if place.get_backend_name() != "sqlite":
        raise BadUsage(f"PostgreSQL has its own backup; the password is asked for: {_pg_dump(sa.make_url(url), path)}")
    source = Path(place.database or "")
    if not source.is_file():
        raise BadUsage(f"There is no database at {source}")
    if not path.absolute().parent.is_dir():
        raise BadUsage(f"There is no folder {path.absolute().parent}")
    return source


def _pg_dump(url: sa.URL, path: Path) -> str:
    place = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    words = ("pg_dump", "--format=custom", f"--file={path}", place.render_as_string(hide_password=False))
    return shlex.join(words)
