"""A group's wall clock: what is late is cut off and journalled, tries that are put off included."""

import asyncio
from datetime import timedelta

from folkmoot.db.database import Database
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import Json
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.runs.flights import TIMED_OUT, Flights
from folkmoot.runs.journal import Call, Outcome, Use
from folkmoot.runs.service import pause_run, resume_run
from folkmoot.runs.tables import Run
from tests.runs.scripted import Gate, Host
from tests.runs.seen import events_of, until


async def _faults(host: Host, run: Run) -> dict[str, Json]:
    return {entry.key: entry.data.get("fault") for entry in await host.journal(run) if entry.kind == "done"}


async def test_a_call_past_its_groups_time_is_cut_off(db: Database, scope: Scope) -> None:
    gate = Gate("%slow", "a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["%slow", "a"], ["b"], given={"limit": 0.05})
    await asyncio.wait_for(gate.reached["a"].wait(), 10)
    gate.closed["a"].set()
    assert (await host.finish(scope, run)).status == "completed"
    faults = await _faults(host, run)
    assert isinstance(fault := faults["%slow"], dict)
    assert fault["code"] == "timed_out"
    assert (faults["a"], faults["b"]) == (None, None)
    await events_of(db, run)


async def test_the_whole_group_has_the_time_of_its_first_call(db: Database, scope: Scope) -> None:
    gate = Gate("%slow")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["%slow"], ["%next"], ["b"], given={"limit": 0.05})
    assert (await host.finish(scope, run)).status == "completed"
    assert host.executor.performed == ["%slow", "b"], "no time was left for the next one"
    assert [fault is not None for fault in (await _faults(host, run)).values()] == [True, True, False]


async def test_a_try_that_is_put_off_past_the_time_is_late_without_letting_go(db: Database, scope: Scope) -> None:
    async def script(run: Run, action: Call | Use) -> Outcome:
        return Outcome(retry_at=now() + timedelta(hours=1)) if action.key == "%busy" else Outcome(value={})

    host = await Host(db, script).start()
    run = await host.run(scope, ["%busy"], ["b"], given={"limit": 0.05})
    assert (await host.finish(scope, run)).status == "completed"
    assert host.executor.performed == ["%busy", "b"]
    statuses = [event.data["status"] for event in await events_of(db, run) if event.type == "run_status_changed"]
    assert statuses == ["pending", "running", "completed"]


async def test_the_clock_begins_anew_after_a_pause(db: Database, scope: Scope) -> None:
    gate = Gate("%one")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["%one"], ["%two"], given={"limit": 60.0})
    await asyncio.wait_for(gate.reached["%one"].wait(), 10)
    await pause_run(host.engine, scope, run.id)
    gate.closed["%one"].set()
    await until(db, scope, run, "paused")
    await resume_run(host.engine, scope, run.id)
    assert (await host.finish(scope, run)).status == "completed"
    assert set((await _faults(host, run)).values()) == {None}


def _call(key: str, limit: float | None) -> Call:
    return Call(key=key, group="g", role="worker", recipe={}, limit_seconds=limit)


async def test_a_group_that_waits_for_somebody_else_has_its_whole_time_again() -> None:
    flights = Flights(Supervisor(), asyncio.Event())
    assert flights.is_late(_call("a", 0.0))
    assert flights.is_late(_call("b", None)), "the group's clock is for all of it"
    flights.stop_clock("g")
    assert not flights.is_late(_call("b", None))
    assert not flights.is_late(_call("c", 60.0))


async def test_what_has_landed_in_time_is_not_cut() -> None:
    supervisor = Supervisor()
    flights = Flights(supervisor, asyncio.Event())

    async def answer(value: Outcome) -> Outcome:
        return value

    done, put_off = _call("a", 0.0), _call("b", 0.0)
    flights.start(done, answer(Outcome(value={})), "a")
    flights.start(put_off, answer(Outcome(retry_at=now() + timedelta(hours=1))), "b")
    assert flights.is_late(done)
    await asyncio.sleep(0)
    landed = flights.land()
    assert [(action.key, outcome == TIMED_OUT) for action, outcome in landed] == [("a", False), ("b", True)]
    assert not flights
    assert not flights.later
