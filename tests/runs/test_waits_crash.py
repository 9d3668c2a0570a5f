"""A run that asks a person and starts a child, killed after any unit: it goes on, and nothing happens twice."""

import asyncio
import contextlib

import pytest

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.approval_schemas import Resolution
from folkmoot.runs.approvals import ApprovalIsDecided, resolve
from folkmoot.runs.queries import children_of, owners_of_running
from folkmoot.runs.rules import FINAL
from folkmoot.runs.sweep import recover, sweep
from folkmoot.runs.tables import Run
from tests.runs.scripted import Host, canonical
from tests.runs.seen import approvals, events_of, live_slots, reload

GIVEN: JsonObject = {"children": {"+child": {"groups": [["x"], ["@sure"], ["?y"]]}}}
UNITS = 18
"""So many are written by the unbroken run and by who decides in it, the start left out; past its last one nothing is
broken."""

EACH_UNIT = [at if at % 8 == 3 else pytest.param(at, marks=pytest.mark.system) for at in range(1, UNITS)]


async def _start(host: Host, scope: Scope) -> Run:
    return await host.run(scope, ["a"], ["b", "@plan", "+child"], ["c"], given=GIVEN)


async def _to_the_end(db: Database, scope: Scope, host: Host, run: Run) -> Run:
    """With a person who approves of all that is asked, and with what a leader does: recover, sweep.

    What a dead host had on its way to the database may still arrive after the next one has begun, also its decisions.
    """
    async with asyncio.timeout(20):
        while (found := await reload(db, scope, run)).status not in FINAL:
            for asked in await approvals(db, scope, "pending"):
                given = Resolution(decision="approve", feedback="yes")
                with contextlib.suppress(ApprovalIsDecided):
                    await db.write(resolve, host.engine, scope, asked.id, given)
            await recover(host.engine, await db.read(owners_of_running) - {host.engine.host_id})
            await sweep(host.engine)
            await asyncio.sleep(0)
    return found


async def _journals(db: Database, host: Host, run: Run) -> list[list[tuple[str, str, object]]]:
    (child,) = await db.read(children_of, run.id)
    return [canonical(await host.journal(one)) for one in (run, child)]


@pytest.fixture
async def expected(db: Database, scope: Scope) -> list[list[tuple[str, str, object]]]:
    host = await Host(db).start()
    run = await _to_the_end(db, scope, host, await _start(host, scope))
    assert run.status == "completed"
    await host.die()
    return await _journals(db, host, run)


@pytest.mark.parametrize("at", EACH_UNIT)
async def test_a_crash_after_any_unit_changes_nothing(
    db: Database, scope: Scope, expected: list[list[tuple[str, str, object]]], at: int
) -> None:
    first = await Host(db).start()
    units = 0

    def die_at(_: Tx) -> None:
        nonlocal units
        units += 1
        if units == at:
            first.supervisor.cancel()

    run = await _start(first, scope)
    hooks = db.hooks.before_commit
    db.hooks.before_commit = (*hooks, die_at)
    going = asyncio.ensure_future(_to_the_end(db, scope, first, run))
    with contextlib.suppress(asyncio.TimeoutError):
        async with asyncio.timeout(0.2):
            while units < at and not going.done():  # noqa: ASYNC110 what is watched has no event to wait for
                await asyncio.sleep(0)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    db.hooks.before_commit = hooks
    await first.die()
    second = await Host(db).start()
    ended = await _to_the_end(db, scope, second, run)
    assert ended.status == "completed"
    assert await _journals(db, second, run) == expected
    performed = [*first.executor.performed, *second.executor.performed]
    assert len(performed) <= len(set(performed)) + 2, "only what was in flight is asked again"
    assert {asked.status for asked in await approvals(db, scope)} == {"approved"}
    assert len(await approvals(db, scope)) == 2 * 2, "asked once each, in both runs of this workspace"
    for one in (run, *await db.read(children_of, run.id)):
        types = [event.type for event in await events_of(db, one)]
        assert types.count("approval_required") == types.count("approved") == 1
    assert await live_slots(db, scope) == 0
    await second.die()
