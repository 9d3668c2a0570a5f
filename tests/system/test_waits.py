"""Runs that wait for people and other runs, in processes that are killed: nothing is lost, decided or done twice."""

import asyncio
from pathlib import Path

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.approval_schemas import ApprovalView, Resolution
from folkmoot.runs.approvals import ApprovalIsDecided, resolve
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.queries import children_of
from folkmoot.runs.service import NewRun, cancel_run, start_run
from folkmoot.runs.tables import Run
from tests.runs.seen import approvals, events_of, live_slots, reload
from tests.system.jobs import rows
from tests.system.steps import noted, starter, workers

pytestmark = pytest.mark.postgres

RUNS = 10
STEP_SECONDS = 0.2
GIVEN: JsonObject = {
    "groups": [["a"], ["@plan", "+child"], ["b"]],
    "children": {"+child": {"groups": [["x"], ["@sure"], ["y"]]}},
}


async def _start(engine: RunEngine, scope: Scope) -> Run:
    return await engine.database.write(start_run, engine, scope, NewRun(kind="steps", title="steps", input=GIVEN))


async def _pending(db: Database, scope: Scope, number: int) -> list[ApprovalView]:
    async with asyncio.timeout(45):
        while len(found := await approvals(db, scope, "pending")) < number:  # noqa: ASYNC110 others ask
            await asyncio.sleep(0.05)
    return found


async def _race(engine: RunEngine, scope: Scope, asked: ApprovalView) -> int:
    """Four people decide at once; how many did."""

    async def decide() -> bool:
        try:
            await engine.database.write(resolve, engine, scope, asked.id, Resolution(decision="approve"))
        except ApprovalIsDecided:
            return False
        return True

    return sum(await asyncio.gather(*(decide() for _ in range(4))))


async def _until_ended(db: Database, scope: Scope, runs: list[Run], status: str) -> None:
    async with asyncio.timeout(45):
        while {(await reload(db, scope, run)).status for run in runs} != {status}:  # noqa: ASYNC110 others end them
            await asyncio.sleep(0.1)


async def test_waits_outlive_the_workers_that_began_them(own_postgres_url: str, tmp_path: Path) -> None:
    async with starter(own_postgres_url, 1, cap=3) as (engine, (scope,)):
        db = engine.database
        async with workers(own_postgres_url, 2, STEP_SECONDS, tmp_path) as first:
            runs = [await _start(engine, scope) for _ in range(RUNS)]
            asked = await _pending(db, scope, 4)
            for worker in first:
                worker.kill()
            for worker in first:
                await worker.wait()
            assert [await _race(engine, scope, one) for one in asked] == [1] * len(asked)
        (tmp_path / "second").mkdir()
        async with workers(own_postgres_url, 2, STEP_SECONDS, tmp_path / "second"):
            deciding = asyncio.ensure_future(_decide_all(engine, scope))
            await _until_ended(db, scope, runs, "completed")
            deciding.cancel()
        for run in runs:
            (child,) = await db.read(children_of, run.id)
            assert child.status == "completed"
            for one in (run, child):
                types = [event.type for event in await events_of(db, one)]
                assert types.count("approval_required") == types.count("approved") == 1
        assert await live_slots(db, scope) == 0
    steps = [(step.run_id, step.key) for step in (*noted(tmp_path), *noted(tmp_path / "second"))]
    done = await rows(
        own_postgres_url, "select count(*) from run_journal where kind = 'done' and key in ('a','b','x','y')"
    )
    assert done[0][0] == len(set(steps)) == 4 * RUNS
    assert len(steps) <= 4 * RUNS + 2 * RUNS, "only what was in flight in the killed ones is done again"


async def _decide_all(engine: RunEngine, scope: Scope) -> None:
    while True:
        for asked in await approvals(engine.database, scope, "pending"):
            await _race(engine, scope, asked)
        await asyncio.sleep(0.05)


async def test_a_cancelled_parent_takes_children_in_other_processes_with_it(
    own_postgres_url: str, tmp_path: Path
) -> None:
    given: JsonObject = {"groups": [["+child"]], "children": {"+child": {"groups": [["x"]]}}}
    async with starter(own_postgres_url, 1, cap=3) as (engine, (scope,)), workers(own_postgres_url, 2, 60, tmp_path):
        db = engine.database
        run = await db.write(start_run, engine, scope, NewRun(kind="steps", title="steps", input=given))
        async with asyncio.timeout(30):
            while not noted(tmp_path):  # noqa: ASYNC110 another process notes it
                await asyncio.sleep(0.05)
        (child,) = await db.read(children_of, run.id)
        await cancel_run(engine, scope, run.id)
        await _until_ended(db, scope, [run, child], "cancelled")
        for one in (run, child):
            await events_of(db, one)
        assert await live_slots(db, scope) == 0
