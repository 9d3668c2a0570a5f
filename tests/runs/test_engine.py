"""The engine's promises, on a scripted kind of run: order, concurrency, control, crashes, fences, slots, events."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.append import Fenced, NewEntry, worker_append
from folkmoot.runs.journal import Call, Fault, Outcome, Use
from folkmoot.runs.queries import NoSuchRun, children_of
from folkmoot.runs.service import RunHasEnded, RunNotResumable, cancel_run, pause_run, resume_run
from folkmoot.runs.sweep import sweep
from folkmoot.runs.tables import Run, RunSlots
from tests.runs.scripted import Gate, Host, at_once, canonical
from tests.runs.seen import approvals, events_of, live_slots, reload, until


async def test_a_run_goes_through_its_steps_in_order(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.finish(scope, await host.run(scope, ["a"], ["b", "c"], ["d"]))
    assert (run.status, run.result) == ("completed", {"done": ["a", "b", "c", "d"]})
    assert host.executor.performed == ["a", "b", "c", "d"]
    entries = await host.journal(run)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.kind for entry in entries] == ["begun", "done", "done", "done", "done", "ended"]
    types = [event.type for event in await events_of(db, run)]
    assert types == [*["run_status_changed"] * 2, *["progress"] * 4, "run_status_changed", "completion"]
    assert await live_slots(db, scope) == 0
    await host.engine.stop(1)


async def test_actions_wanted_together_are_in_flight_together(db: Database, scope: Scope) -> None:
    gate = Gate("a", "b", "c")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a", "b", "c"], ["d"])
    for reached in gate.reached.values():
        await asyncio.wait_for(reached.wait(), 10)
    for closed in gate.closed.values():
        closed.set()
    assert (await host.finish(scope, run)).status == "completed"


async def test_a_fault_ends_the_run_with_its_code(db: Database, scope: Scope) -> None:
    async def script(run: Run, action: Call | Use) -> Outcome:
        return Outcome(fault=Fault(code="cut", sentence="cut off")) if action.key == "b" else Outcome(value={})

    host = await Host(db, script).start()
    run = await host.finish(scope, await host.run(scope, ["a"], ["b"], ["c"]))
    assert (run.status, run.error_code, run.stop_reason) == ("failed", "cut", "fault")
    assert host.executor.performed == ["a", "b"]
    assert (await events_of(db, run))[-1].data["code"] == "cut"


async def test_a_bug_ends_its_run_and_nothing_else(
    db: Database, scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(run: Run, action: Call | Use) -> Outcome:
        if run.title == "steps" and action.key == "bug":
            raise ZeroDivisionError
        return Outcome(value={})

    host = await Host(db, script).start()
    broken = await host.run(scope, ["bug"])
    sound = await host.run(scope, ["a"])
    assert (await host.finish(scope, broken)).error_code == "internal_error"
    assert (await host.finish(scope, sound)).status == "completed"
    assert await live_slots(db, scope) == 0


@pytest.mark.parametrize("at", range(1, 6))
async def test_a_crash_after_any_append_changes_nothing(db: Database, scope: Scope, at: int) -> None:
    """Kill the host when the journal has reached `at` entries; the next one finishes with the canonical journal."""
    unbroken = await Host(db).start()
    whole = await unbroken.finish(scope, await unbroken.run(scope, ["a"], ["b", "c"], ["d"]))
    expected = canonical(await unbroken.journal(whole))
    await unbroken.die()

    first = await Host(db).start()
    appended, dead = 0, asyncio.Event()

    def die_at(_: set[str]) -> None:
        nonlocal appended
        appended += 1
        if appended == at:
            first.supervisor.cancel()
            dead.set()

    db.hooks.published = die_at
    run = await first.run(scope, ["a"], ["b", "c"], ["d"])
    await asyncio.wait_for(dead.wait(), 10)
    db.hooks.published = lambda _: None
    await first.die()
    second = await Host(db).start()
    await sweep(second.engine)
    ended = await second.finish(scope, run)
    assert ended.status == "completed"
    assert canonical(await second.journal(run)) == expected
    performed = first.executor.performed + second.executor.performed
    assert len(performed) <= 6, "only what was in flight is asked again"
    await events_of(db, run)
    assert await live_slots(db, scope) == 0
    await second.die()


async def _until_idle(host: Host) -> None:
    while host.engine.drivers:  # noqa: ASYNC110 what is watched has no event to wait for
        await asyncio.sleep(0)


async def test_a_worker_that_lost_its_claim_writes_nothing(db: Database, scope: Scope) -> None:
    gate = Gate("a")
    zombie = await Host(db, gate).start()
    run = await zombie.run(scope, ["a"], ["b"])
    await asyncio.wait_for(gate.reached["a"].wait(), 10)
    known = zombie.engine.drivers[run.id].known
    heir = await Host(db).start()
    ended = await heir.finish(scope, run)
    before = await heir.journal(run)
    with pytest.raises(Fenced):
        await db.write(worker_append, zombie.engine, known, (NewEntry("done", "a", {"value": {"zombie": True}}),))
    gate.closed["a"].set()
    await asyncio.wait_for(_until_idle(zombie), 10)
    assert await heir.journal(run) == before
    assert (await reload(db, scope, run)).journal_seq == ended.journal_seq
    await events_of(db, run)
    await zombie.die()


async def test_cancel_reaches_a_call_in_flight(db: Database, scope: Scope) -> None:
    gate = Gate("b")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a"], ["b"])
    await asyncio.wait_for(gate.reached["b"].wait(), 10)
    cancelled = await cancel_run(host.engine, scope, run.id)
    assert (cancelled.status, cancelled.result) == ("cancelled", {"done": ["a"]})
    await asyncio.wait_for(_until_idle(host), 1)
    assert (await cancel_run(host.engine, scope, run.id)).status == "cancelled", "repeating it is no error"
    assert (await events_of(db, run))[-1].type == "cancelled"
    assert await live_slots(db, scope) == 0


async def test_cancel_settles_a_run_whose_worker_is_dead(db: Database, scope: Scope) -> None:
    gate = Gate("b")
    dead = await Host(db, gate).start()
    run = await dead.run(scope, ["a"], ["b"])
    await asyncio.wait_for(gate.reached["b"].wait(), 10)
    await dead.die()
    other = Host(db)
    assert (await cancel_run(other.engine, scope, run.id)).status == "cancelled"
    await events_of(db, run)


async def test_an_ended_run_cannot_be_cancelled_or_resumed(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.finish(scope, await host.run(scope, ["a"]))
    with pytest.raises(RunHasEnded):
        await cancel_run(host.engine, scope, run.id)
    with pytest.raises(RunNotResumable):
        await resume_run(host.engine, scope, run.id)
    with pytest.raises(NoSuchRun):
        await cancel_run(host.engine, scope, scope.workspace_id)


async def test_pause_lets_what_is_in_flight_end_and_resume_goes_on(db: Database, scope: Scope) -> None:
    gate = Gate("b")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a"], ["b"], ["c"])
    await asyncio.wait_for(gate.reached["b"].wait(), 10)
    assert (await pause_run(host.engine, scope, run.id)).is_pausing
    gate.closed["b"].set()
    await asyncio.wait_for(_until_idle(host), 10)
    paused = await reload(db, scope, run)
    assert (paused.status, paused.is_pausing, paused.owner) == ("paused", False, None)
    assert host.executor.performed == ["a", "b"]
    assert await live_slots(db, scope) == 0
    assert (await resume_run(host.engine, scope, run.id)).status == "pending"
    assert (await host.finish(scope, run)).status == "completed"
    assert host.executor.performed == ["a", "b", "c"]
    types = [event.type for event in await events_of(db, run)]
    assert types.count("paused") == types.count("resumed") == 1


async def test_resume_before_the_pause_took_hold(db: Database, scope: Scope) -> None:
    gate = Gate("a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a"], ["b"])
    await asyncio.wait_for(gate.reached["a"].wait(), 10)
    await pause_run(host.engine, scope, run.id)
    await resume_run(host.engine, scope, run.id)
    gate.closed["a"].set()
    assert (await host.finish(scope, run)).status == "completed"


async def test_a_pending_run_is_paused_at_once_and_its_deadline_stands_still(db: Database, scope: Scope) -> None:
    host = Host(db)
    run = await host.run(scope, ["a"], deadline_seconds=100)
    paused = await pause_run(host.engine, scope, run.id)
    assert (paused.status, paused.deadline_at) == ("paused", None)
    assert paused.deadline_left_seconds is not None
    assert 90 < paused.deadline_left_seconds <= 100
    await host.start()
    resumed = await resume_run(host.engine, scope, run.id)
    assert resumed.deadline_at is not None
    assert resumed.deadline_at > now() + timedelta(seconds=80)
    assert (await host.finish(scope, run)).status == "completed"


@pytest.mark.system
async def test_a_deadline_ends_a_running_run(db: Database, scope: Scope) -> None:
    gate = Gate("b")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a"], ["b"], deadline_seconds=1)
    ended = await host.finish(scope, run)
    assert (ended.status, ended.result) == ("timeout", {"done": ["a"]})
    last = (await events_of(db, run))[-1]
    assert (last.type, last.data["code"]) == ("failure", "timeout")


async def test_a_deadline_ends_a_waiting_run(db: Database, scope: Scope) -> None:
    host = Host(db)
    run = await host.run(scope, ["a"], deadline_seconds=1)
    await db.write(_backdate, run.id)
    await sweep(host.engine)
    assert (await reload(db, scope, run)).status == "timeout"
    assert await live_slots(db, scope) == 0


def _backdate(tx: Tx, run_id: str) -> None:
    tx.write(sa.update(Run).where(Run.id == run_id).values(deadline_at=now() - timedelta(seconds=1)))


async def test_a_long_retry_holds_neither_worker_nor_slot(db: Database, scope: Scope) -> None:
    tries = 0

    async def script(run: Run, action: Call | Use) -> Outcome:
        nonlocal tries
        tries += 1
        return Outcome(retry_at=now() + timedelta(hours=1)) if tries == 1 else Outcome(value={})

    host = await Host(db, script).start()
    run = await host.run(scope, ["a"])
    waiting = await until(db, scope, run, "pending", "time")
    assert not waiting.holds_slot
    await db.write(lambda tx: tx.write(sa.update(Run).where(Run.id == run.id).values(wake_at=now())))
    await sweep(host.engine)
    assert (await host.finish(scope, run)).status == "completed"
    assert tries == 2


async def test_an_idempotent_use_is_repeated_after_a_crash_with_the_same_key(db: Database, scope: Scope) -> None:
    gate = Gate("?charge")
    first = await Host(db, gate).start()
    run = await first.run(scope, ["?charge"])
    await asyncio.wait_for(gate.reached["?charge"].wait(), 10)
    await first.die()
    second = await Host(db).start()
    assert (await second.finish(scope, run)).status == "completed"
    intended = [entry for entry in await second.journal(run) if entry.kind == "intended"]
    assert [entry.data["idempotency_key"] for entry in intended] == [f"{run.id}:?charge"]
    assert second.executor.performed == ["?charge"]
    await second.die()


async def test_no_more_runs_are_live_than_the_workspace_has_slots(db: Database, scope: Scope) -> None:
    at_work: set[str] = set()
    most = 0

    async def script(run: Run, action: Call | Use) -> Outcome:
        nonlocal most
        at_work.add(run.id)
        most = max(most, len(at_work))
        await asyncio.sleep(0)
        at_work.discard(run.id)
        return Outcome(value={})

    await db.write(lambda tx: tx.write(sa.update(RunSlots).values(cap=3)))
    host = await Host(db, script).start()
    runs = [await host.run(scope, ["a"], ["b"]) for _ in range(20)]
    ended = [await host.finish(scope, run) for run in runs]
    assert {run.status for run in ended} == {"completed"}
    assert most <= 3
    assert await live_slots(db, scope) == 0


async def test_the_most_urgent_is_admitted_first_then_the_oldest(db: Database, scope: Scope) -> None:
    order = []

    async def script(run: Run, action: Call | Use) -> Outcome:
        order.append(run.title)
        return Outcome(value={})

    await db.write(lambda tx: tx.write(sa.update(RunSlots).values(cap=1)))
    gate = Gate("hold")
    host = Host(db, gate)
    blocker = await host.run(scope, ["hold"])
    waiting = [await host.run(scope, ["a"], priority=priority) for priority in ("low", "normal", "urgent", "normal")]
    host.executor.script = script
    await db.write(
        lambda tx: [tx.write(sa.update(Run).where(Run.id == r.id).values(title=str(i))) for i, r in enumerate(waiting)]
    )
    await cancel_run(host.engine, scope, blocker.id)
    await host.start()
    await sweep(host.engine)
    for run in waiting:
        await host.finish(scope, run)
    assert order == ["2", "1", "3", "0"]


async def test_stop_hands_runs_back_and_another_host_goes_on(db: Database, scope: Scope) -> None:
    gate = Gate("a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a"], ["b"])
    await asyncio.wait_for(gate.reached["a"].wait(), 10)
    await host.engine.stop(0.05)
    free = await reload(db, scope, run)
    assert (free.status, free.waiting_for, free.owner, free.holds_slot) == ("pending", "start", None, True)
    other = await Host(db).start()
    await sweep(other.engine)
    assert (await other.finish(scope, run)).status == "completed"


async def test_stop_lets_what_is_in_flight_end(db: Database, scope: Scope) -> None:
    gate = Gate("a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a"], ["b"])
    await asyncio.wait_for(gate.reached["a"].wait(), 10)
    stopping = asyncio.ensure_future(host.engine.stop(10))
    await asyncio.sleep(0)
    gate.closed["a"].set()
    await stopping
    entries = await host.journal(run)
    assert [entry.key for entry in entries if entry.kind == "done"] == ["a"]
    assert (await reload(db, scope, run)).status == "pending"


@pytest.mark.system
async def test_two_hundred_cancel_races_leave_one_terminal_event_each(db: Database, scope: Scope) -> None:
    """Of runs at work, runs that ask and runs with children, a third of them each; all are in one process's hands."""
    host = await Host(db, at_once).start()
    child: JsonObject = {"children": {"+child": {"groups": [["x"], ["y"]]}}}
    ways: tuple[list[list[str]], ...] = ([["a"], ["b"]], [["a"], ["@plan", "b"]], [["+child"], ["b"]])
    runs = [await host.run(scope, *ways[n % 3], given=child) for n in range(200)]

    async def race(run: Run, number: int) -> None:
        for _ in range(number % 23):
            await asyncio.sleep(0)
        with contextlib.suppress(RunHasEnded):
            await cancel_run(host.engine, scope, run.id)

    await asyncio.gather(*(race(run, number) for number, run in enumerate(runs)))
    for run in runs:
        family = [run, *await db.read(children_of, run.id)]
        for one in family:
            ended = await host.finish(scope, one)
            last = (await events_of(db, one))[-1]
            assert last.type == {"completed": "completion", "cancelled": "cancelled"}[ended.status]
    assert {asked.status for asked in await approvals(db, scope)} <= {"withdrawn"}
    assert await live_slots(db, scope) == 0
