"""Vectors of passages: made, kept in the database, and searched exactly, a block at a time.

The search needs numpy (the extra `vectors`). Without it nothing is made either: it could not be used.
"""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.db.tx import Tx
from folkmoot.knowledge.queries import EVERYTHING, IS_VISIBLE, Within, has_tag
from folkmoot.knowledge.tables import Chunk, ChunkVector, Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from folkmoot.db.database import Database
    from folkmoot.kernel.scope import Scope
    from folkmoot.llm.embeddings import Vector

BLOCK = 4096
"""Vectors that are in memory at once: 25 MB of 1,536 dimensions."""

STORED = 64
"""Vectors a unit writes."""

_INSERT = {
    "sqlite": sqlite.insert(ChunkVector).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(ChunkVector).on_conflict_do_nothing(),
}
_KEY = sa.tuple_(ChunkVector.chunk_id, ChunkVector.model)
_FOREIGN = (
    sa.select(ChunkVector.chunk_id, ChunkVector.model)
    .join(Document, Document.id == ChunkVector.document_id)
    .where(Document.workspace_id == sa.bindparam("workspace"), ChunkVector.model != sa.bindparam("kept"))
    .limit(STORED)
)
_DELETE_FOREIGN = sa.delete(ChunkVector).where(_KEY.in_(_FOREIGN))
_BLOCK = (
    sa.select(ChunkVector.chunk_id, ChunkVector.vector)
    .join(Document, Document.id == ChunkVector.document_id)
    .where(
        ChunkVector.document_id.in_(sa.bindparam("documents", expanding=True)),
        ChunkVector.model == sa.bindparam("model"),
        ChunkVector.seq >= Document.first_seq,
        ChunkVector.seq < Document.first_seq + Document.passages,
        ChunkVector.seq >= Document.first_seq + sa.bindparam("low", type_=sa.BigInteger()),
        ChunkVector.seq < Document.first_seq + sa.bindparam("high", type_=sa.BigInteger()),
    )
)
_READY = sa.select(Document.id, Document.passages).where(
    Document.workspace_id == sa.bindparam("workspace"), Document.status == "ready"
)
_IS_MISSING = ~sa.exists().where(ChunkVector.chunk_id == Chunk.id, ChunkVector.model == sa.bindparam("model"))
_MISSING = (
    sa.select(Chunk.id, Chunk.document_id, Chunk.seq, Chunk.text)
    .join(Document, Document.id == Chunk.document_id)
    .where(
        Document.workspace_id == sa.bindparam("workspace"),
        IS_VISIBLE,
        Document.id >= sa.bindparam("document"),
        sa.or_(Document.id > sa.bindparam("document"), Chunk.seq > sa.bindparam("seq")),
        _IS_MISSING,
    )
    .order_by(Document.id, Chunk.seq)
    .limit(sa.bindparam("most"))
)
_COUNT_MISSING = (
    sa.select(sa.func.count())
    .select_from(Chunk)
    .join(Document, Document.id == Chunk.document_id)
    .where(Document.workspace_id == sa.bindparam("workspace"), IS_VISIBLE, _IS_MISSING)
)


@dataclass(frozen=True, slots=True)
class Window:
    """Documents whose vectors are scanned together: of each those from the `low`th to before the `high`th."""

    document_ids: tuple[str, ...]
    low: int
    high: int


def has_numpy() -> bool:
    return find_spec("numpy") is not None


def missing(
    tx: Tx, scope: Scope, model: str, after: tuple[str, int], most: int, document_id: str | None
) -> list[Chunk]:
    """Visible passages behind `after` (document, number) without a vector of the model, in that order."""
    statement = _MISSING if document_id is None else _MISSING.where(Document.id == document_id)
    values = {"workspace": scope.workspace_id, "model": model, "most": most}
    return tx.all(Chunk, statement, document=after[0], seq=after[1], **values)


def count_missing(tx: Tx, scope: Scope, model: str, document_id: str | None) -> int:
    statement = _COUNT_MISSING if document_id is None else _COUNT_MISSING.where(Document.id == document_id)
    counted: int = tx.scalar(statement, workspace=scope.workspace_id, model=model)
    return counted


async def keep(db: Database, scope: Scope, chunks: Sequence[Chunk], vectors: Sequence[Vector], model: str) -> None:
    """Store the vectors of these passages; one that has gone meanwhile is left out."""
    rows = await asyncio.to_thread(_rows, chunks, vectors, model)
    for first in range(0, len(rows), STORED):
        await db.write(_keep, scope, rows[first : first + STORED])


