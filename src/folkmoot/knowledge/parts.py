"""What a run is to take in, kept in the database until it has: whichever process works on the run finds it there."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import BinaryIO

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.chunking import segments_of
from folkmoot.knowledge.queries import find_part
from folkmoot.knowledge.tables import DocumentPart
from folkmoot.runs.rules import FINAL
from folkmoot.runs.tables import Run

PART_BYTES = 262_144
FILE, TEXT = "file", "text"

_DELETED = 16
"""Parts a unit deletes: 4 MB of a file."""

_UNUSED_AFTER = timedelta(hours=1)
_INSERT = {
    "sqlite": sqlite.insert(DocumentPart).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(DocumentPart).on_conflict_do_nothing(),
}
_KEY = sa.tuple_(DocumentPart.run_id, DocumentPart.kind, DocumentPart.seq)
_COLUMNS = DocumentPart.__table__.c
_OF_RUN = (
    sa.select(DocumentPart.run_id, DocumentPart.kind, DocumentPart.seq)
    .where(DocumentPart.run_id == sa.bindparam("run"))
    .limit(_DELETED)
)
_UNUSED = (
    sa.select(DocumentPart.run_id, DocumentPart.kind, DocumentPart.seq)
    .where(
        DocumentPart.created_at < sa.bindparam("before", type_=_COLUMNS.created_at.type),
        ~sa.exists().where(Run.id == DocumentPart.run_id, Run.status.not_in([status.value for status in FINAL])),
    )
    .limit(_DELETED)
)
_DELETE_OF_RUN = sa.delete(DocumentPart).where(_KEY.in_(_OF_RUN))
_DELETE_UNUSED = sa.delete(DocumentPart).where(_KEY.in_(_UNUSED))


async def keep_file(db: Database, scope: Scope, run_id: str, file: BinaryIO) -> None:
    """All bytes from where the file stands."""
    seq = 0
    while data := file.read(PART_BYTES):
        await db.write(_put, scope, _row(scope, run_id, (FILE, seq), 0, data))
        seq += 1


async def keep_text(db: Database, scope: Scope, run_id: str, text: str) -> int:
    """The text in segments, each a part; answers how many. Doing it again changes nothing."""
    spans = segments_of(text)
    for seq, (start, end) in enumerate(spans):
        await db.write(_put, scope, _row(scope, run_id, (TEXT, seq), start, text[start:end].encode()))
    return len(spans)


def _row(scope: Scope, run_id: str, place: tuple[str, int], start: int, data: bytes) -> dict[str, object]:
    return {
        "run_id": run_id,
        "kind": place[0],
        "seq": place[1],
        "workspace_id": scope.workspace_id,
        "project_id": scope.project_id,
        "start": start,
        "data": data,
        "created_at": now(),
    }


def _put(tx: Tx, scope: Scope, row: dict[str, object]) -> None:
    tx.write(_INSERT[tx.dialect], row)


async def file_parts(db: Database, run_id: str) -> AsyncIterator[bytes]:
    seq = 0
    while (part := await db.read_long(find_part, run_id, FILE, seq)) is not None:
        yield part.data
        seq += 1


async def text_part(db: Database, run_id: str, seq: int) -> tuple[int, str]:
    """Where the part begins in the text, and the part."""
    part = await db.read_long(find_part, run_id, TEXT, seq)
    assert part is not None, "parts are kept while their run lives"
    return part.start, part.data.decode()


async def forget(db: Database, scope: Scope, run_id: str) -> None:
    """The parts of a run, a few at a time."""
    while await db.write(_delete, scope, run_id) == _DELETED:
        pass


def _delete(tx: Tx, scope: Scope, run_id: str) -> int:
    return tx.write(_DELETE_OF_RUN, {"run": run_id})


async def forget_unused(db: Database) -> None:
    """Parts whose run has ended or was never started, because the upload broke off more than an hour ago."""
    while await db.write(_delete_unused) == _DELETED:
        pass


def _delete_unused(tx: Tx) -> int:
    return tx.write(_DELETE_UNUSED, {"before": now() - _UNUSED_AFTER})
