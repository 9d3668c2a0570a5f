"""What a unit of work may rely on, on every database."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import ClassVar

import pytest
import sqlalchemy as sa

from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import DatabaseClosed, DatabaseUnavailable, Hooks
from folkmoot.db.tx import Tx
from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import Json
from tests.contract.notes import NOTES, numbers, put, put_orphan, put_then_raise, row

REFUSED = (sa.exc.IntegrityError, sqlite3.IntegrityError)


@dataclass(frozen=True, kw_only=True)
class Noted(Fact):
    type: ClassVar[str] = "noted"


class Published:
    """What was said after each commit."""

    def __init__(self) -> None:
        self.calls: list[set[str]] = []

    def __call__(self, workspaces: set[str]) -> None:
        self.calls.append(workspaces)


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def hooks(published: Published) -> Hooks:
    return Hooks(published=published)


async def outcomes(db: Database, *units: Callable[[Tx], object]) -> list[object]:
    """What becomes of units that wait together, and so are run in one transaction."""
    return await asyncio.gather(*(db.write(unit) for unit in units), return_exceptions=True)


async def test_units_that_wait_together_are_committed_together(notes: Database, published: Published) -> None:
    def unit(tx: Tx, number: int) -> int:
        tx.emit("w", Noted())
        return put(tx, number)

    answers = await asyncio.gather(*(notes.write(unit, number) for number in range(200)))

    assert answers == list(range(200))
    assert await notes.read(numbers) == list(range(200))
    assert published.calls == [{"w"}] * 4  # 64 at a time


@pytest.mark.parametrize("error", [Conflict, ValueError, StopIteration, TimeoutError])
async def test_a_unit_that_raises_before_it_writes_fails_alone(notes: Database, error: type[Exception]) -> None:
    def culprit(tx: Tx) -> None:
        raise error

    first, failed, last = await outcomes(notes, lambda tx: put(tx, 1), culprit, lambda tx: put(tx, 2))

    assert (first, last) == (1, 2)
    assert isinstance(failed, RuntimeError if error is StopIteration else error)
    assert await notes.read(numbers) == [1, 2]


@pytest.mark.parametrize("error", [Conflict, StopIteration, TimeoutError])
async def test_a_unit_that_raises_after_it_wrote_fails_alone(notes: Database, error: type[Exception]) -> None:
    first, failed, last = await outcomes(
        notes,
        lambda tx: put(tx, 1),
        lambda tx: put_then_raise(tx, 2, error),
        lambda tx: put(tx, 3),
    )

    assert (first, last) == (1, 3)
    assert isinstance(failed, RuntimeError if error is StopIteration else error)
    assert await notes.read(numbers) == [1, 3]


async def test_a_statement_that_the_database_refuses_fails_its_unit_alone(notes: Database) -> None:
    answers = await outcomes(notes, *(lambda tx, n=n: put(tx, n) for n in (1, 2, 1, 3)))

    assert answers[:2] == [1, 2]
    assert isinstance(answers[2], sa.exc.IntegrityError)
    assert answers[3] == 3
    assert await notes.read(numbers) == [1, 2, 3]


async def test_a_unit_that_the_commit_refuses_fails_alone(notes: Database) -> None:
    first, failed, last = await outcomes(
        notes, lambda tx: put(tx, 1), lambda tx: put_orphan(tx, 2), lambda tx: put(tx, 3)
    )

    assert (first, last) == (1, 3)
    assert isinstance(failed, REFUSED)
    assert await notes.read(numbers) == [1, 3]


async def test_a_refused_commit_leaves_the_lane_in_order(notes: Database) -> None:
    for number in range(3):
        with pytest.raises(REFUSED):
            await notes.write(put_orphan, number)
    assert await notes.write(put, 7) == 7
    assert await notes.read(numbers) == [7]


async def test_effects_come_once_and_only_after_the_commit(notes: Database) -> None:
    seen: list[str] = []

    def unit(tx: Tx, number: int) -> None:
        put(tx, number)
        tx.after(lambda: seen.append(f"effect {number}"))
        seen.append(f"unit {number}")

    def culprit(tx: Tx) -> None:
        unit(tx, 2)
        raise ValueError

    await outcomes(notes, lambda tx: unit(tx, 1), culprit, lambda tx: unit(tx, 3))

    assert seen == ["unit 1", "unit 2", "unit 1", "effect 1", "unit 2", "unit 3", "effect 3"]


async def test_an_effect_that_raises_undoes_nothing(notes: Database, published: Published) -> None:
    attempts = 0

    def broken() -> None:
        raise ValueError("an effect")

    def unit(tx: Tx) -> int:
        nonlocal attempts
        attempts += 1
        tx.emit("w", Noted())
        tx.after(broken)
        return put(tx, 1)

    assert await notes.write(unit) == 1
    assert (attempts, published.calls) == (1, [{"w"}])
    assert await notes.write(put, 2) == 2


async def test_a_caller_that_leaves_while_waiting_takes_its_unit_along(notes: Database) -> None:
    waiting = asyncio.create_task(notes.write(put, 1))
    await asyncio.sleep(0)  # it is in the lane, which has not looked yet
    waiting.cancel()
    await notes.write(put, 2)

    assert waiting.cancelled()
    assert await notes.read(numbers) == [2]


async def test_a_caller_that_leaves_during_the_transaction_disturbs_nobody(notes: Database) -> None:
    def unit(tx: Tx) -> None:
        put(tx, 1)
        leaving.cancel()

    leaving = asyncio.create_task(notes.write(unit))
    staying = asyncio.create_task(notes.write(put, 2))
    await asyncio.wait({leaving, staying})
    await notes.write(put, 3)

    assert leaving.cancelled()
    assert await notes.read(numbers) == [1, 2, 3]


async def test_a_read_sees_every_commit_and_both_kinds_agree(notes: Database) -> None:
    for number in range(5):
        await notes.write(put, number)
        assert await notes.read(numbers) == await notes.read_long(numbers) == list(range(number + 1))


@pytest.mark.parametrize("door", ["read", "read_long"])
async def test_a_read_cannot_write_and_survives_its_failures(notes: Database, door: str) -> None:
    read = notes.read if door == "read" else notes.read_long
    with pytest.raises((sa.exc.DBAPIError, DatabaseUnavailable)):
        await read(put, 1)
    with pytest.raises(Conflict):
        await read(refuse)
    assert await read(numbers) == []


def refuse(tx: Tx) -> None:
    numbers(tx)
    raise Conflict


async def test_a_long_read_does_not_hold_up_the_loop(db: Database) -> None:
    count = sa.text(
        "with recursive n(x) as (select 1 union all select x + 1 from n where x < 500000) select count(*) from n"
    )
    reading = asyncio.create_task(db.read_long(lambda tx: tx.scalar(count)))
    turns = 0
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)

    assert reading.result() == 500_000
    assert turns > 100


async def test_closing_commits_what_waits_and_takes_no_more(notes: Database, database_url: str) -> None:
    other = connect(database_url)
    await other.open()
    waiting = [asyncio.create_task(other.write(put, number)) for number in range(150)]
    await asyncio.sleep(0)
    await other.close()

    assert [task.result() for task in waiting] == list(range(150))
    assert await notes.read(numbers) == list(range(150))
    with pytest.raises(DatabaseClosed):
        await other.write(put, 200)


async def test_two_processes_may_write_the_same_rows(notes: Database, database_url: str) -> None:
    def add(tx: Tx) -> None:
        tx.write(sa.update(NOTES).where(NOTES.c.id == 1).values(parent=NOTES.c.parent + 0, text="x"))
        tx.write(sa.insert(NOTES), {"id": 10 + len(numbers(tx))})

    await notes.write(put, 1)
    other = connect(database_url)
    await other.open()
    await asyncio.gather(*(database.write(add) for _ in range(50) for database in (notes, other)))
    await other.close()

    assert len(await notes.read(numbers)) == 101


async def test_no_rows_are_no_statement(notes: Database) -> None:
    assert await notes.write(lambda tx: tx.write(sa.insert(NOTES), [])) == 0
    assert await notes.read(numbers) == []


async def test_the_number_of_touched_rows(notes: Database) -> None:
    await notes.write(lambda tx: tx.write(sa.insert(NOTES), [{"id": 1}, {"id": 2}]))
    assert await notes.write(lambda tx: tx.write(sa.update(NOTES).values(text="x"))) == 2
    assert await notes.write(lambda tx: tx.write(sa.delete(NOTES).where(NOTES.c.id == 9))) == 0


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 2, 28, 23, 59, 59, 999999, timezone.utc),  # noqa: UP017
        datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))),
    ],
)
async def test_times_come_back_in_utc(notes: Database, at: datetime) -> None:
    await notes.write(put, 1, at=at)
    stored = (await notes.read(row, 1)).at
    assert stored == at
    assert stored.utcoffset() == timedelta(0)
    assert (await notes.read(lambda tx: tx.scalar(sa.select(NOTES.c.id).where(NOTES.c.at == at)))) == 1


async def test_a_naive_time_is_refused(notes: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="without its zone"):
        await notes.write(put, 1, at=datetime(2026, 1, 1))  # noqa: DTZ001 that is the point


@pytest.mark.parametrize(
    "value", [{"z": 1, "a": [1.5, True, None, "é\x00\U0001f600"]}, [], {}, "", 0, False, 2**63, "null"]
)
async def test_json_comes_back_as_it_was(notes: Database, value: Json) -> None:
    await notes.write(put, 1, data=value)
    stored = (await notes.read(row, 1)).data
    assert stored == value
    assert not isinstance(value, dict) or list(stored) == list(value)


async def test_json_null_is_null(notes: Database) -> None:
    await notes.write(put, 1, data=None)
    assert await notes.read(lambda tx: tx.scalar(sa.select(NOTES.c.id).where(NOTES.c.data.is_(None)))) == 1


@pytest.mark.parametrize("cost", ["0", "0.000000000001", "1.10", "9223372.036854775807", "-3"])
async def test_money_is_exact(notes: Database, cost: str) -> None:
    await notes.write(put, 1, cost=Decimal(cost))
    assert (await notes.read(row, 1)).cost == Decimal(cost)


async def test_money_is_exact_in_sums(notes: Database) -> None:
    await notes.write(lambda tx: [put(tx, number, cost=Decimal("0.1")) for number in range(30)])
    assert await notes.read(lambda tx: tx.scalar(sa.select(sa.func.sum(NOTES.c.cost)))) == Decimal(3)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
async def test_text_that_no_database_holds_hurts_only_its_unit(notes: Database, text: str) -> None:
    """SQLite keeps a NUL, PostgreSQL refuses it; either way the others of the group are stored."""
    first, odd, last = await outcomes(
        notes, lambda tx: put(tx, 1), lambda tx: put(tx, 2, text=text), lambda tx: put(tx, 3)
    )
    assert (first, last) == (1, 3)
    assert odd == 2 or isinstance(odd, sa.exc.DBAPIError | UnicodeError)
    assert await notes.read(numbers) == ([1, 2, 3] if odd == 2 else [1, 3])


async def test_a_search_for_odd_text_leaves_reading_in_order(notes: Database) -> None:
    def find(tx: Tx, text: str) -> int | None:
        found: int | None = tx.scalar(sa.select(NOTES.c.id).where(NOTES.c.text == text))
        return found

    for text in ("\ud800", "a\x00b"):
        with suppress(sa.exc.DBAPIError, UnicodeError):
            assert await notes.read(find, text) is None
        assert await notes.read(numbers) == []
