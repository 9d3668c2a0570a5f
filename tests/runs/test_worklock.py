"""Exactly one process works a database, and a dead one's runs are taken over."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from folkmoot.db.database import Database
from folkmoot.engine.holder import Holder, HolderInfo, read_holder
from folkmoot.engine.worklock import PostgresWorkLock, SoleProcess
from folkmoot.kernel.scope import Scope
from folkmoot.runs.sweep import work_forever
from tests.runs.scripted import Gate, Host


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Whoever works a database takes over all of its runs: no other test may have some there."""
    return own_database_url


def test_the_lock_on_a_directory_has_one_holder_and_dies_with_it(tmp_path: Path) -> None:
    assert read_holder(tmp_path) is None
    holder = Holder.try_acquire(tmp_path, "http://127.0.0.1:1")
    assert holder is not None
    assert Holder.try_acquire(tmp_path, None) is None
    assert read_holder(tmp_path) == HolderInfo(os.getpid(), "http://127.0.0.1:1")
    holder.release()
    assert read_holder(tmp_path) is None
    script = "import sys; from pathlib import Path; from folkmoot.engine.holder import Holder\n"
    script += "h = Holder.try_acquire(Path(sys.argv[1]), None); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert read_holder(tmp_path) == HolderInfo(process.pid, None)
        process.kill()
        process.wait()
    assert read_holder(tmp_path) is None


async def test_work_forever_takes_over_the_runs_of_a_dead_host(db: Database, scope: Scope) -> None:
    gate = Gate("b")
    dead = await Host(db, gate).start()
    run = await dead.run(scope, ["a"], ["b"])
    await asyncio.wait_for(gate.reached["b"].wait(), 10)
    await dead.die()
    heir = Host(db)
    heir.supervisor.start(work_forever(heir.engine, SoleProcess(heir.engine.host_id)), "work")
    assert (await heir.finish(scope, run)).status == "completed"
    assert heir.executor.performed == ["b"]
    await heir.die()


@pytest.mark.postgres
async def test_on_postgres_one_works_and_a_host_that_is_gone_is_known(postgres_url: str) -> None:
    first, second = PostgresWorkLock(postgres_url, "first"), PostgresWorkLock(postgres_url, "second")
    assert await first.acquire()
    assert await first.acquire()
    assert not await second.acquire()
    assert await second.gone({"first", "second", "third"}) == {"third"}
    await first.close()
    assert await second.gone({"first"}) == {"first"}
    assert await second.acquire()
    await second.close()
