"""What only a SQLite file can do to us: another process's lock, a full disk, a file that is no database."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from folkmoot.db import sqlite
from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import DatabaseBusy, DatabaseUnavailable
from folkmoot.db.sqlite import DiskFull
from folkmoot.db.tx import Tx
from tests.contract.notes import create, numbers, put


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folkmoot.db"


@pytest.fixture
def database_url(path: Path) -> str:
    """An empty file: these tests need no tables of ours."""
    return f"sqlite:///{path}"


@pytest.fixture
def stranger(db: Database, path: Path) -> Iterator[sqlite3.Connection]:
    """Another process's connection."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


async def test_a_write_waits_for_another_process_while_the_loop_goes_on(
    db: Database, stranger: sqlite3.Connection
) -> None:
    await db.write(create)
    stranger.execute("begin immediate")
    waiting = [asyncio.create_task(db.write(put, number)) for number in range(3)]
    for _ in range(100):
        await asyncio.sleep(0)
        assert await db.read(numbers) == []
    assert not any(task.done() for task in waiting)

    stranger.execute("commit")
    assert await asyncio.gather(*waiting) == [0, 1, 2]


async def test_patience_ends_for_the_whole_group_at_once(
    db: Database, stranger: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await db.write(create)
    monkeypatch.setattr(sqlite, "_LOCK_PATIENCE_SECONDS", 0.05)
    stranger.execute("begin immediate")
    started = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(db.write(put, number) for number in range(60)), return_exceptions=True)

    assert {type(answer) for answer in answers} == {DatabaseBusy}
    assert asyncio.get_running_loop().time() - started < 2
    stranger.execute("rollback")
    assert await db.write(put, 1) == 1


def only_pages(tx: Tx, number: int) -> None:
    """The disk has this many pages, no more."""
    tx.scalar(sa.text(f"pragma max_page_count = {number}"))


def pages(tx: Tx) -> int:
    return int(tx.scalar(sa.text("pragma page_count")))


async def test_a_full_disk_refuses_what_does_not_fit_until_there_is_room(db: Database) -> None:
    await db.write(create)
    await db.write(only_pages, await db.read(pages) + 2)
    large = "x" * 100_000
    answers = await asyncio.gather(
        db.write(put, 1), db.write(put, 2, text=large), db.write(put, 3), return_exceptions=True
    )

    assert (answers[0], answers[2]) == (1, 3)
    assert isinstance(answers[1], DiskFull)
    assert await db.read(numbers) == [1, 3]

    await db.write(only_pages, 10_000)
    assert await db.write(put, 2, text=large) == 2


async def test_long_reads_run_beside_each_other_and_beside_writes(db: Database) -> None:
    await db.write(create)
    answers = await asyncio.gather(
        *(db.read_long(numbers) for _ in range(30)), *(db.write(put, number) for number in range(30))
    )
    assert answers[30:] == list(range(30))
    assert all(isinstance(answer, list) for answer in answers[:30])


async def test_a_lane_that_is_cancelled_lets_its_commit_end(path: Path) -> None:
    """As `asyncio.run` does with every task when it ends."""
    db = connect(f"sqlite:///{path}")
    await db.open()
    await db.write(create)
    lane = next(task for task in asyncio.all_tasks() if task.get_name() == "database lane 0")

    def unit(tx: Tx) -> int:
        lane.cancel()  # arrives where the lane awaits next, which is its COMMIT
        return put(tx, 1)

    writing = asyncio.create_task(db.write(unit))
    await asyncio.wait({lane})
    writing.cancel()
    await db.close()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select id from contract_notes").fetchall() == [(1,)]


@pytest.fixture
def a_text_file(path: Path) -> Path:
    path.write_text("a text file, and not a short one either" * 100)
    return path


async def test_what_is_no_database_is_refused(a_text_file: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        await connect(f"sqlite:///{a_text_file}").open()


async def test_a_folder_that_cannot_be_made_is_refused(a_text_file: Path) -> None:
    database = connect(f"sqlite:///{a_text_file}/inside/folkmoot.db")
    with pytest.raises(DatabaseUnavailable):
        await database.open()
    await database.close()
