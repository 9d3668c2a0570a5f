"""Vectors of passages: kept in the database, and searched exactly: by the database where it can, else block by block.

PostgreSQL can with pgvector. Elsewhere the search needs numpy (the extra `vectors`), and without it nothing is made.
"""

from __future__ import annotations

import asyncio
import heapq
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from math import hypot
from operator import mul
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from folkmoot.db.tx import Tx
from folkmoot.knowledge import pgvector
from folkmoot.knowledge.pgvector import Sought
from folkmoot.knowledge.queries import EVERYTHING, IS_VISIBLE, Within, chosen
from folkmoot.knowledge.tables import Chunk, ChunkVector, Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
_IS_READY = sa.and_(Document.workspace_id == sa.bindparam("workspace"), Document.status == "ready")
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


def can_search(tx: Tx) -> bool:
    """Whether vectors can be searched in a time that anybody would wait."""
    return has_numpy() or pgvector.schema_of(tx) is not None


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
    rows = [row for row in rows if row["chunk_id"] in there]
    schema = pgvector.schema_of(tx)
    if schema is None:
        tx.write(_INSERT[tx.dialect], rows)
    else:
        pgvector.keep(tx, schema, rows)


def prune(tx: Tx, scope: Scope, kept: str) -> bool:
    """Delete vectors of other models, as many as a unit has time for; answers whether those were all."""
    return tx.write(_DELETE_FOREIGN, {"workspace": scope.workspace_id, "kept": kept}) < STORED


def normal(vector: Vector) -> bytes:
    """As it is kept: of length one, so that a product is the cosine. A vector of zeros stays one."""
    length = hypot(*vector) or 1.0
    return struct.pack(f"<{len(vector)}f", *(number / length for number in vector))


async def nearest(
    db: Database, scope: Scope, question: Vector, model: str, limit: int, within: Within = EVERYTHING
) -> list[str]:
    """Ids of the passages whose vectors are nearest to the question's by cosine, best first; exact.

    Every vector is looked at: by the database, or a block at a time in reading threads, while the event loop goes on.
    """
    sought = Sought(normal(question), model, limit)
    best, documents = await db.read_long(_begin, scope, sought, within)
    for window in _windows(documents):
        found = await db.read_long(_scan, scope, window, model)
        best = _merged(limit, best, await asyncio.to_thread(_best, found, sought))
    return [id for _, id in best]


def _begin(
    tx: Tx, scope: Scope, sought: Sought, within: Within
) -> tuple[list[tuple[float, str]], list[tuple[str, int]]]:
    """What the database has found by itself, and the documents that are to be scanned, with their lengths."""
    wanted, values = sa.and_(_IS_READY, chosen(within)), {"workspace": scope.workspace_id}
    statement = sa.select(Document.id, Document.passages).where(wanted)
    schema = pgvector.schema_of(tx)
    if schema is None:
        return [], [(row.id, row.passages) for row in tx.all(Document, statement, **values)]
    left = tx.all(Document, statement.where(pgvector.IS_LEFT_IN_DOCUMENT), model=sought.model, **values)
    return pgvector.nearest(tx, schema, sought, wanted, values), [(row.id, row.passages) for row in left]


def _merged(limit: int, *found: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    """The best of all, each once: of a document that is scanned the database may know some."""
    scores = {id: score for one in found for score, id in one}
    return heapq.nlargest(limit, ((score, id) for id, score in scores.items()))


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


def _best(found: tuple[list[str], list[bytes]], sought: Sought) -> list[tuple[float, str]]:
    """What is nearest among those of the question's length; another model of the same name may have made others."""
    asked = sought.vector
    rows = [(id, vector) for id, vector in zip(*found, strict=True) if len(vector) == len(asked)]
    if not rows:
        return []
    scores = _products([vector for _, vector in rows], asked)
    return heapq.nlargest(sought.limit, zip(scores, (id for id, _ in rows), strict=True))


def _products(vectors: list[bytes], asked: bytes) -> list[float]:
    """Without numpy only what pgvector has not taken over yet is worked out here."""
    if not has_numpy():
        form = struct.Struct(f"<{len(asked) // 4}f")
        numbers = form.unpack(asked)
        return [sum(map(mul, form.unpack(vector), numbers)) for vector in vectors]
    import numpy

    matrix = numpy.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1)
    # by einsum, not as a product of matrices: that would wake a thread for each core, for a millisecond's work
    found: list[float] = numpy.einsum("ij,j->i", matrix, numpy.frombuffer(asked, "<f4")).tolist()
    return found
