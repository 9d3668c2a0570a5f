"""Whether an unsafe tool was used, when its user died, only a person can say; an approval uses it again."""

import asyncio

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from folkmoot.runs.approval_schemas import Resolution
from folkmoot.runs.approvals import resolve
from folkmoot.runs.service import cancel_run
from folkmoot.runs.tables import Run
from tests.runs.scripted import Gate, Host
from tests.runs.seen import approvals, events_of, live_slots, the_approval, until

UNSAFE = "!charge"


async def _dies_while_charging(db: Database, scope: Scope, run: Run | None = None) -> Run:
    gate = Gate(UNSAFE)
    host = await Host(db, gate).start()
    run = run or await host.run(scope, [UNSAFE, "a"], ["b"])
    if found := await approvals(db, scope, "pending"):
        await db.write(resolve, host.engine, scope, found[0].id, Resolution(decision="approve"))
    await asyncio.wait_for(gate.reached[UNSAFE].wait(), 10)
    await host.die()
    return run


async def _decide(host: Host, scope: Scope, run: Run, given: Resolution) -> Run:
    asked = await the_approval(host.engine.database, scope)
    assert (asked.subject, asked.may_revise, asked.on_expiry) == ("tool", False, "reject")
    assert "already" in asked.question
    assert asked.detail == {"tool": "tool", "arguments": {}, "may_have_happened": True}
    await until(host.engine.database, scope, run, "awaiting_approval", "person")
    await host.engine.database.write(resolve, host.engine, scope, asked.id, given)
    return await host.finish(scope, run)


async def test_approved_it_is_used_again_with_the_same_key(db: Database, scope: Scope) -> None:
    run = await _dies_while_charging(db, scope)
    second = await Host(db).start()
    ended = await _decide(second, scope, run, Resolution(decision="approve"))
    assert ended.status == "completed"
    assert second.executor.performed.count(UNSAFE) == 1
    intended = [entry.data["idempotency_key"] for entry in await second.journal(run) if entry.kind == "intended"]
    assert intended == [f"{run.id}:{UNSAFE}"] * 2
    types = [event.type for event in await events_of(db, run)]
    assert (types.count("approval_required"), types.count("approved")) == (1, 1)
    assert await live_slots(db, scope) == 0
    await second.die()


@pytest.mark.parametrize("feedback", [None, "It was charged"])
async def test_rejected_its_agent_is_told(db: Database, scope: Scope, feedback: str | None) -> None:
    run = await _dies_while_charging(db, scope)
    second = await Host(db).start()
    ended = await _decide(second, scope, run, Resolution(decision="reject", feedback=feedback))
    assert (ended.status, ended.error_code) == ("failed", "may_have_happened")
    assert UNSAFE not in second.executor.performed
    (entry,) = [entry for entry in await second.journal(run) if entry.kind == "done" and entry.key == UNSAFE]
    fault = entry.data["fault"]
    assert isinstance(fault, dict)
    assert str(fault["sentence"]).endswith(feedback or "was not called again")
    await second.die()


async def test_a_second_crash_asks_a_second_time(db: Database, scope: Scope) -> None:
    run = await _dies_while_charging(db, scope)
    idle = await Host(db).start()
    await until(db, scope, run, "awaiting_approval")
    await idle.die()
    await _dies_while_charging(db, scope, run)
    third = await Host(db).start()
    assert (await _decide(third, scope, run, Resolution(decision="approve"))).status == "completed"
    assert [asked.status for asked in await approvals(db, scope)] == ["approved", "approved"]
    await third.die()


async def test_a_restart_asks_no_second_time_and_a_cancelled_run_takes_it_back(db: Database, scope: Scope) -> None:
    run = await _dies_while_charging(db, scope)
    for _ in range(2):
        host = await Host(db).start()
        await until(db, scope, run, "awaiting_approval")
        await host.die()
    assert len(await approvals(db, scope)) == 1
    last = await Host(db).start()
    assert (await cancel_run(last.engine, scope, run.id)).status == "cancelled"
    assert [asked.status for asked in await approvals(db, scope)] == ["withdrawn"]
    await last.die()