def _rows(chunks: Sequence[Chunk], vectors: Sequence[Vector], model: str) -> list[dict[str, object]]:
    return [
        {
            "chunk_id": chunk.id,
            "model": model,
            "document_id": chunk.document_id,
            "seq": chunk.seq,
            "vector": normal(vector),
        }
        for chunk, vector in zip(chunks, vectors, strict=True)
    ]


def _keep(tx: Tx, scope: Scope, rows: list[dict[str, object]]) -> None:
    wanted = sa.select(Chunk.id).where(Chunk.id.in_([row["chunk_id"] for row in rows])).with_for_update(read=True)
    there = {row.id for row in tx.all(Chunk, wanted)}
    tx.write(_INSERT[tx.dialect], [row for row in rows if row["chunk_id"] in there])


def prune(tx: Tx, scope: Scope, kept: str) -> bool:
    """Delete vectors of other models, as many as a unit has time for; answers whether those were all."""
    return tx.write(_DELETE_FOREIGN, {"workspace": scope.workspace_id, "kept": kept}) < STORED


def normal(vector: Vector) -> bytes:
    """As it is kept: of length one, so that a product is the cosine. A vector of zeros stays one."""
    import numpy

    given = numpy.frombuffer(vector, "<f4")
    length = float(numpy.linalg.norm(given))
    return (given / length if length else given).astype("<f4").tobytes()


async def nearest(
    db: Database, scope: Scope, question: Vector, model: str, limit: int, within: Within = EVERYTHING
) -> list[str]:
    """Ids of the passages whose vectors are nearest to the question's by cosine, best first; exact.

    Every vector is looked at, a block at a time, in reading threads; the event loop waits for none of it.
    """
    asked = normal(question)
    best: list[tuple[float, str]] = []
    for window in _windows(await db.read_long(_ready, scope, within)):
        found = await db.read_long(_scan, scope, window, model)
        best = heapq.nlargest(limit, [*best, *await asyncio.to_thread(_best, found, asked, limit)])
    return [id for _, id in best]


def _ready(tx: Tx, scope: Scope, within: Within) -> list[tuple[str, int]]:
    statement = _READY
    if within.document_ids is not None:
        statement = statement.where(Document.id.in_(list(within.document_ids)))
    if within.project_id is not None:
        statement = statement.where(Document.project_id == within.project_id)
    if within.tag is not None:
        statement = statement.where(has_tag(within.tag))
    return [(row.id, row.passages) for row in tx.all(Document, statement, workspace=scope.workspace_id)]


def _windows(documents: list[tuple[str, int]]) -> Iterator[Window]:
    """All passages once, at most a block of them in each: small documents together, large ones in parts."""
    together, held = list[str](), 0
    for id, passages in documents:
        if passages > BLOCK:
            yield from (Window((id,), low, low + BLOCK) for low in range(0, passages, BLOCK))
            continue
        if held + passages > BLOCK:
            yield Window(tuple(together), 0, BLOCK)
            together, held = [], 0
        together.append(id)
        held += passages
    if together:
        yield Window(tuple(together), 0, BLOCK)


def _scan(tx: Tx, scope: Scope, window: Window, model: str) -> tuple[list[str], list[bytes]]:
    values = {"documents": list(window.document_ids), "low": window.low, "high": window.high}
    rows = tx.all(ChunkVector, _BLOCK, model=model, **values)
    return [row.chunk_id for row in rows], [row.vector for row in rows]


def _best(found: tuple[list[str], list[bytes]], asked: bytes, limit: int) -> list[tuple[float, str]]:
    """What is nearest among those of the question's length; another model of the same name may have made others."""
    import numpy

    ids, stored = found
    if any(len(vector) != len(asked) for vector in stored):
        kept = [place for place, vector in enumerate(stored) if len(vector) == len(asked)]
        ids, stored = [ids[place] for place in kept], [stored[place] for place in kept]
    if not ids:
        return []
    matrix = numpy.frombuffer(b"".join(stored), "<f4").reshape(len(ids), -1)
    # by einsum, not as a product of matrices: that would wake a thread for each core, for a millisecond's work
    scores = numpy.einsum("ij,j->i", matrix, numpy.frombuffer(asked, "<f4"))
    top = numpy.argsort(-scores, kind="stable")[:limit]
    return [(float(scores[place]), ids[place]) for place in top]
