"""A copy of a SQLite file while a server writes to it: one consistent moment, in a file of its own."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from folkmoot.db.bulk import CopyRefused
from folkmoot.db.bulk_sqlite import read_only, translated
from folkmoot.kernel.errors import Conflict

_PAGES = 2048
"""Pages between two words of progress: 8 MB."""


class BackupExists(Conflict):
    """There is a file at the backup's path already"""


def back_up(source: Path, path: Path, told: Callable[[int, int], None]) -> int:
    """Write the file as it is at this moment, checked, and readable by its owner only; answers its size in bytes.

    `told` hears how many pages of how many are done. A backup that does not end well leaves nothing behind.
    Blocks. Raises BackupExists, CopyRefused, DiskFull, DatabaseUnavailable.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    if path.exists():
        raise BackupExists(f"{path} exists already; a backup overwrites nothing")
    try:
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        _copy(source, unfinished, told)
        _sync(unfinished)
        unfinished.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise CopyRefused(f"{path}: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path.stat().st_size


def _copy(source: Path, path: Path, told: Callable[[int, int], None]) -> None:
    with translated(source), closing(read_only(source)) as reading, closing(_writing(path)) as writing:
        # The snapshot is held from here on; without it every commit of the server's would start the copy anew.
        reading.execute("begin")
        reading.execute("select count(*) from sqlite_schema").fetchone()
        reading.backup(writing, pages=_PAGES, progress=lambda _, left, pages: told(pages - left, pages))
        writing.execute("pragma journal_mode = delete")  # one file, with no log beside it
        with translated(path):
            _check(writing, path)


def _writing(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma cache_size = -65536")
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("pragma integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise CopyRefused(f"{path}: {found}")
    broken = connection.execute("pragma foreign_key_check").fetchone()
    if broken is not None:
        raise CopyRefused(f"{path}: a row of {broken[0]} refers to one of {broken[2]} that is not there")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
