"""A table of the contract's own, with a key that is checked only at COMMIT, and units that write to it."""

from collections.abc import Callable

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.db.types import JsonText, Usd, UtcTime

NOTES = sa.Table(
    "contract_notes",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text),
    sa.Column("parent", sa.Integer, sa.ForeignKey("contract_notes.id", deferrable=True, initially="DEFERRED")),
    sa.Column("at", UtcTime),
    sa.Column("data", JsonText),
    sa.Column("cost", Usd),
)

NO_NOTE = -1


def create(tx: Tx) -> None:
    tx.write(sa.schema.CreateTable(NOTES))


def drop(tx: Tx) -> None:
    tx.write(sa.schema.DropTable(NOTES))


def put(tx: Tx, number: int, /, **values: object) -> int:
    tx.write(sa.insert(NOTES), {"id": number, **values})
    return number


def put_orphan(tx: Tx, number: int) -> int:
    """Refused by the COMMIT."""
    return put(tx, number, parent=NO_NOTE)


def put_then_raise(tx: Tx, number: int, error: Callable[[], Exception]) -> int:
    put(tx, number)
    raise error()


def numbers(tx: Tx) -> list[int]:
    return [row.id for row in tx.all(sa.Row, sa.select(NOTES.c.id).order_by(NOTES.c.id))]


def row(tx: Tx, number: int) -> "sa.Row[tuple[object, ...]]":
    found = tx.first(sa.Row, sa.select(NOTES).where(NOTES.c.id == number))
    assert found is not None
    return found
