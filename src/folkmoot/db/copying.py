"""The whole of a database into an empty one: all or nothing, and read back before it is committed."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from folkmoot.db.bulk import Rows
from folkmoot.db.bulk_postgres import postgres_rows
from folkmoot.db.bulk_sqlite import sqlite_source, sqlite_target
from folkmoot.db.connect import driver_url
from folkmoot.db.hashing import Row, TableHash
from folkmoot.kernel.errors import Conflict, Problem

Told = Callable[[str, str, int, int], None]
"""Is told what is done to which table, how many of its rows are, and how many there are."""


class CopyDiffers(Problem):
    """The copy does not hold what the source holds"""


class TargetNotEmpty(Conflict):
    """The target holds rows already"""


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """`sha256` is that of TableHash, of the source as of the target."""

    name: str
    rows: int
    sha256: str


def open_source(url: str, tables: Sequence[sa.Table]) -> AbstractAsyncContextManager[Rows]:
    """A database to read; while it is open nobody changes the tables, on SQLite its caller makes sure of that.

    Raises DatabaseBusy, DatabaseUnavailable, CopyRefused.
    """
    place = driver_url(url)
    if place.get_backend_name() == "sqlite":
        return sqlite_source(Path(place.database or ""))
    return postgres_rows(place, tables, is_target=False)


def open_target(url: str, tables: Sequence[sa.Table]) -> AbstractAsyncContextManager[Rows]:
    """A migrated database to fill: committed where the context ends well, else as it was before.

    Raises DatabaseBusy, DatabaseUnavailable, CopyRefused.
    """
    place = driver_url(url)
    if place.get_backend_name() == "sqlite":
        return sqlite_target(Path(place.database or ""))
    return postgres_rows(place, tables, is_target=True)


async def check_new(
    target: Rows, tables: Sequence[sa.Table], expected: Mapping[str, sa.ColumnElement[bool] | None]
) -> None:
    """`expected` names the tables in which a database that is as good as new may have rows, and which those are.

    Raises TargetNotEmpty.
    """
    found = {}
    for table in tables:
        is_expected = expected.get(table.name)
        if table.name in expected and is_expected is None:
            continue
        rows = await target.count(table, None if is_expected is None else sa.not_(is_expected))
        if rows:
            found[table.name] = rows
    if found:
        told = ", ".join(f"{name} {rows:,}" for name, rows in found.items())
        raise TargetNotEmpty(f"The target holds rows already ({told}); it is left alone, name an empty database")


async def copy_rows(source: Rows, target: Rows, tables: Sequence[sa.Table], told: Told) -> list[CopiedTable]:
    """Replace all rows of the target, whose tables are in an order in which none refers to a later one.

    Raises CopyDiffers, CopyRefused, DatabaseUnavailable.
    """
    await target.clear(tables)
    copied = [await _copy(source, target, table, told) for table in tables]
    await target.settle(tables)
    for table, was in zip(tables, copied, strict=True):
        await _check(target, table, was, told)
    return copied


async def _copy(source: Rows, target: Rows, table: sa.Table, told: Told) -> CopiedTable:
    there = await source.count(table)
    read = TableHash()

    async def batches() -> AsyncIterator[list[Row]]:
        async for rows in source.read(table, read):
            yield rows
            told("copying", table.name, read.rows, there)

    await target.fill(table, batches())
    if read.rows != there:
        raise CopyDiffers(f"The source counts {there:,} rows of {table.name} and hands out {read.rows:,}")
    return CopiedTable(table.name, read.rows, read.hexdigest())


async def _check(target: Rows, table: sa.Table, was: CopiedTable, told: Told) -> None:
    read = TableHash()
    async for _ in target.read(table, read):
        told("checking", table.name, read.rows, was.rows)
    if (read.rows, read.hexdigest()) != (was.rows, was.sha256):
        raise CopyDiffers(
            f"{table.name} does not read back as it was: {was.rows:,} rows with hash {was.sha256} were copied, "
            f"{read.rows:,} rows with hash {read.hexdigest()} are there"
        )
