"""What a run asks people is a row and no worker; it is decided once, and the run goes on from that."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from folkmoot.audit.tables import AuditEntry
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.clock import now
from folkmoot.kernel.scope import Actor, Scope
from folkmoot.runs.approval_queries import NoSuchApproval, get_approval
from folkmoot.runs.approval_schemas import ApprovalView, Resolution
from folkmoot.runs.approvals import ApprovalIsDecided, NotOneApproval, NotRevisable, resolve, resolve_of_run
from folkmoot.runs.service import RunHasEnded, RunNotPausable, cancel_run, pause_run, resume_run, tell_run
from folkmoot.runs.sweep import sweep
from folkmoot.runs.tables import Approval
from tests.databases import new_scope
from tests.runs.scripted import Gate, Host
from tests.runs.seen import approvals, events_of, live_slots, reload, the_approval, until

APPROVE, REJECT = Resolution(decision="approve"), Resolution(decision="reject", feedback="no")


async def decide(host: Host, scope: Scope, approval: ApprovalView, given: Resolution = APPROVE) -> ApprovalView:
    return await host.engine.database.write(resolve, host.engine, scope, approval.id, given)


def _backdate(tx: Tx, approval_id: str) -> None:
    past = now() - timedelta(seconds=1)
    tx.write(sa.update(Approval).where(Approval.id == approval_id).values(expires_at=past))


async def test_a_run_waits_for_a_person_without_worker_and_slot(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.run(scope, ["a"], ["@plan"], ["b"], deadline_seconds=100)
    waiting = await until(db, scope, run, "awaiting_approval")
    assert (waiting.waiting_for, waiting.owner, waiting.holds_slot) == ("person", None, False)
    assert waiting.deadline_at is None, "a deadline stands still meanwhile"
    assert await live_slots(db, scope) == 0
    asked = await the_approval(db, scope)
    assert (asked.run_id, asked.run_title, asked.key, asked.subject) == (run.id, "steps", "@plan", "plan")
    decided = await decide(host, scope, asked)
    assert (decided.status, decided.decision, decided.decided_by) == (
        "approved",
        "approve",
        {"kind": "system", "id": "system", "name": "Folkmoot"},
    )
    ended = await host.finish(scope, run)
    assert (ended.status, ended.deadline_left_seconds) == ("completed", None)
    assert ended.deadline_at is not None
    assert host.executor.performed == ["a", "b"]
    entries = await host.journal(run)
    assert [entry.kind for entry in entries] == ["begun", "done", "waiting", "done", "done", "ended"]
    assert entries[2].data == {"for": "person", "ref": asked.id}
    value = {"decision": "approve", "feedback": None, "revise": False, "by": decided.decided_by}
    assert entries[3].data == {"value": value}
    types = [event.type for event in await events_of(db, run)]
    assert [types.count(name) for name in ("approval_required", "approved", "rejected")] == [1, 1, 0]
    assert types.index("approved") < types.index("progress", types.index("approved")), "its facts follow"
    audited = sa.select(AuditEntry.verb).where(AuditEntry.object_id == asked.id)
    assert [row.verb for row in await db.read(lambda tx: tx.all(AuditEntry, audited))] == ["resolve_approval"]


async def test_a_rejection_is_the_procedures_to_judge(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.run(scope, ["@plan"], ["b"])
    given = Resolution(decision="reject", feedback="shorter", revise=True)
    await decide(host, scope, await the_approval(db, scope), given)
    ended = await host.finish(scope, run)
    assert (ended.status, ended.stop_reason) == ("cancelled", "plan_rejected")
    assert ended.result is not None
    heard = ended.result["heard"]
    assert isinstance(heard, dict)
    assert isinstance(told := heard["@plan"], dict)
    assert (told["decision"], told["feedback"], told["revise"]) == ("reject", "shorter", True)
    assert [event.type for event in await events_of(db, run)].count("rejected") == 1


async def test_what_else_is_in_flight_goes_on_and_a_worker_hears_of_the_decision(db: Database, scope: Scope) -> None:
    gate = Gate("a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a", "@plan"], ["b"])
    await asyncio.wait_for(gate.reached["a"].wait(), 10)
    asked = await the_approval(db, scope)
    assert (await reload(db, scope, run)).status == "running"
    await decide(host, scope, asked)
    gate.closed["a"].set()
    assert (await host.finish(scope, run)).status == "completed"
    statuses = [event.data["status"] for event in await events_of(db, run) if event.type == "run_status_changed"]
    assert statuses == ["pending", "running", "completed"], "it never had to stand still"


async def test_several_questions_are_open_at_once(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.run(scope, ["@one", "@two"])
    await until(db, scope, run, "awaiting_approval")
    newest, oldest = await approvals(db, scope, "pending")
    with pytest.raises(NotOneApproval):
        await db.write(resolve_of_run, host.engine, scope, run.id, APPROVE)
    await decide(host, scope, newest)
    await until(db, scope, run, "awaiting_approval")
    await db.write(resolve_of_run, host.engine, scope, run.id, APPROVE)
    assert (await host.finish(scope, run)).status == "completed"
    assert (await db.read(get_approval, scope, oldest.id)).status == "approved"
    with pytest.raises(NotOneApproval):
        await db.write(resolve_of_run, host.engine, scope, run.id, APPROVE)


async def test_of_twenty_who_decide_at_once_one_does(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.run(scope, ["@plan"], ["b"])
    asked = await the_approval(db, scope)
    people = [Scope(scope.workspace_id, scope.project_id, Actor("user", f"u{n}", f"Person {n}")) for n in range(20)]
    outcomes = await asyncio.gather(
        *(decide(host, who, asked, REJECT if n % 2 else APPROVE) for n, who in enumerate(people)),
        return_exceptions=True,
    )
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, ApprovalView)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, ApprovalIsDecided)]
    assert len(lost) == 19
    assert won.decided_by is not None
    assert {problem.detail for problem in lost} == {f"It was {won.status} by {won.decided_by['name']}"}
    ended = await host.finish(scope, run)
    assert ended.status == ("completed" if won.status == "approved" else "cancelled")
    entries = await host.journal(run)
    assert [entry.key for entry in entries if entry.kind == "done"].count("@plan") == 1
    types = [event.type for event in await events_of(db, run)]
    assert types.count("approved") + types.count("rejected") == 1


async def test_a_decision_outlives_the_process_that_asked_and_the_one_that_took_it(db: Database, scope: Scope) -> None:
    first = await Host(db).start()
    run = await first.run(scope, ["a"], ["@plan"], ["b"])
    await until(db, scope, run, "awaiting_approval")
    await first.die()
    taker = Host(db)
    await decide(taker, scope, await the_approval(db, scope))
    await taker.die()
    heir = await Host(db).start()
    await sweep(heir.engine)
    assert (await heir.finish(scope, run)).status == "completed"
    assert heir.executor.performed == ["b"]
    with pytest.raises(ApprovalIsDecided):
        await decide(heir, scope, (await approvals(db, scope))[0])
    await heir.die()


@pytest.mark.parametrize(
    ("on_expiry", "status", "event"), [("reject", "cancelled", "rejected"), ("approve", "completed", "approved")]
)
async def test_what_nobody_decides_is_decided_by_time(
    db: Database, scope: Scope, on_expiry: str, status: str, event: str
) -> None:
    host = await Host(db).start()
    run = await host.run(scope, ["@plan"], given={"on_expiry": on_expiry})
    asked = await the_approval(db, scope)
    await until(db, scope, run, "awaiting_approval")
    await sweep(host.engine)
    assert (await reload(db, scope, run)).status == "awaiting_approval", "not before its time"
    await db.write(_backdate, asked.id)
    await asyncio.gather(sweep(host.engine), sweep(host.engine))
    ended = await host.finish(scope, run)
    assert (ended.status, ended.stop_reason) == (status, "done" if status == "completed" else "approval_expired")
    (expired,) = await approvals(db, scope)
    assert (expired.status, expired.decision, expired.decided_by) == ("expired", on_expiry, None)
    assert [known.type for known in await events_of(db, run)].count(event) == 1
    with pytest.raises(ApprovalIsDecided, match="expired"):
        await decide(host, scope, asked)


async def test_a_run_that_waits_for_a_person_cannot_be_paused(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.run(scope, ["@plan"])
    await until(db, scope, run, "awaiting_approval")
    with pytest.raises(RunNotPausable):
        await pause_run(host.engine, scope, run.id)


async def test_a_paused_run_waits_for_the_person_again_once_it_is_resumed(db: Database, scope: Scope) -> None:
    gate = Gate("a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a", "@plan"], ["b"])
    asked = await the_approval(db, scope)
    await pause_run(host.engine, scope, run.id)
    gate.closed["a"].set()
    await until(db, scope, run, "paused")
    await resume_run(host.engine, scope, run.id)
    await until(db, scope, run, "awaiting_approval")
    assert [approval.id for approval in await approvals(db, scope)] == [asked.id], "it is asked once"
    await decide(host, scope, asked)
    assert (await host.finish(scope, run)).status == "completed"


async def test_what_is_decided_while_a_run_is_paused_counts_once_it_is_resumed(db: Database, scope: Scope) -> None:
    gate = Gate("a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a", "@plan"], ["b"])
    asked = await the_approval(db, scope)
    await pause_run(host.engine, scope, run.id)
    gate.closed["a"].set()
    await until(db, scope, run, "paused")
    await decide(host, scope, asked)
    assert (await reload(db, scope, run)).status == "paused"
    await resume_run(host.engine, scope, run.id)
    assert (await host.finish(scope, run)).status == "completed"


async def test_a_run_that_ends_takes_back_what_it_asked(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.run(scope, ["@plan"])
    await until(db, scope, run, "awaiting_approval")
    assert (await cancel_run(host.engine, scope, run.id)).status == "cancelled"
    (withdrawn,) = await approvals(db, scope)
    assert (withdrawn.status, withdrawn.decision) == ("withdrawn", None)
    assert (await events_of(db, run))[-1].type == "cancelled"
    told = sa.select(Event.data).where(Event.workspace_id == scope.workspace_id, Event.type == "resource_changed")
    assert [event.data["id"] for event in await db.read(lambda tx: tx.all(Event, told))] == [withdrawn.id]
    with pytest.raises(ApprovalIsDecided, match="ended"):
        await decide(host, scope, withdrawn)


async def test_what_a_run_no_longer_wants_to_know_is_taken_back_at_once(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.run(scope, ["@one", "@two"], ["b"])
    await until(db, scope, run, "awaiting_approval")
    await db.write(tell_run, host.engine, scope, run.id, {"without": "@one"})
    assert {asked.key: asked.status for asked in await approvals(db, scope)} == {"@one": "withdrawn", "@two": "pending"}
    asked = await the_approval(db, scope)
    assert (await until(db, scope, run, "awaiting_approval")).waiting_for == "person"
    await db.write(tell_run, host.engine, scope, run.id, {"without": "@two"})
    assert (await host.finish(scope, run)).status == "completed", "it goes on once it waits for nobody"
    with pytest.raises(ApprovalIsDecided, match="goes on without it"):
        await decide(host, scope, asked)


async def test_only_what_may_be_revised_is_sent_back_and_only_its_own_workspace_knows_it(
    db: Database, scope: Scope
) -> None:
    host = await Host(db).start()
    await host.run(scope, ["@plan"])
    asked = await the_approval(db, scope)
    with pytest.raises(NotRevisable):
        await decide(host, scope, asked, Resolution(decision="approve", revise=True))
    await db.write(lambda tx: tx.write(sa.update(Approval).values(may_revise=False)))
    with pytest.raises(NotRevisable):
        await decide(host, scope, asked, Resolution(decision="reject", revise=True))
    with pytest.raises(NoSuchApproval):
        await decide(host, await db.write(new_scope), asked)
    assert (await the_approval(db, scope)).status == "pending"


async def test_a_run_that_is_told_something_goes_on_only_where_that_is_news(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    run = await host.run(scope, ["@plan"])
    await until(db, scope, run, "awaiting_approval")
    await db.write(tell_run, host.engine, scope, run.id, {"say": "hello"})
    told = await db.write(tell_run, host.engine, scope, run.id, {"step": "b"})
    assert told.status == "awaiting_approval", "the step comes after the plan"
    await decide(host, scope, await the_approval(db, scope))
    ended = await host.finish(scope, run)
    assert ended.result is not None
    assert ended.result["done"] == ["@plan", "b"]
    entries = [entry for entry in await host.journal(run) if entry.kind == "told"]
    assert [entry.data["data"] for entry in entries] == [{"say": "hello"}, {"step": "b"}]
    assert entries[0].data["author"] == {"kind": "system", "id": "system", "name": "Folkmoot"}
    with pytest.raises(RunHasEnded):
        await db.write(tell_run, host.engine, scope, run.id, {})


async def test_what_a_run_at_work_is_told_reaches_its_worker(db: Database, scope: Scope) -> None:
    gate = Gate("a")
    host = await Host(db, gate).start()
    run = await host.run(scope, ["a"])
    await asyncio.wait_for(gate.reached["a"].wait(), 10)
    assert (await db.write(tell_run, host.engine, scope, run.id, {"step": "b"})).status == "running"
    gate.closed["a"].set()
    await host.finish(scope, run)
    assert host.executor.performed == ["a", "b"]
