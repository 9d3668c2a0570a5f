"""What only PostgreSQL can do to us: deadlocks, lost connections, a commit nobody knows the end of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
import sqlalchemy as sa

from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import DatabaseBusy, DatabaseUnavailable, OutcomeUnknown
from folkmoot.db.postgres import StatementTooSlow
from folkmoot.db.server import Manner
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import SYSTEM, Scope
from tests.contract.notes import NOTES, create, drop, numbers, put

pytestmark = pytest.mark.postgres

GATE = 4711
AT_THE_GATE = f"select count(*) from pg_locks where locktype = 'advisory' and objid = {GATE} and not granted"
FIRST, SECOND = Scope("a", "a", SYSTEM), Scope("b", "b", SYSTEM)  # in two lanes

SLEEPERS = "select count(*) from pg_stat_activity where query like '%sleep(61%' and pid <> pg_backend_pid()"
DIE = "select pg_terminate_backend(pg_backend_pid())"
DIE_AT_COMMIT = (
    "create or replace function contract_die() returns trigger language plpgsql as "
    "$$ begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(60); return null; end $$",
    "create constraint trigger contract_die after insert on contract_notes deferrable initially deferred "
    "for each row when (new.text = 'die at commit') execute function contract_die()",
)


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
async def notes(db: Database) -> AsyncIterator[Database]:
    await db.write(create)
    yield db
    await db.write(drop)


@pytest.fixture
async def stranger(postgres_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Another process's connection."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


def run(tx: Tx, statement: str) -> object:
    return tx.scalar(sa.text(statement))


def execute(tx: Tx, *statements: str) -> None:
    for statement in statements:
        tx.write(sa.text(statement))


def put_there(tx: Tx, _: Scope, number: int) -> int:
    return put(tx, number)


async def until(db: Database, statement: str, value: int) -> None:
    async with asyncio.timeout(10):
        while await db.read(run, statement) != value:
            pass


async def test_units_that_lock_in_opposite_order_are_repeated(
    notes: Database, stranger: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    attempts: list[int] = []

    def touch_both(tx: Tx, _: Scope, first: int, second: int) -> int:
        attempts.append(first)
        tx.write(sa.update(NOTES).where(NOTES.c.id == first).values(text=str(first)))
        run(tx, f"select pg_advisory_xact_lock_shared({GATE})")
        run(tx, "select set_config('deadlock_timeout', '20ms', true)")
        tx.write(sa.update(NOTES).where(NOTES.c.id == second).values(text=str(first)))
        return first

    await asyncio.gather(notes.write(put, 1), notes.write(put, 2))
    await stranger.execute(f"select pg_advisory_lock({GATE})")
    both = asyncio.gather(notes.write(touch_both, FIRST, 1, 2), notes.write(touch_both, SECOND, 2, 1))
    await until(notes, AT_THE_GATE, 2)
    await stranger.execute(f"select pg_advisory_unlock({GATE})")

    assert list(await both) == [1, 2]
    assert sorted(attempts) in ([1, 1, 2], [1, 2, 2])


async def test_a_pool_of_dead_connections_goes_unnoticed(
    notes: Database, stranger: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """As after a restart of the server."""
    workspaces = [Scope(letter, letter, SYSTEM) for letter in "abcdef"]

    async def work(round_: int) -> None:
        units = [notes.write(put_there, scope, n) for n, scope in enumerate(workspaces, round_ * 10)]
        await asyncio.gather(*units, *(notes.read(numbers) for _ in range(5)))

    await work(0)
    ended = await stranger.fetchval(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity "
        "where datname = current_database() and application_name = 'folkmoot'"
    )
    assert ended >= 2
    await work(1)
    assert len(await notes.read(numbers)) == 12


@pytest.mark.parametrize("door", ["write", "read"])
async def test_a_unit_that_loses_its_connection_is_told_so(notes: Database, door: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        await (notes.write if door == "write" else notes.read)(run, DIE)
    assert await notes.write(put, 1) == 1
    assert await notes.read(numbers) == [1]


async def test_a_commit_of_unknown_end_is_not_repeated(notes: Database) -> None:
    attempts: list[int] = []

    def unit(tx: Tx, number: int, text: str) -> int:
        attempts.append(number)
        return put(tx, number, text=text)

    await notes.write(execute, *DIE_AT_COMMIT)
    answers = await asyncio.gather(
        notes.write(unit, 1, ""), notes.write(unit, 2, "die at commit"), return_exceptions=True
    )

    assert {type(answer) for answer in answers} == {OutcomeUnknown}
    assert attempts == [1, 2]
    assert await notes.write(unit, 3, "") == 3


async def test_a_lock_that_is_never_released(notes: Database, stranger: "asyncpg.Connection[asyncpg.Record]") -> None:
    def unit(tx: Tx) -> None:
        run(tx, "select set_config('lock_timeout', '20ms', true)")
        run(tx, f"select pg_advisory_xact_lock({GATE})")

    await stranger.execute(f"select pg_advisory_lock({GATE})")
    with pytest.raises(DatabaseBusy):
        await notes.write(unit)
    assert await notes.write(put, 1) == 1


async def test_a_statement_that_takes_too_long(postgres_url: str) -> None:
    """Whoever waits in the same lane is not held responsible."""
    database = connect(postgres_url, pool_size=2, manner=Manner(statement_seconds=1))
    await database.open()
    slow = (database.write(run, "select pg_sleep(30)"), database.read(run, "select pg_sleep(30)"))
    answers = await asyncio.gather(*slow, database.write(run, "select 1"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StatementTooSlow, StatementTooSlow, int]
    await database.close()


async def test_two_connections_are_enough(postgres_url: str, stranger: "asyncpg.Connection[asyncpg.Record]") -> None:
    database = connect(postgres_url, pool_size=2, manner=Manner("folkmoot:two"))
    await database.open()
    workspaces = [Scope(letter, letter, SYSTEM) for letter in "abcdef"]

    def count(tx: Tx, _: Scope) -> object:
        return run(tx, "select count(*) from pg_stat_activity where application_name = 'folkmoot:two'")

    async with asyncio.timeout(20):
        doors = (database.read, database.write, database.read_long)
        answers = await asyncio.gather(*(door(count, scope) for door in doors for scope in workspaces * 10))
    assert set(answers) <= {1, 2}
    await database.close()


async def test_a_unit_that_swallows_an_error_is_not_taken_for_committed(notes: Database) -> None:
    def careless(tx: Tx) -> None:
        put(tx, 1)
        with suppress(sa.exc.DBAPIError):
            run(tx, "select 1 / 0")

    with pytest.raises(sa.exc.InvalidRequestError):
        await notes.write(careless)
    assert await notes.read(numbers) == []


async def test_a_read_that_is_cancelled_ends_on_the_server_too(notes: Database) -> None:
    reading = asyncio.create_task(notes.read(run, "select pg_sleep(61)"))
    await until(notes, SLEEPERS, 1)
    reading.cancel()
    await asyncio.wait({reading})

    assert reading.cancelled()
    await until(notes, SLEEPERS, 0)
    await asyncio.gather(*(notes.read(numbers) for _ in range(20)))


async def test_a_read_is_one_snapshot(db: Database) -> None:
    assert await db.read(run, "show transaction_isolation") == "repeatable read"
    assert await db.read(run, "show transaction_read_only") == "on"
    assert await db.write(run, "show transaction_isolation") == "read committed"
    assert await db.write(run, "show transaction_read_only") == "off"


@pytest.mark.parametrize("far", [sa.URL.create("", port=1), sa.URL.create("", database="no_such_one")])
async def test_a_server_out_of_reach(postgres_url: str, far: sa.URL) -> None:
    url = sa.make_url(postgres_url).set(port=far.port, database=far.database)
    database = connect(url.render_as_string(hide_password=False))
    with pytest.raises(DatabaseUnavailable):
        await database.open()
    await database.close()


async def test_whenever_a_read_is_cancelled_the_next_write_is_a_write(notes: Database) -> None:
    """A link must not come back with the read's transaction still open on it."""
    for turn in range(200):
        reading = asyncio.get_running_loop().create_task(notes.read(lambda tx: tx.scalar(sa.text("select 1"))))
        for _ in range(turn % 40):
            await asyncio.sleep(0)
        reading.cancel()
        assert await notes.write(lambda tx: tx.write(sa.text("delete from hosts where id = 'nobody'"))) == 0
        await asyncio.gather(reading, return_exceptions=True)
