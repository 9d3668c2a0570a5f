"""Artifacts: named, versioned texts kept with a run. A version never changes."""

from hashlib import sha256

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import NotFound
from folkmoot.kernel.ids import new_id
from folkmoot.runs.tables import Artifact, Run

ARTIFACT_CHARACTERS = 1_000_000

_COLUMNS = Artifact.__table__.columns
_LATEST = (
    sa.select(*_COLUMNS)
    .where(Artifact.run_id == sa.bindparam("run_id"), Artifact.name == sa.bindparam("name"))
    .order_by(Artifact.version.desc())
    .limit(1)
)
_VERSION = sa.select(*_COLUMNS).where(
    Artifact.run_id == sa.bindparam("run_id"),
    Artifact.name == sa.bindparam("name"),
    Artifact.version == sa.bindparam("version"),
)
_LIST = (
    sa.select(*(column for column in _COLUMNS if column.key != "body"))
    .where(Artifact.run_id == sa.bindparam("run_id"))
    .order_by(Artifact.name, Artifact.version)
)
_INSERT = sa.insert(Artifact).returning(*_COLUMNS)


class NoSuchArtifact(NotFound):
    """Artifact not found"""


def put_artifact(tx: Tx, run: Run, name: str, text: str, media_type: str = "text/markdown") -> Artifact:
    """Keep the text as the next version of that name; the same text as the latest is the latest.

    Text past 1,000,000 characters is cut, and its last line says so.
    """
    text = text if len(text) <= ARTIFACT_CHARACTERS else text[:ARTIFACT_CHARACTERS] + "\n\n[cut: artifact too long]"
    body = text.encode()
    digest = sha256(body).hexdigest()
    latest = tx.first(Artifact, _LATEST, run_id=run.id, name=name)
    if latest is not None and latest.sha256 == digest:
        return latest
    stored = tx.write_returning(
        Artifact,
        _INSERT,
        id=new_id(),
        run_id=run.id,
        name=name,
        version=latest.version + 1 if latest else 1,
        media_type=media_type,
        size=len(body),
        sha256=digest,
        body=text,
        created_at=now(),
    )
    assert stored is not None
    return stored


def list_artifacts(tx: Tx, run_id: str) -> list[Artifact]:
    """All versions of all names, without their bodies."""
    return tx.all(Artifact, _LIST, run_id=run_id)


def get_artifact(tx: Tx, run_id: str, name: str, version: int | None = None) -> Artifact:
    """A version, or the latest. Raises NoSuchArtifact."""
    if version is None:
        found = tx.first(Artifact, _LATEST, run_id=run_id, name=name)
    else:
        found = tx.first(Artifact, _VERSION, run_id=run_id, name=name, version=version)
    if found is None:
        raise NoSuchArtifact
    return found
