"""Artifacts: versions by name, small ones in their rows, large ones in files that nothing loses or forgets."""

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.runs.artifact_files import (
    ArtifactElsewhere,
    ArtifactFiles,
    ArtifactNotWritten,
    ArtifactTooLarge,
    Making,
    RunTakesNothing,
    WrongArtifactName,
    keep_artifact,
    tidy,
)
from folkmoot.runs.artifacts import INLINE_BYTES, get_artifact, list_artifacts, put_artifact
from folkmoot.runs.queries import NoSuchRun
from folkmoot.runs.service import cancel_run
from folkmoot.runs.tables import Artifact, Run
from tests.databases import new_scope
from tests.runs.scripted import Host

LARGE = b"\x00\xff" * INLINE_BYTES


@pytest.fixture
def files(tmp_path: Path) -> ArtifactFiles:
    return ArtifactFiles(tmp_path / "artifacts", 3 * INLINE_BYTES)


@pytest.fixture
async def run(db: Database, scope: Scope) -> Run:
    """It waits for somebody who works."""
    return await Host(db).run(scope, ["a"])


async def test_versions(db: Database, scope: Scope, run: Run, files: ArtifactFiles) -> None:
    for text in ("one", "two", "two", "one"):
        await db.write(put_artifact, run, "notes.md", text)
    made = Making(name="notes.md", content=b"\xff\x00", media_type="image/png")
    kept = await keep_artifact(db, files, scope, run.id, made)
    assert (kept.version, kept.size, kept.media_type, kept.file) == (4, 2, "image/png", None)
    rows = await db.read(list_artifacts, run.id)
    assert [(row.name, row.version, row.media_type) for row in rows] == [
        *(("notes.md", version, "text/markdown") for version in (1, 2, 3)),
        ("notes.md", 4, "image/png"),
    ]
    assert (await db.read(get_artifact, run.id, "notes.md")).body == b"\xff\x00"
    assert (await db.read(get_artifact, run.id, "notes.md", 1)).body == b"one"
    assert not files.folder.exists(), "nothing here needs a file"


async def test_a_large_one_is_a_file_of_a_generated_name(
    db: Database, scope: Scope, run: Run, files: ArtifactFiles
) -> None:
    made = Making(name="../../etc/passwd", content=LARGE)
    kept = await keep_artifact(db, files, scope, run.id, made)
    assert kept.file is not None
    assert (await db.read(get_artifact, run.id, made.name)).body is None
    assert files.path(kept.file).read_bytes() == LARGE
    assert [path.name for path in files.folder.iterdir()] == [kept.file]
    assert files.path(kept.file).stat().st_mode & 0o777 == 0o600
    again = await keep_artifact(db, files, scope, run.id, made)
    assert again.id == kept.id, "the same bytes are the same version"
    await tidy(db, files, 0)
    assert [path.name for path in files.folder.iterdir()] == [kept.file], "the second file was of no use"


async def test_what_a_unit_has_put_into_a_row_moves_out(db: Database, run: Run, files: ArtifactFiles) -> None:
    text = "word " * INLINE_BYTES
    await db.write(put_artifact, run, "long.md", text)
    await db.write(put_artifact, run, "short.md", "short")
    await tidy(db, files)
    found = await db.read(get_artifact, run.id, "long.md")
    assert found.body is None
    assert found.file is not None
    assert files.path(found.file).read_text() == text
    assert (await db.read(get_artifact, run.id, "short.md")).body == b"short"


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (Making(name="", content=b"x"), WrongArtifactName),
        (Making(name="a\nb", content=b"x"), WrongArtifactName),
        (Making(name="a\ud800", content=b"x"), WrongArtifactName),
        (Making(name="a" * 256, content=b"x"), WrongArtifactName),
        (Making(name="a", content=b"x" * (3 * INLINE_BYTES + 1)), ArtifactTooLarge),
    ],
    ids=["no name", "a line break", "half a character", "a long name", "too large"],
)
async def test_what_is_refused(
    db: Database, scope: Scope, run: Run, files: ArtifactFiles, made: Making, problem: type[Problem]
) -> None:
    with pytest.raises(problem):
        await keep_artifact(db, files, scope, run.id, made)
    assert await db.read(list_artifacts, run.id) == []


async def test_a_media_type_that_is_none(db: Database, scope: Scope, run: Run, files: ArtifactFiles) -> None:
    made = Making(name="a", content=b"x", media_type='text/html"\r\nX-Evil: 1')
    assert (await keep_artifact(db, files, scope, run.id, made)).media_type == "application/octet-stream"


async def test_only_a_live_run_of_the_workspace_takes_one(
    db: Database, scope: Scope, run: Run, files: ArtifactFiles
) -> None:
    other = await db.write(new_scope)
    with pytest.raises(NoSuchRun):
        await keep_artifact(db, files, other, run.id, Making(name="a", content=b"x"))
    await cancel_run(Host(db).engine, scope, run.id)
    with pytest.raises(RunTakesNothing):
        await keep_artifact(db, files, scope, run.id, Making(name="a", content=b"x"))


async def test_a_file_goes_with_its_last_row(db: Database, scope: Scope, run: Run, files: ArtifactFiles) -> None:
    kept = await keep_artifact(db, files, scope, run.id, Making(name="a", content=LARGE))
    young = files.write(b"its row is still on the way")
    old = files.write(b"whoever wrote it was killed")
    os.utime(files.path(old), (0, 0))
    await tidy(db, files)
    assert {path.name for path in files.folder.iterdir()} == {kept.file, young}
    await db.write(_delete, run)
    await tidy(db, files, 0)
    assert list(files.folder.iterdir()) == []


def _delete(tx: Tx, run: Run) -> None:
    tx.write(sa.delete(Run).where(Run.id == run.id))
    assert tx.scalar(sa.select(sa.func.count()).select_from(Artifact).where(Artifact.run_id == run.id)) == 0


def test_a_file_that_is_not_here(files: ArtifactFiles) -> None:
    for name in (new_id(), "../folkmoot.db", ""):
        with pytest.raises(ArtifactElsewhere):
            files.path(name)


async def test_a_disk_that_takes_nothing(db: Database, scope: Scope, run: Run, tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file where the folder should be")
    files = ArtifactFiles(tmp_path / "artifacts", 3 * INLINE_BYTES)
    with pytest.raises(ArtifactNotWritten):
        await keep_artifact(db, files, scope, run.id, Making(name="a", content=LARGE))
    assert await db.read(list_artifacts, run.id) == []
