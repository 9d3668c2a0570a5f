"""What a dead host leaves behind is taken over; a host that drains or is asked from afar lets go."""

import asyncio

import pytest

from folkmoot.db.database import Database
from folkmoot.engine.liveness import SoleProcess
from folkmoot.kernel.scope import Scope
from folkmoot.runs.sweep import work_forever
from tests.runs.scripted import Gate, Host


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Whoever works a database takes over all of its runs: no other test may have some there."""
    return own_database_url


async def test_work_forever_takes_over_the_runs_of_a_dead_host(db: Database, scope: Scope) -> None:
    gate = Gate("b")
    dead = await Host(db, gate).start()
    run = await dead.run(scope, ["a"], ["b"])
    await asyncio.wait_for(gate.reached["b"].wait(), 10)
    await dead.die()
    heir = Host(db)
    heir.supervisor.start(work_forever(heir.engine, SoleProcess(heir.engine.host_id), ["steps"]), "work")
    assert (await heir.finish(scope, run)).status == "completed"
    assert heir.executor.performed == ["b"]
    await heir.die()
