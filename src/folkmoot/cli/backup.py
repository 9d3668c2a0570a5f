"""`folkmoot db backup`: a checked copy of the SQLite file and of what lies beside it, also while a server writes."""

import asyncio
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Annotated, NamedTuple

import sqlalchemy as sa
import typer

from folkmoot.cli.printing import AsJson, print_json
from folkmoot.cli.problems import BadUsage
from folkmoot.cli.process import Signals, go
from folkmoot.cli.screen import Screen
from folkmoot.db.backup import BackupExists, back_up
from folkmoot.db.connect import driver_url
from folkmoot.kernel.settings import load_settings
from folkmoot.runs.artifact_files import FOLDER, copy_files


def backup_database(
    path: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    is_json: AsJson = False,
) -> None:
    """Write a checked copy of the SQLite database, also while a server works on it."""

    async def work(signals: Signals) -> int:
        settings = load_settings()
        source = _source(settings.direct_database_url, path)
        screen, began = Screen(is_quiet=is_json), perf_counter()

        def told(done: int, pages: int) -> None:
            screen.passing(f"copying: {100 * done // max(pages, 1)} %")

        with screen.living():
            made = await asyncio.to_thread(_back_up, source, settings.data_dir / FOLDER, path, told)
        seconds = perf_counter() - began
        if is_json:
            print_json(
                {"path": str(path), "bytes": made.size, "seconds": round(seconds, 3), "artifact_files": made.files}
            )
        else:
            typer.echo(f"{path}: {made.size:,} bytes in {seconds:.1f} s, checked")
            if made.files:
                typer.echo(f"{_beside(path)}: {made.files:,} files; they go back to DATA_DIR/{FOLDER}")
        return 0

    go(work, is_json=is_json)


class Made(NamedTuple):
    """The bytes of the database's copy, and how many files of artifacts lie beside it."""

    size: int
    files: int


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{FOLDER}")


def _back_up(source: Path, files: Path, path: Path, told: Callable[[int, int], None]) -> Made:
    """Files are copied before the database and again after: then none is missing that its rows name.

    A file is written before its row, and one that is younger than some minutes is not swept.
    """
    beside = _beside(path)
    if beside.exists():
        raise BackupExists(f"{beside} exists already; a backup overwrites nothing")
    unfinished = beside.with_name(f"{beside.name}.unfinished")
    try:
        copy_files(files, unfinished)
        size = back_up(source, path, told)
        copied = copy_files(files, unfinished)
        if copied:
            unfinished.rename(beside)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Made(size, copied)


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
