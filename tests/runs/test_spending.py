"""Budgets over runs: never overrun, whoever works at the same time and whatever dies in between."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.journal import Fault
from folkmoot.runs.queries import get_run
from folkmoot.runs.refills import refill
from folkmoot.runs.service import cancel_run, pause_run, resume_run
from folkmoot.usage import reserving
from folkmoot.usage.budgets import change_budget, delete_budget
from folkmoot.usage.rules import BudgetScope, OnExceeded, Period
from folkmoot.usage.schemas import BudgetChange, RunBudget
from folkmoot.usage.tables import BudgetReservation, UsageRecord
from tests.runs.paid import PRICE, PaidHost, at_rest, budgets, ceiling, limit, usage
from tests.runs.scripted import canonical

NIL = Decimal(0)
FOUR = [["a"], ["b"], ["c"], ["d"]]


def records(tx: Tx, run_id: str) -> list[UsageRecord]:
    return tx.all(UsageRecord, sa.select(*UsageRecord.__table__.columns).where(UsageRecord.run_id == run_id))


def set_aside(tx: Tx, scope: Scope) -> int:
    mine = BudgetReservation.workspace_id == scope.workspace_id
    count: int = tx.scalar(sa.select(sa.func.count()).select_from(BudgetReservation).where(mine))
    return count


def types(tx: Tx, run_id: str) -> list[str]:
    return [row.type for row in tx.all(Event, sa.select(Event.type).where(Event.run_id == run_id).order_by(Event.seq))]


async def test_what_a_run_takes_is_counted_of_every_budget_over_it(db: Database, scope: Scope) -> None:
    await db.write(limit, scope, "1")
    await db.write(limit, scope, "2", kind=BudgetScope.PROJECT, scope_id=scope.project_id, period=Period.DAY)
    await db.write(limit, scope, "2", kind=BudgetScope.PROJECT, scope_id="another")
    host = await PaidHost(db).start()
    run = await host.run(scope, ["a"], ["b", "c"], budget=RunBudget(usd=Decimal("0.5"), tokens=1000))
    assert (await host.finish(scope, run)).status == "completed"
    of_run, other, of_project, of_workspace = await budgets(db, scope)
    for budget in (of_run, of_project, of_workspace):
        assert (budget.used_usd, budget.used_tokens) == (3 * PRICE, 60)
        assert (budget.reserved_usd, budget.reserved_tokens) == (NIL, 0)
    assert (of_run.scope_id, of_run.tokens, other.used_usd) == (run.id, 1000, NIL)
    assert await db.read(set_aside, scope) == 0
    await host.engine.stop(1)


async def test_without_budgets_nothing_is_paid_for(db: Database, scope: Scope) -> None:
    host = await PaidHost(db).start()
    run = await host.finish(scope, await host.run(scope, ["a"]))
    assert (run.status, run.cost) == ("completed", PRICE)
    assert not host.engine.budgets.has(scope.workspace_id)
    await host.engine.stop(1)


async def test_it_pauses_is_raised_and_goes_on(db: Database, scope: Scope) -> None:
    host = await PaidHost(db).start()
    run = await host.run(scope, *FOUR, budget=RunBudget(usd=Decimal("0.15")))
    paused = await at_rest(host, scope, run)
    assert (paused.status, paused.waiting_for, paused.stop_reason) == ("paused", "budget", "budget")
    assert [key for _, key in host.paid.made] == ["a", "b"]
    await refill(host.engine)
    assert (await db.read(get_run, scope, run.id)).status == "paused"
    (budget,) = await budgets(db, scope)
    assert (budget.used_usd, budget.reserved_usd) == (2 * PRICE, NIL)
    await db.write(change_budget, scope, budget.id, BudgetChange(usd=Decimal("1")))
    await refill(host.engine)
    ended = await host.finish(scope, run)
    assert (ended.status, ended.stop_reason, ended.cost) == ("completed", "done", 4 * PRICE)
    assert [key for _, key in host.paid.made] == ["a", "b", "c", "d"]
    told = await db.read(types, run.id)
    assert [told.count(type_) for type_ in ("budget_exceeded", "paused", "resumed", "completion")] == [1, 1, 1, 1]
    assert told.index("budget_exceeded") < told.index("paused")
    assert await db.read(set_aside, scope) == 0
    await host.engine.stop(1)


async def test_resumed_without_a_raise_it_pauses_again_and_may_be_cancelled(db: Database, scope: Scope) -> None:
    host = await PaidHost(db).start()
    run = await host.run(scope, *FOUR, budget=RunBudget(usd=Decimal("0.10")))
    await at_rest(host, scope, run)
    await resume_run(host.engine, scope, run.id)
    again = await at_rest(host, scope, run)
    assert (again.status, again.waiting_for) == ("paused", "budget")
    assert (await cancel_run(host.engine, scope, run.id)).status == "cancelled"
    await refill(host.engine)
    assert await db.read(set_aside, scope) == 0
    await host.engine.stop(1)


async def test_a_deleted_budget_holds_nobody(db: Database, scope: Scope) -> None:
    budget_id = await db.write(limit, scope, "0.05")
    host = await PaidHost(db).start()
    run = await host.run(scope, ["a"])
    assert (await at_rest(host, scope, run)).status == "paused"
    await db.write(delete_budget, scope, budget_id)
    await refill(host.engine)
    assert (await host.finish(scope, run)).status == "completed"
    await host.engine.stop(1)


async def test_it_stops_with_what_it_has(db: Database, scope: Scope) -> None:
    host = await PaidHost(db).start()
    budget = RunBudget(usd=Decimal("0.2"), on_exceeded=OnExceeded.STOP)
    run = await host.finish(scope, await host.run(scope, *FOUR, budget=budget))
    assert (run.status, run.stop_reason, run.error_code) == ("failed", "budget_exhausted", "budget_exhausted")
    assert run.result == {"done": ["a", "b", "c"][: len(host.paid.made)]}
    assert await db.read(set_aside, scope) == 0
    assert (await db.read(types, run.id))[-1] == "failure"
    await host.engine.stop(1)


async def test_an_unknown_price_pauses_under_dollars_and_not_under_tokens(db: Database, scope: Scope) -> None:
    host = await PaidHost(db).start()
    host.paid.asks, host.paid.took = ceiling(None), usage(None)
    run = await host.run(scope, ["a"], budget=RunBudget(usd=Decimal(100)))
    paused = await at_rest(host, scope, run)
    assert (paused.status, paused.waiting_for, paused.stop_reason) == ("paused", "budget", "unknown_price")
    (budget,) = await budgets(db, scope)
    await db.write(change_budget, scope, budget.id, BudgetChange(usd=None, tokens=500))
    await refill(host.engine)
    assert (await host.finish(scope, run)).status == "completed"
    (budget,) = await budgets(db, scope)
    assert (budget.used_usd, budget.used_tokens) == (NIL, 20)
    await host.engine.stop(1)


async def test_tokens_are_limited_too(db: Database, scope: Scope) -> None:
    host = await PaidHost(db).start()
    run = await host.run(scope, *FOUR, budget=RunBudget(tokens=210))
    assert (await at_rest(host, scope, run)).status == "paused"
    assert [key for _, key in host.paid.made] == ["a"]
    await host.engine.stop(1)


async def test_a_day_begins_anew(db: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    midday = datetime(2026, 11, 21, 12, tzinfo=UTC)
    monkeypatch.setattr(reserving, "now", lambda: midday)
    await db.write(limit, scope, "0.12", period=Period.DAY)
    host = await PaidHost(db).start()
    run = await host.run(scope, *FOUR)
    assert (await at_rest(host, scope, run)).status == "paused"
    monkeypatch.setattr(reserving, "now", lambda: midday + timedelta(hours=13))
    monkeypatch.setattr("folkmoot.runs.refills.now", lambda: midday + timedelta(hours=13))
    await refill(host.engine)
    assert (await at_rest(host, scope, run)).status == "paused"
    assert [key for _, key in host.paid.made] == ["a", "b"]
    monkeypatch.setattr("folkmoot.usage.budgets.now", lambda: midday + timedelta(hours=13))
    (budget,) = await budgets(db, scope)
    assert (budget.used_usd, budget.window_at) == (PRICE, datetime(2026, 11, 22, tzinfo=UTC))
    await host.engine.stop(1)


async def test_what_dies_between_reserve_and_answer_counts_at_its_most(db: Database, scope: Scope) -> None:
    await db.write(limit, scope, "1")
    first = await PaidHost(db).start()
    asked, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        asked.set()
        await never.wait()

    first.paid.during = hang
    run = await first.run(scope, ["a"], ["b"])
    await asked.wait()
    (budget,) = await budgets(db, scope)
    assert (budget.used_usd, budget.reserved_usd) == (NIL, Decimal("0.1"))
    await first.die()
    second = await PaidHost(db).start()
    ended = await second.finish(scope, run)
    assert (ended.status, ended.cost) == ("completed", Decimal("0.1") + 2 * PRICE)
    (budget,) = await budgets(db, scope)
    assert (budget.used_usd, budget.reserved_usd) == (Decimal("0.1") + 2 * PRICE, NIL)
    lost = [record for record in await db.read(records, run.id) if record.is_estimated]
    assert [(record.cost, record.input_tokens, record.output_tokens) for record in lost] == [(Decimal("0.1"), 100, 100)]
    unbroken = await second.finish(scope, await second.run(scope, ["a"], ["b"]))
    assert canonical(await second.journal(unbroken)) == canonical(await second.journal(ended))
    await second.engine.stop(1)


async def test_what_was_under_way_when_a_run_was_cancelled_counts_at_its_most(db: Database, scope: Scope) -> None:
    await db.write(limit, scope, "1")
    host = await PaidHost(db).start()
    asked, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        asked.set()
        await never.wait()

    host.paid.during = hang
    run = await host.run(scope, ["a"])
    await asked.wait()
    await cancel_run(host.engine, scope, run.id)
    await refill(host.engine)
    (budget,) = await budgets(db, scope)
    assert (budget.used_usd, budget.reserved_usd) == (Decimal("0.1"), NIL)
    assert (await db.read(get_run, scope, run.id)).cost == Decimal("0.1")
    await host.engine.stop(1)


async def test_a_fault_gives_back_what_it_did_not_take(db: Database, scope: Scope) -> None:
    await db.write(limit, scope, "1")
    host = await PaidHost(db).start()
    host.paid.took, host.paid.fault = None, Fault(code="credentials_refused", sentence="No")
    assert (await host.finish(scope, await host.run(scope, ["a"]))).status == "failed"
    (budget,) = await budgets(db, scope)
    assert (budget.used_usd, budget.reserved_usd) == (NIL, NIL)
    host.paid.fault = Fault(code="timed_out", sentence="Cut")
    await host.finish(scope, await host.run(scope, ["a"]))
    (budget,) = await budgets(db, scope)
    assert (budget.used_usd, budget.reserved_usd) == (Decimal("0.1"), NIL)
    await host.engine.stop(1)


async def test_a_child_counts_against_its_parents_budget_and_stops(db: Database, scope: Scope) -> None:
    host = await PaidHost(db).start()
    given: JsonObject = {"children": {"+child": {"groups": [["x"], ["y"], ["z"]]}}}
    budget = RunBudget(usd=Decimal("0.2"))
    run = await host.finish(scope, await host.run(scope, ["a"], ["+child"], given=given, budget=budget))
    assert run.status == "completed"
    assert run.result is not None
    match run.result:
        case {"heard": {"+child": {"status": "failed", "stop_reason": "budget_exhausted", "result": result}}}:
            assert result == {"done": ["x", "y"]}
        case _:
            raise AssertionError(run.result)
    (shown,) = await budgets(db, scope)
    assert (shown.used_usd, shown.reserved_usd) == (3 * PRICE, NIL)
    await host.engine.stop(1)


@pytest.mark.parametrize("runs", [12, pytest.param(50, marks=pytest.mark.system)])
async def test_a_dollar_is_not_overrun_by_concurrent_runs(
    database_url: str, db: Database, scope: Scope, hooks: Hooks, runs: int
) -> None:
    """Over several processes' worth of lanes; every cent that a call took is in the workspace's records."""
    await db.write(limit, scope, "1")
    others: list[Database] = [] if database_url.startswith("sqlite") else [connect(database_url, hooks) for _ in "ab"]
    for other in others:
        await other.open()
    hosts = [await PaidHost(each).start() for each in (db, *others)]
    started = [await hosts[n % len(hosts)].run(scope, *FOUR) for n in range(runs)]
    highest: list[Decimal] = []

    async def watch() -> None:
        while True:
            (budget,) = await budgets(db, scope)
            highest.append(budget.used_usd + budget.reserved_usd)
            await asyncio.sleep(0.002)

    watching = asyncio.create_task(watch())
    ended = [await at_rest(hosts[0], scope, run) for run in started]
    watching.cancel()
    made = sum(len(host.paid.made) for host in hosts)
    (budget,) = await budgets(db, scope)
    assert max(highest) <= 1
    assert (budget.used_usd, budget.reserved_usd) == (made * PRICE, NIL)
    assert Decimal("0.9") < budget.used_usd <= 1
    assert {run.status for run in ended} <= {"completed", "paused"}
    for host in hosts:
        await host.engine.stop(1)
    for other in others:
        await other.close()


async def test_what_a_schedule_started_does_not_wait_for_anybody(db: Database, scope: Scope) -> None:
    await db.write(limit, scope, "0.12")
    host = await PaidHost(db).start()
    run = await host.finish(scope, await host.run(scope, *FOUR, meta_data={"schedule_id": "s"}))
    assert (run.status, run.stop_reason, run.result) == ("failed", "budget_exhausted", {"done": ["a"]})
    await host.engine.stop(1)


async def test_a_pause_of_a_run_that_waits_for_its_budget_changes_nothing(db: Database, scope: Scope) -> None:
    """It goes on once there is room, as it would have."""
    budget_id = await db.write(limit, scope, "0.05")
    host = await PaidHost(db).start()
    run = await host.run(scope, ["a"])
    await at_rest(host, scope, run)
    await pause_run(host.engine, scope, run.id)
    await db.write(change_budget, scope, budget_id, BudgetChange(usd=Decimal(1)))
    await refill(host.engine)
    assert (await host.finish(scope, run)).status == "completed"
    await host.engine.stop(1)
