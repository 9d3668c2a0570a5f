"""A run that starts another and waits for it: who holds what, who hears what, and what ends with whom."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.changes import delete_run
from folkmoot.runs.journal import Call, Outcome, Use
from folkmoot.runs.queries import NoSuchRun, children_of
from folkmoot.runs.service import cancel_run, pause_run, resume_run
from folkmoot.runs.sweep import sweep
from folkmoot.runs.tables import Run, RunSlots
from tests.runs.scripted import Gate, Host, Script
from tests.runs.seen import events_of, live_slots, reload, until


def children(**steps: list[str]) -> JsonObject:
    """What `Host.run` is given for children with these names: their steps, one after the other."""
    return {"children": {f"+{name}": {"groups": [[key] for key in keys]} for name, keys in steps.items()}}


async def child_of(db: Database, run: Run) -> Run:
    """The one child of the run, once there is one; at most 10 seconds."""
    async with asyncio.timeout(10):
        while not (found := await db.read(children_of, run.id)):  # noqa: ASYNC110 the database is what is watched
            await asyncio.sleep(0)
    (child,) = found
    return child


def heard(run: Run, key: str = "+child") -> JsonObject:
    values = (run.result or {})["heard"]
    assert isinstance(values, dict)
    value = values[key]
    assert isinstance(value, dict)
    return value


async def test_a_parent_waits_without_worker_for_what_comes_of_its_child(db: Database, scope: Scope) -> None:
    gate = Gate("x")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a"], ["+child"], ["b"], given=children(child=["x"]), priority="high")
    waiting = await until(db, scope, run, "pending", "child")
    child = await child_of(db, run)
    assert (waiting.owner, waiting.holds_slot) == (None, True), "its child rides on its slot"
    assert (child.parent_run_id, child.root_run_id, child.holds_slot) == (run.id, run.id, False)
    assert (child.kind, child.title, child.priority) == ("steps", "+child", run.priority)
    assert await live_slots(db, scope) == 1
    gate.closed["x"].set()
    ended = await host.finish(scope, run)
    assert ended.status == "completed"
    result: JsonObject = {"done": ["x"]}
    assert heard(ended) == {
        **{"run_id": None, "status": "completed", "stop_reason": "done"},
        **{"result": result, "error": None},
    }
    assert [entry.kind for entry in await host.journal(run)] == ["begun", "done", "waiting", "done", "done", "ended"]
    assert host.executor.performed == ["a", "x", "b"]
    assert await live_slots(db, scope) == 0
    for one in (run, child):
        await events_of(db, one)


async def test_children_need_no_slot_so_that_one_is_enough(db: Database, scope: Scope) -> None:
    await db.write(lambda tx: tx.write(sa.update(RunSlots).values(cap=1)))
    inner = children(child=["x", "y"])
    host = await Host(db).start()
    given: JsonObject = {"children": {"+outer": {"groups": [["+child"]], **inner}}}
    runs = [await host.run(scope, ["+outer"], given=given) for _ in range(3)]
    for run in runs:
        assert (await host.finish(scope, run)).status == "completed"
        assert await db.read(_family, run.id) == 3
    assert await live_slots(db, scope) == 0


def _family(tx: Tx, root_id: str) -> int:
    return int(tx.scalar(sa.select(sa.func.count()).select_from(Run).where(Run.root_run_id == root_id)))


async def test_several_children_are_at_work_at_once(db: Database, scope: Scope) -> None:
    gate = Gate("x", "y")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["+one", "+two"], ["b"], given=children(one=["x"], two=["y"]))
    for reached in gate.reached.values():
        await asyncio.wait_for(reached.wait(), 10)
    gate.closed["y"].set()
    await _until_heard(host, run, 1)
    assert (await until(db, scope, run, "pending", "child")).holds_slot
    gate.closed["x"].set()
    assert (await host.finish(scope, run)).status == "completed"


async def _until_heard(host: Host, run: Run, children: int) -> None:
    async with asyncio.timeout(10):
        while True:
            done = [entry for entry in await host.journal(run) if entry.kind == "done" and entry.key[0] == "+"]
            if len(done) == children:
                return
            await asyncio.sleep(0)


async def _breaks(run: Run, action: Call | Use) -> Outcome:
    raise ZeroDivisionError


@pytest.mark.parametrize("way", ["fails", "cancelled", "refused"])
async def test_whatever_ends_a_child_its_parent_hears_of_it(db: Database, scope: Scope, way: str) -> None:
    gate = Gate("x")
    script: Script = _breaks if way == "fails" else gate
    host = await Host(db, script).start()
    given = children(child=["x"])
    if way == "refused":
        given = {"children": {"+child": {"groups": [], "is_refused": True}}}
    run = await host.run(scope, ["+child"], given=given)
    if way == "cancelled":
        await asyncio.wait_for(gate.reached["x"].wait(), 10)
        await cancel_run(host.engine, scope, (await child_of(db, run)).id)
    value = heard(await host.finish(scope, run))
    error = value["error"]
    match way:
        case "fails":
            assert (value["status"], error) == ("failed", {"code": "internal_error", "sentence": _SENTENCE})
        case "cancelled":
            assert (value["status"], value["stop_reason"], error) == ("cancelled", "cancelled", None)
        case "refused":
            assert (value["status"], value["stop_reason"]) == ("failed", "not_started")
            assert error == {"code": "refused", "sentence": "Such steps are not taken"}
    assert await live_slots(db, scope) == 0


_SENTENCE = "Internal error; the server's log has the details"


async def test_a_parent_at_work_hears_of_its_child(db: Database, scope: Scope) -> None:
    gate = Gate("a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a", "+child"], ["b"], given=children(child=["x"]))
    await asyncio.wait_for(gate.reached["a"].wait(), 10)
    child = await child_of(db, run)
    assert (await host.finish(scope, child)).status == "completed"
    assert (await reload(db, scope, run)).status == "running"
    gate.closed["a"].set()
    assert (await host.finish(scope, run)).status == "completed"
    statuses = [event.data["status"] for event in await events_of(db, run) if event.type == "run_status_changed"]
    assert statuses == ["pending", "running", "completed"]


@pytest.mark.parametrize("at_work", [True, False])
async def test_a_parent_whose_worker_is_dead_hears_of_its_child(db: Database, scope: Scope, at_work: bool) -> None:
    gate = Gate("a", "x")
    first = await Host(db, gate).start()
    run = await first.run(scope, ["a", "+child"] if at_work else ["+child"], given=children(child=["x"]))
    await asyncio.wait_for(gate.reached["x"].wait(), 10)
    child = await child_of(db, run)
    await first.die()
    await cancel_run(Host(db).engine, scope, child.id)
    heir = await Host(db).start()
    await sweep(heir.engine)
    assert heard(await heir.finish(scope, run))["status"] == "cancelled"
    assert await live_slots(db, scope) == 0
    await heir.die()


async def test_a_parent_that_ends_takes_its_children_with_it(db: Database, scope: Scope) -> None:
    gate = Gate("x")
    host = await Host(db, gate).start()
    given: JsonObject = {"children": {"+outer": {"groups": [["+child"]], **children(child=["x"])}}}
    run = await host.run(scope, ["+outer"], given=given)
    await asyncio.wait_for(gate.reached["x"].wait(), 10)
    outer = await child_of(db, run)
    inner = await child_of(db, outer)
    await cancel_run(host.engine, scope, run.id)
    for one in (outer, inner):
        assert (await host.finish(scope, one)).status == "cancelled"
        stop = (await host.journal(one))[-2]
        assert (stop.kind, stop.data["verb"]) == ("controlled", "stop")
        assert (await events_of(db, one))[-1].type == "cancelled"
    assert not host.engine.drivers
    assert await live_slots(db, scope) == 0


async def test_children_of_a_parent_that_ended_in_a_crash_are_found(db: Database, scope: Scope) -> None:
    gate = Gate("x")
    first = await Host(db, gate).start()
    run = await first.run(scope, ["+child"], given=children(child=["x"]), deadline_seconds=100)
    await until(db, scope, run, "pending", "child")
    await asyncio.wait_for(gate.reached["x"].wait(), 10)
    child = await child_of(db, run)
    await first.die()
    other = Host(db)
    await db.write(_backdate, run.id)
    await sweep(other.engine)
    await other.die()  # with what it was to do after the end of the parent
    assert (await reload(db, scope, run)).status == "timeout"
    heir = Host(db)
    await sweep(heir.engine)
    assert (await reload(db, scope, child)).status == "cancelled"
    assert await live_slots(db, scope) == 0
    await heir.die()


def _backdate(tx: Tx, run_id: str) -> None:
    tx.write(sa.update(Run).where(Run.id == run_id).values(deadline_at=now() - timedelta(seconds=1)))


async def test_a_child_is_in_flight_when_its_parent_is_paused(db: Database, scope: Scope) -> None:
    gate = Gate("x")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["+child"], ["b"], given=children(child=["x"]))
    await until(db, scope, run, "pending", "child")
    await asyncio.wait_for(gate.reached["x"].wait(), 10)
    pausing = await pause_run(host.engine, scope, run.id)
    assert (pausing.status, pausing.is_pausing, pausing.holds_slot) == ("pending", True, True)
    gate.closed["x"].set()
    paused = await until(db, scope, run, "paused")
    assert (paused.is_pausing, paused.holds_slot) == (False, False)
    assert await live_slots(db, scope) == 0
    await resume_run(host.engine, scope, run.id)
    assert (await host.finish(scope, run)).status == "completed"


async def test_a_pause_that_waits_for_a_child_can_be_taken_back(db: Database, scope: Scope) -> None:
    gate = Gate("x", "a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a", "+child"], ["b"], given=children(child=["x"]))
    await asyncio.wait_for(gate.reached["x"].wait(), 10)
    await pause_run(host.engine, scope, run.id)
    gate.closed["a"].set()
    waiting = await until(db, scope, run, "pending", "child")
    assert waiting.is_pausing, "its worker let go and the pause still stands"
    resumed = await resume_run(host.engine, scope, run.id)
    assert (resumed.status, resumed.is_pausing) == ("pending", False)
    gate.closed["x"].set()
    assert (await host.finish(scope, run)).status == "completed"


async def test_a_run_is_deleted_with_its_children(db: Database, scope: Scope) -> None:
    gate = Gate("x")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["+child"], given=children(child=["x"]))
    await asyncio.wait_for(gate.reached["x"].wait(), 10)
    child = await child_of(db, run)
    await delete_run(host.engine, scope, run.id, cancel_first=True)
    for one in (run, child):
        with pytest.raises(NoSuchRun):
            await reload(db, scope, one)
