"""Bodies too large for a row, as files in DATA_DIR: written before the row that names them, swept when none does."""

import asyncio
import os
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import time

import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Conflict, Invalid, TooLarge, Unavailable
from folkmoot.kernel.ids import is_id, new_id
from folkmoot.kernel.json import clean_text
from folkmoot.kernel.scope import Scope
from folkmoot.runs.append import lock_run
from folkmoot.runs.artifacts import INLINE_BYTES, Body, add_version, body_of
from folkmoot.runs.queries import NoSuchRun
from folkmoot.runs.rules import FINAL
from folkmoot.runs.tables import Artifact

FOLDER = "artifacts"
"""Within DATA_DIR."""

SPARED_SECONDS = 600.0
"""A file is younger than this when the row that will name it may still be on its way."""

_OTHER = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w.+-]{0,30}/[A-Za-z0-9][\w.+-]{0,30}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_AT_ONCE = 10

_FILES = sa.select(Artifact.file).where(Artifact.file.is_not(None)).distinct()
_LARGE = sa.select(Artifact.id).where(Artifact.file.is_(None), Artifact.size > INLINE_BYTES).limit(_AT_ONCE)
_BODY = sa.select(Artifact.body).where(Artifact.id == sa.bindparam("this"), Artifact.file.is_(None))
_MOVE_OUT = (
    sa.update(Artifact)
    .where(Artifact.id == sa.bindparam("this"), Artifact.file.is_(None))
    .values(file=sa.bindparam("into"), body=None)
)


class ArtifactTooLarge(TooLarge):
    """The artifact is larger than ARTIFACT_MAX_BYTES"""


class ArtifactElsewhere(Unavailable):
    """The artifact's file is not on this server"""

    hint = "Servers of one database share the folder artifacts in DATA_DIR; restore it from a backup if it was lost"


class ArtifactNotWritten(Unavailable):
    """The artifact could not be written to this server's disk"""


class WrongArtifactName(Invalid):
    """An artifact's name has 1 to 255 characters and no control characters"""


class RunTakesNothing(Conflict):
    """The run has ended: what it made stays as it is"""


@dataclass(frozen=True, slots=True)
class ArtifactFiles:
    """The folder; every name in it is generated here. What blocks is called in a thread."""

    folder: Path
    limit: int

    def write(self, content: bytes) -> str:
        """A new file, on the disk for good when its name is answered. Blocks. Raises ArtifactNotWritten."""
        name = new_id()
        unfinished = self.folder / f".{name}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(unfinished, content)
            unfinished.replace(self.folder / name)
            _sync(self.folder)
        except OSError as error:
            with suppress(OSError):  # the sweep finds what is left
                unfinished.unlink()
            raise ArtifactNotWritten(reason=error.strerror) from error
        return name

    def path(self, name: str) -> Path:
        """Where the file is. Raises ArtifactElsewhere."""
        path = self.folder / name
        if not (is_id(name) and path.is_file()):
            raise ArtifactElsewhere
        return path

    def sweep(self, named: Collection[str], spared_seconds: float) -> int:
        """Remove the files that have none of these names and that age; answers how many. Blocks."""
        if not self.folder.is_dir():
            return 0
        oldest = time() - spared_seconds
        swept = 0
        for path in self.folder.iterdir():
            if path.name not in named and path.is_file() and path.stat().st_mtime <= oldest:
                path.unlink(missing_ok=True)
                swept += 1
        return swept


def copy_files(folder: Path, into: Path) -> int:
    """Copy those that are not there yet; answers how many there are then. Blocks. Raises ArtifactNotWritten."""
    found = [path for path in folder.iterdir() if is_id(path.name)] if folder.is_dir() else []
    try:
        for path in found:
            into.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (into / path.name).exists():
                with suppress(FileNotFoundError):  # swept just now: no row names it
                    _write(into / path.name, path.read_bytes())
        if found:
            _sync(into)
    except OSError as error:
        raise ArtifactNotWritten(reason=error.strerror) from error
    return sum(1 for _ in into.iterdir()) if into.is_dir() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What somebody wants kept with a run. A media type that is none is that of any bytes."""

    name: str
    content: bytes
    media_type: str = _OTHER


async def keep_artifact(db: Database, files: ArtifactFiles, scope: Scope, run_id: str, made: Making) -> Artifact:
    """Keep it as the next version of its name; the same bytes as the latest are the latest.

    The row is answered without its body.

    Raises NoSuchRun, RunTakesNothing, ArtifactTooLarge, WrongArtifactName, ArtifactNotWritten.
    """
    if not 0 < len(made.name) <= 255 or _CONTROLS.search(made.name) or clean_text(made.name) != made.name:
        raise WrongArtifactName
    if len(made.content) > files.limit:
        raise ArtifactTooLarge(size=len(made.content), limit=files.limit)
    media_type = made.media_type if _MEDIA_TYPE.fullmatch(made.media_type) else _OTHER
    is_large = len(made.content) > INLINE_BYTES
    file = await asyncio.to_thread(files.write, made.content) if is_large else None
    return await db.write(_keep, scope, run_id, made.name, body_of(made.content, media_type, file))


def _keep(tx: Tx, scope: Scope, run_id: str, name: str, body: Body) -> Artifact:
    run = lock_run(tx, scope.workspace_id, run_id)
    if run is None:
        raise NoSuchRun
    if run.status in FINAL:
        raise RunTakesNothing(status_now=run.status)
    return add_version(tx, run.id, name, body)


async def tidy(db: Database, files: ArtifactFiles, spared_seconds: float = SPARED_SECONDS) -> None:
    """Move what is too large for its row into a file, then sweep the files that no row names."""
    while large := await db.read(_large):
        for artifact_id in large:
            await _move_out(db, files, artifact_id)
    named = await db.read_long(_named)
    await asyncio.to_thread(files.sweep, named, spared_seconds)


def _large(tx: Tx) -> list[str]:
    return [row.id for row in tx.all(Artifact, _LARGE)]


async def _move_out(db: Database, files: ArtifactFiles, artifact_id: str) -> None:
    """A crash in between leaves the body in its row and a file that is swept."""
    content = await db.read_long(_body, artifact_id)
    if content is not None:
        file = await asyncio.to_thread(files.write, content)
        await db.write(_name_file, artifact_id, file)


def _body(tx: Tx, artifact_id: str) -> bytes | None:
    content: bytes | None = tx.scalar(_BODY, this=artifact_id)
    return content


def _name_file(tx: Tx, artifact_id: str, file: str) -> None:
    tx.write(_MOVE_OUT, {"this": artifact_id, "into": file})


def _named(tx: Tx) -> frozenset[str]:
    return frozenset(row.file for row in tx.all(Artifact, _FILES) if row.file is not None)


def _write(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
