"""Artifacts: named, versioned bodies kept with a run. A version never changes."""

from dataclasses import dataclass
from hashlib import sha256

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.ids import new_id
from folkmoot.runs.tables import Artifact, Run

INLINE_BYTES = 1_000_000
"""What a row may hold itself; a larger body lies in a file."""

_COLUMNS = Artifact.__table__.columns
_SHOWN = [column for column in _COLUMNS if column.key != "body"]
_NAMED = (Artifact.run_id == sa.bindparam("run_id"), Artifact.name == sa.bindparam("name"))
_LATEST = sa.select(*_COLUMNS).where(*_NAMED).order_by(Artifact.version.desc()).limit(1)
_NEWEST = sa.select(*_SHOWN).where(*_NAMED).order_by(Artifact.version.desc()).limit(1)
_VERSION = sa.select(*_COLUMNS).where(*_NAMED, Artifact.version == sa.bindparam("version"))
_BY_ID = sa.select(*_COLUMNS).where(Artifact.run_id == sa.bindparam("run_id"), Artifact.id == sa.bindparam("id"))
_LIST = sa.select(*_SHOWN).where(Artifact.run_id == sa.bindparam("run_id")).order_by(Artifact.name, Artifact.version)
_MADE_BY = sa.select(*_COLUMNS).where(
    Artifact.run_id == sa.bindparam("run_id"), Artifact.created_at <= sa.bindparam("at")
)
_INSERT = sa.insert(Artifact).returning(*_SHOWN)
_COPY = sa.insert(Artifact)


class NoSuchArtifact(NotFound):
    """Artifact not found"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What an artifact holds: the bytes, or the name of the file that they were written to before."""

    media_type: str
    size: int
    sha256: str
    content: bytes | None = None
    file: str | None = None


def body_of(content: bytes, media_type: str, file: str | None = None) -> Body:
    """With the bytes themselves unless a file holds them."""
    return Body(
        media_type=media_type,
        size=len(content),
        sha256=sha256(content).hexdigest(),
        content=content if file is None else None,
        file=file,
    )


def put_artifact(tx: Tx, run: Run, name: str, text: str, media_type: str = "text/markdown") -> Artifact:
    """Keep what an entry of the journal says as the next version of that name; the row has no body.

    A unit writes no files: a text past INLINE_BYTES is moved out of its row a little later.
    """
    return add_version(tx, run.id, name, body_of(text.encode(), media_type))


def add_version(tx: Tx, run_id: str, name: str, body: Body) -> Artifact:
    """The next version of that name; the same bytes as the latest are the latest. The run's row is held."""
    latest = tx.first(Artifact, _NEWEST, run_id=run_id, name=name)
    if latest is not None and (latest.sha256, latest.media_type) == (body.sha256, body.media_type):
        return latest
    stored = tx.write_returning(
        Artifact,
        _INSERT,
        id=new_id(),
        run_id=run_id,
        name=name,
        version=latest.version + 1 if latest else 1,
        media_type=body.media_type,
        size=body.size,
        sha256=body.sha256,
        body=body.content,
        file=body.file,
        created_at=now(),
    )
    assert stored is not None
    return stored


def carry_over(tx: Tx, source: Run, run: Run, at: object) -> None:
    """Give a run what another had by that time and its own journal has not made anew: what tools have kept.

    A file is shared by all rows that name it.
    """
    known = {(row.name, row.version) for row in list_artifacts(tx, run.id)}
    rows = [row for row in tx.all(Artifact, _MADE_BY, run_id=source.id, at=at) if (row.name, row.version) not in known]
    values = [{column.key: getattr(row, column.key) for column in _COLUMNS} for row in rows]
    tx.write(_COPY, [{**row, "id": new_id(), "run_id": run.id, "created_at": now()} for row in values])


def list_artifacts(tx: Tx, run_id: str, name: str | None = None) -> list[Artifact]:
    """All versions of all names, or of one, without their bodies."""
    if name is None:
        return tx.all(Artifact, _LIST, run_id=run_id)
    return tx.all(Artifact, _LIST.where(Artifact.name == name), run_id=run_id)


def get_artifact(tx: Tx, run_id: str, name: str, version: int | None = None) -> Artifact:
    """A version, or the latest. Raises NoSuchArtifact."""
    if version is None:
        found = tx.first(Artifact, _LATEST, run_id=run_id, name=name)
    else:
        found = tx.first(Artifact, _VERSION, run_id=run_id, name=name, version=version)
    if found is None:
        raise NoSuchArtifact
    return found


def get_artifact_by_id(tx: Tx, run_id: str, artifact_id: str) -> Artifact:
    """Raises NoSuchArtifact, for another run's artifact too."""
    found = tx.first(Artifact, _BY_ID, run_id=run_id, id=artifact_id.lower())
    if found is None:
        raise NoSuchArtifact
    return found
