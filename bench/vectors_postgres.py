"""Search by vectors on PostgreSQL: the scan, then pgvector over the same ones, which it takes over first."""

import asyncio
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy
import sqlalchemy as sa
import uvloop

from bench.databases import fresh_database
from bench.figures import Figure, middle, quantile, show
from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.events.log import store
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import pgvector, vectors
from folkmoot.knowledge.search import DEPTH
from folkmoot.knowledge.tables import Chunk, Document
from folkmoot.llm.embeddings import Vector
from folkmoot.migrations.pgvector import DROP
from folkmoot.migrations.upgrade import connected, upgrade
from folkmoot.runs.moves import number_events
from tests.databases import new_scope

DIMENSIONS = 768
QUESTIONS = 30
MODEL = "stub:random"

_DOCUMENT = 1_000
_KEPT = 512


def measure(server: str, wanted: int) -> None:
    """Prints a table; makes a database of its own on the server."""
    with TemporaryDirectory(prefix="bench-") as folder, fresh_database(server, Path(folder)) as url:
        upgrade(url)
        uvloop.run(_measure(url, wanted))


async def _measure(url: str, wanted: int) -> None:
    db = connect(url, Hooks(before_commit=(number_events,), store=store))
    await db.open()
    try:
        if await db.read(pgvector.schema_of) is None:
            raise SystemExit("pgvector is not there, or this role may not create the extension")
        await _say(url, DROP)
        scope, chance = await db.write(new_scope), numpy.random.default_rng(1)
        stored = await _store(db, scope, wanted, chance)
        asked = [*_gaussian(chance, QUESTIONS)]
        await _say(url, "vacuum analyze")
        scan, expected = await _asked(db, scope, asked)
        await asyncio.to_thread(upgrade, url)
        began = time.perf_counter()
        await pgvector.fill(db)
        taken = wanted / (time.perf_counter() - began)
        await _say(url, "vacuum analyze")
        native, found = await _asked(db, scope, asked)
        assert found == expected, "both are exact"
    finally:
        await db.close()
    figures = [
        Figure(name="vectors stored", unit="per second", measured=stored),
        Figure(name="taken over by pgvector", unit="per second", measured=taken),
    ]
    for name, of in (("p50", middle), ("p95", _p95)):
        figures.append(Figure(name=f"scan with numpy, {name}", unit="ms", measured=of(scan)))
        figures.append(Figure(name=f"pgvector, exact, {name}", unit="ms", measured=of(native)))
    show(f"search: the {DEPTH} nearest of {wanted:,} vectors of {DIMENSIONS} on PostgreSQL", figures)


def _p95(took: list[float]) -> float:
    return quantile(took, 0.95)


async def _asked(db: Database, scope: Scope, asked: list[Vector]) -> tuple[list[float], list[set[str]]]:
    """How many milliseconds each question took, and what it found: scores are rounded in ways of their own."""
    took, found = list[float](), list[set[str]]()
    for vector in (asked[0], *asked):
        began = time.perf_counter()
        found.append({*await vectors.nearest(db, scope, vector, MODEL, DEPTH)})
        took.append(1000 * (time.perf_counter() - began))
    return took[1:], found[1:]


async def _store(db: Database, scope: Scope, wanted: int, chance: numpy.random.Generator) -> float:
    """Passages of one word; answers how many vectors were stored in a second."""
    for _ in range(wanted // _DOCUMENT):
        await db.write(_add, scope)
    seconds, after = 0.0, ("", -1)
    while chunks := await db.read_long(vectors.missing, scope, MODEL, after, _KEPT, None):
        made = [*_gaussian(chance, len(chunks))]
        began = time.perf_counter()
        await vectors.keep(db, scope, chunks, made, MODEL)
        seconds += time.perf_counter() - began
        after = (chunks[-1].document_id, chunks[-1].seq)
    return wanted / seconds


def _add(tx: Tx, scope: Scope) -> None:
    id, at = new_id(), now()
    named = {"title": id, "sha256": id, "media_type": "text/plain", "status": "ready", "tags": [], "size": 5000}
    counts = {"first_seq": 0, "passages": _DOCUMENT, "staged_first": 0, "created_at": at, "updated_at": at}
    place = {"id": id, "workspace_id": scope.workspace_id, "project_id": scope.project_id}
    tx.write(sa.insert(Document), {**place, **named, **counts})
    rows = [
        {"id": new_id(), "document_id": id, "seq": seq, "text": "words", "start": 5 * seq, "end": 5 * seq + 5}
        for seq in range(_DOCUMENT)
    ]
    tx.write(sa.insert(Chunk), rows)


def _gaussian(chance: numpy.random.Generator, count: int) -> Iterator[Vector]:
    for row in chance.standard_normal((count, DIMENSIONS), dtype=numpy.float32):
        yield array("f", row.tobytes())


async def _say(url: str, statement: str) -> None:
    def execute(connection: sa.Connection) -> None:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(statement)

    await asyncio.to_thread(connected, url, execute)
