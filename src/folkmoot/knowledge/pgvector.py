"""Vectors as PostgreSQL's own type, where its extension `vector` is: compared in the database, exactly.

`migrations.pgvector` gives the table a column for them. What counts stays the bytes beside it: the extension may come
after the rows and go before them, and copies of a database know nothing of it.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from folkmoot.knowledge.tables import ChunkVector, Document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from folkmoot.db.database import Database
    from folkmoot.db.tx import Tx

COLUMN = "embedding"
MOST_DIMENSIONS = 16_000
"""What the type holds; longer vectors are scanned as everywhere else."""

FILLED = 64
"""Vectors a unit takes over."""

_LOCK = sa.text("lock table chunk_vectors in access share mode")
_SCHEMA = sa.text("""
select pg_namespace.nspname
from pg_attribute
join pg_type on pg_type.oid = pg_attribute.atttypid
join pg_namespace on pg_namespace.oid = pg_type.typnamespace
where pg_attribute.attrelid = to_regclass('chunk_vectors') and pg_attribute.attname = 'embedding'
    and not pg_attribute.attisdropped
""")
_ROWS = sa.table(
    "chunk_vectors", *(sa.column(one.name, one.type) for one in ChunkVector.__table__.c), sa.column(COLUMN)
)
_EMBEDDING: sa.ColumnElement[object] = sa.literal_column("chunk_vectors.embedding")
_BYTES = sa.func.octet_length(ChunkVector.vector)
_LEFT = (
    sa.select(ChunkVector.chunk_id, ChunkVector.model, ChunkVector.vector)
    .where(_EMBEDDING.is_(None), _BYTES <= 4 * MOST_DIMENSIONS)
    .limit(FILLED)
    .with_for_update(skip_locked=True)
)

IS_LEFT_IN_DOCUMENT = sa.exists().where(
    ChunkVector.document_id == Document.id, ChunkVector.model == sa.bindparam("model"), _EMBEDDING.is_(None)
)
"""A document of which the database cannot compare all vectors; only where `schema_of` names one."""


class Sought(NamedTuple):
    """What is looked for: the `limit` vectors of a model that are nearest to this one, which is of length one."""

    vector: bytes
    model: str
    limit: int


class _Near:
    """The columns of a comparison's rows; a product of vectors of length one, negative, so that the least is best."""

    chunk_id: str
    distance: float


class _Vector(sa.types.UserDefinedType[object]):
    """The extension's type, wherever it was installed."""

    cache_ok = True

    def __init__(self, schema: str) -> None:
        self.schema = schema

    def get_col_spec(self, **_: object) -> str:
        return f"{quoted(self.schema)}.vector"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def schema_of(tx: Tx) -> str | None:
    """Where the extension lives whose type the vectors have; None where they have none. So it stays in this unit."""
    if tx.dialect != "postgresql":
        return None
    tx.write(_LOCK)
    schema: str | None = tx.scalar(_SCHEMA)
    return schema


def keep(tx: Tx, schema: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows of ChunkVector with the database's own vector in each."""
    tx.write(_insert(schema), [{**row, "numbers": _numbers(row["vector"])} for row in rows])


async def fill(db: Database) -> None:
    """Take over vectors that were stored before the column was there, or by who does not know it."""
    while await db.write(_fill) == FILLED:
        pass


def _fill(tx: Tx) -> int:
    schema = schema_of(tx)
    if schema is None:
        return 0
    left = tx.all(ChunkVector, _LEFT)
    tx.write(_update(schema), [{"id": row.chunk_id, "of": row.model, "numbers": _numbers(row.vector)} for row in left])
    return len(left)


def nearest(
    tx: Tx, schema: str, sought: Sought, wanted: sa.ColumnElement[bool], values: Mapping[str, object]
) -> list[tuple[float, str]]:
    """Of the visible passages of `wanted` documents those with the nearest vectors, best first: cosine and id."""
    if len(sought.vector) > 4 * MOST_DIMENSIONS:
        return []
    asked = {"numbers": _numbers(sought.vector), "size": len(sought.vector), "most": sought.limit}
    statement = _nearest(schema).where(wanted)
    rows = tx.all(_Near, statement, model=sought.model, **asked, **values)
    return [(-row.distance, row.chunk_id) for row in rows]


def _numbers(vector: object) -> list[float] | None:
    """None for what is too long for the type."""
    assert isinstance(vector, bytes)
    length = len(vector) // 4
    return [*struct.unpack(f"<{length}f", vector)] if length <= MOST_DIMENSIONS else None


def _own(schema: str) -> sa.Cast[object]:
    return sa.cast(sa.bindparam("numbers", type_=postgresql.ARRAY(sa.REAL)), _Vector(schema))


@cache
def _insert(schema: str) -> postgresql.Insert:
    return postgresql.insert(_ROWS).values({COLUMN: _own(schema)}).on_conflict_do_nothing()


@cache
def _update(schema: str) -> sa.Update:
    is_it = (_ROWS.c.chunk_id == sa.bindparam("id"), _ROWS.c.model == sa.bindparam("of"))
    return sa.update(_ROWS).where(*is_it).values({COLUMN: _own(schema)})


@cache
def _nearest(schema: str) -> sa.Select[str, float]:
    asked = sa.select(_own(schema)).scalar_subquery()  # so that it is made once, and not for every row
    product: sa.ColumnElement[float] = _EMBEDDING.op(f"operator({quoted(schema)}.<#>)", return_type=sa.Double())(asked)
    return (
        sa.select(ChunkVector.chunk_id, product.label("distance"))
        .join(Document, Document.id == ChunkVector.document_id)
        .where(
            ChunkVector.model == sa.bindparam("model"),
            ChunkVector.seq >= Document.first_seq,
            ChunkVector.seq < Document.first_seq + Document.passages,
            _EMBEDDING.is_not(None),
            sa.bindparam("size") == _BYTES,  # another model of the same name may have made others
        )
        .order_by("distance", ChunkVector.chunk_id.desc())
        .limit(sa.bindparam("most"))
    )
