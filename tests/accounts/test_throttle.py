"""Failed logins: ten in five minutes for an account from an address, a hundred for an address."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from folkmoot.accounts.throttle import (
    PER_ACCOUNT,
    PER_ADDRESS,
    WINDOW_SECONDS,
    TooManyLogins,
    count_attempt,
    forgive,
    prune_attempts,
    subjects_of,
)
from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id

AT = now()


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@pytest.fixture
def address() -> str:
    """Nobody else's on the worker's database."""
    return new_id()


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """The database as a second process has it open."""
    database = connect(database_url, Hooks())
    await database.open()
    yield database
    await database.close()


async def attempts(db: Database, count: int, name: str, address: str, at: datetime = AT) -> int:
    """How many of so many are let through."""
    passed = 0
    for _ in range(count):
        try:
            await db.write(count_attempt, subjects_of(name, address), at)
        except TooManyLogins:
            break
        passed += 1
    return passed


async def test_ten_for_an_account(db: Database, address: str) -> None:
    assert await attempts(db, 20, "ada", address) == PER_ACCOUNT == 10
    with pytest.raises(TooManyLogins) as refused:
        await db.write(count_attempt, subjects_of("ada", address), later(60))
    assert refused.value.facts["retry_after_seconds"] == WINDOW_SECONDS - 60
    assert await attempts(db, 1, "bob", address) == 1, "another account"
    assert await attempts(db, 1, "ada", new_id()) == 1, "from elsewhere"


async def test_a_hundred_for_an_address(db: Database, address: str) -> None:
    passed = [await attempts(db, PER_ACCOUNT, f"user{n}", address) for n in range(12)]
    assert sum(passed) == PER_ADDRESS == 100
    assert passed[10:] == [0, 0]


async def test_the_window_ends_after_the_last_attempt(db: Database, address: str) -> None:
    await attempts(db, 9, "ada", address)
    assert await attempts(db, 5, "ada", address, later(WINDOW_SECONDS - 1)) == 1, "never eleven in five minutes"
    assert await attempts(db, 1, "ada", address, later(2 * WINDOW_SECONDS - 2)) == 0
    assert await attempts(db, 20, "ada", address, later(2 * WINDOW_SECONDS)) == PER_ACCOUNT


async def test_a_login_that_succeeds_does_not_count(db: Database, address: str) -> None:
    await attempts(db, 9, "ada", address)
    for n in range(PER_ADDRESS + 5):
        await db.write(count_attempt, subjects_of("ada", address), later(n))
        await db.write(forgive, subjects_of("ada", address))
    assert await attempts(db, 20, "ada", address, later(PER_ADDRESS + 5)) == PER_ACCOUNT


async def test_two_processes_count_together(db: Database, other: Database, address: str) -> None:
    subjects = subjects_of("ada", address)
    at_once = [count for _ in range(15) for count in (db, other)]
    ended = await asyncio.gather(*(each.write(count_attempt, subjects, AT) for each in at_once), return_exceptions=True)
    assert sum(result is None for result in ended) == PER_ACCOUNT
    assert {type(result) for result in ended} == {type(None), TooManyLogins}


async def test_what_is_over_is_pruned(db: Database, address: str) -> None:
    await attempts(db, PER_ACCOUNT, "ada", address)
    await db.write(prune_attempts, later(WINDOW_SECONDS - 1))
    assert await attempts(db, 1, "ada", address) == 0
    await db.write(prune_attempts, later(WINDOW_SECONDS))
    assert await attempts(db, 1, "ada", address) == 1


@pytest.mark.parametrize(
    ("one", "another", "are_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::", True),
        ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "192.0.2.1", False),
    ],
)
def test_addresses(one: str, another: str, are_one: bool) -> None:
    assert (subjects_of("ada", one) == subjects_of("ada", another)) is are_one
