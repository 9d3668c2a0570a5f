"""Who lives, who leads, who is gone: by heartbeats and locks on PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest

from folkmoot.db.database import Database
from folkmoot.engine.hosts import HostInfo, beat, drain_host, end_host
from folkmoot.engine.liveness import LivenessUnknown, PostgresLiveness, SoleProcess, Standing, is_lived

pytestmark = pytest.mark.postgres


@pytest.fixture
def database_url(own_postgres_url: str) -> str:
    """Hosts are all of a database's."""
    return own_postgres_url


@pytest.fixture
async def server(own_postgres_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """As time passes: `ages` and `cut` on the server."""
    connection = await asyncpg.connect(own_postgres_url)
    yield connection
    await connection.close()


Server = asyncpg.Connection


async def ages(server: "Server[asyncpg.Record]", host: str, seconds: float) -> None:
    """The host has not been seen for so long."""
    await server.execute("update hosts set seen_at = now() - make_interval(secs => $2) where id = $1", host, seconds)


async def known(db: Database, url: str, host: str, kind: str = "server") -> PostgresLiveness:
    liveness = PostgresLiveness(url, host)
    assert await liveness.beat() is None
    await db.write(beat, HostInfo(host, kind=kind))
    assert await liveness.beat() == Standing()
    return liveness


async def test_a_host_is_gone_once_it_is_silent_and_sooner_without_its_lock(
    db: Database, own_postgres_url: str, server: "Server[asyncpg.Record]"
) -> None:
    first, second = [await known(db, own_postgres_url, host) for host in ("first", "second")]
    assert await second.gone(["first", "second"]) == set()
    await ages(server, "first", 6)
    assert await second.gone(["first"]) == set(), "frozen, perhaps"
    await ages(server, "first", 9)
    assert await second.gone(["first"]) == {"first"}
    await first.close()
    await ages(server, "first", 3)
    assert await second.gone(["first"]) == set(), "it may be connecting again"
    assert await second.gone(["first"], is_patient=False) == {"first"}
    await ages(server, "first", 5)
    assert await second.gone(["first", "never known"]) == {"first", "never known"}
    await second.close()


async def test_who_has_lost_its_lock_comes_back_with_the_next_beat(
    db: Database, own_postgres_url: str, server: "Server[asyncpg.Record]"
) -> None:
    first, second = [await known(db, own_postgres_url, host) for host in ("first", "second")]
    locks = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
    await server.execute(f"{locks} and database = (select oid from pg_database where datname = current_database())")
    for liveness in (first, second):
        with suppress(LivenessUnknown):  # unless the connection has noticed by itself
            await liveness.beat()
        assert await liveness.beat() == Standing()
    await ages(server, "first", 60)
    assert await second.gone(["first"]) == set(), "whoever was cut off itself gives the others time"
    assert await second.gone(["first"], is_patient=False) == set()
    for liveness in (first, second):
        await liveness.close()


async def test_the_oldest_host_that_works_leads(
    db: Database, own_postgres_url: str, server: "Server[asyncpg.Record]"
) -> None:
    guest = await known(db, own_postgres_url, "0", kind="guest")
    first, second = [await known(db, own_postgres_url, host) for host in ("1", "2")]
    assert [await liveness.leads() for liveness in (guest, first, second)] == [False, True, False]
    await ages(server, "1", 5)
    assert await second.leads()
    await first.beat()
    assert [await first.leads(), await second.leads()] == [True, False]
    for liveness in (guest, first, second):
        await liveness.close()


async def test_draining_is_heard_with_the_next_beat(db: Database, own_postgres_url: str) -> None:
    first = await known(db, own_postgres_url, "first")
    await db.write(drain_host, "first", is_draining=True)
    assert await first.beat() == Standing(is_draining=True)
    await db.write(beat, HostInfo("first"))
    assert await first.beat() == Standing(is_draining=True), "a heartbeat forgets nothing"
    await db.write(end_host, "first")
    assert await first.beat() is None
    await first.close()


async def test_whether_anybody_lives_there(db: Database, own_postgres_url: str) -> None:
    assert not await is_lived(own_postgres_url)
    first = await known(db, own_postgres_url, "first")
    assert await is_lived(own_postgres_url)
    await first.close()


async def test_a_process_alone_is_the_only_one() -> None:
    alone = SoleProcess("me")
    assert (await alone.beat(), await alone.leads()) == (Standing(), True)
    assert await alone.gone(["me", "other"]) == {"other"}
