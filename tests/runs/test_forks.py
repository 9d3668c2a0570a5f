"""Forks and retries: a new run over a beginning of another's journal, which asks nothing again that is in it."""

from decimal import Decimal

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.llm.messages import Usage
from folkmoot.runs.artifact_files import ArtifactFiles, Making, keep_artifact
from folkmoot.runs.artifacts import list_artifacts, put_artifact
from folkmoot.runs.forks import (
    Forked,
    Forks,
    InputNotTaken,
    NotForkable,
    NothingToRetry,
    RunNotEnded,
    UnknownPosition,
    fork_run,
)
from folkmoot.runs.idempotency import KeyReused, request_key
from folkmoot.runs.journal import Call, Entry, Fault, Outcome, Use
from folkmoot.runs.queries import NoSuchRun
from folkmoot.runs.service import cancel_run
from folkmoot.runs.tables import Run
from folkmoot.runs.timeline import differences
from tests.databases import new_scope
from tests.runs.scripted import Gate, Host, Script, Steps, StepsExecutor, at_once

USAGE = Usage(10, 5, 0, Decimal("0.5"), 0.1, "stub", "stub-1", estimated=False)


class Forkable(StepsExecutor):
    """Every step that is done leaves an artifact."""

    def reopen(self, tx: Tx, scope: Scope, was: JsonObject, changes: JsonObject) -> JsonObject:
        if "groups" not in changes:
            raise InputNotTaken
        return {**was, **changes}

    def project(self, tx: Tx, run: Run, before: Steps, after: Steps, entry: Entry) -> None:
        if after.done != before.done:
            put_artifact(tx, run, "steps.md", entry.key)


async def host_of(db: Database, script: Script = at_once) -> Host:
    host = Host(db, script)
    host.executor = Forkable(script)
    host.engine.register(host.executor)
    return await host.start()


def forks_of(host: Host) -> Forks:
    return Forks(host.engine, lambda tx, scope, task_id: None)


async def forked(host: Host, scope: Scope, run: Run, after_seq: int | None = None, **changes: object) -> Run:
    wanted = Forked(run_id=run.id, after_seq=after_seq, changes=changes)  # type: ignore[arg-type]
    made = await fork_run(forks_of(host), scope, wanted)
    return await host.finish(scope, made)


@pytest.mark.parametrize("after_seq", range(1, 7))
async def test_a_fork_from_any_position_ends_as_its_source(db: Database, scope: Scope, after_seq: int) -> None:
    host = await host_of(db)
    source = await host.finish(scope, await host.run(scope, ["a"], ["b", "?c"], ["d"]))
    asked = len(host.executor.performed)
    entries = await host.journal(source)
    run = await forked(host, scope, source, after_seq)
    assert (run.status, run.result) == (source.status, source.result)
    journal = await host.journal(run)
    assert differences(entries, journal) == []
    assert [entry.seq for entry in journal] == list(range(1, len(journal) + 1)) == list(range(1, run.journal_seq + 1))
    assert journal[0].data["forked_from"] == {"run_id": source.id, "after_seq": _kept(entries, after_seq)}
    assert journal[0].data["seed"] == entries[0].data["seed"]
    known = {entry.key for entry in entries[:after_seq] if entry.kind == "done"}
    again = host.executor.performed[asked:]
    assert sorted(again) == sorted({"a", "b", "?c", "d"} - known), "what was known is not asked again"
    assert [row.version for row in await db.read(list_artifacts, run.id)] == [1, 2, 3, 4]
    await host.die()


def _kept(entries: list[Entry], after_seq: int) -> int:
    """The seq of the last entry that is no intention still open."""
    done = {entry.key for entry in entries[:after_seq] if entry.kind == "done"}
    kept = [entry.seq for entry in entries[:after_seq] if entry.kind in ("begun", "done") or entry.key in done]
    return max(kept)


async def test_a_fork_with_another_input(db: Database, scope: Scope) -> None:
    host = await host_of(db)
    source = await host.finish(scope, await host.run(scope, ["a"], ["b"]))
    run = await forked(host, scope, source, 2, groups=[["a"], ["x"]])
    assert run.result == {"done": ["a", "x"]}
    assert run.input == {"groups": [["a"], ["x"]]}
    assert host.executor.performed == ["a", "b", "x"]
    with pytest.raises(InputNotTaken):
        await forked(host, scope, source, 2, other=1)
    await host.die()


async def test_what_the_source_paid_for_is_not_counted_again(db: Database, scope: Scope) -> None:
    async def paid(run: Run, action: Call | Use) -> Outcome:
        return Outcome(value={}, usage=USAGE)

    host = await host_of(db, paid)
    source = await host.finish(scope, await host.run(scope, ["a"], ["b"], ["c"], deadline_seconds=600))
    assert (source.model_calls, source.cost) == (3, Decimal("1.5"))
    run = await forked(host, scope, source, 3)
    assert (run.model_calls, run.input_tokens, run.cost) == (1, 10, Decimal("0.5"))
    assert run.deadline_at is not None
    assert round((run.deadline_at - run.created_at).total_seconds()) == 600
    assert await events_of(db, run) == [
        *("run_status_changed", "run_status_changed", "progress", "run_status_changed", "completion")
    ]
    await host.die()


async def events_of(db: Database, run: Run) -> list[str]:
    """Their types, in order; they are numbered without a gap."""
    found = sa.select(Event.type, Event.run_seq).where(Event.run_id == run.id).order_by(Event.seq)
    events = await db.read(lambda tx: tx.all(Event, found))
    assert [event.run_seq for event in events] == list(range(1, len(events) + 1))
    return [event.type for event in events]


async def test_a_retry_goes_on_before_the_fault(db: Database, scope: Scope) -> None:
    is_broken = True

    async def script(run: Run, action: Call | Use) -> Outcome:
        is_cut = action.key == "b" and is_broken
        return Outcome(fault=Fault(code="cut", sentence="cut off")) if is_cut else Outcome(value={"key": action.key})

    host = await host_of(db, script)
    source = await host.finish(scope, await host.run(scope, ["a"], ["b"], ["c"]))
    assert source.status == "failed"
    is_broken = False
    run = await forked(host, scope, source)
    assert (run.status, run.retry_of, run.result) == ("completed", source.id, {"done": ["a", "b", "c"]})
    assert host.executor.performed == ["a", "b", "b", "c"]
    with pytest.raises(NothingToRetry):
        await forked(host, scope, run)
    await host.die()


async def test_a_cancelled_run_is_retried_behind_its_last_entry(db: Database, scope: Scope) -> None:
    gate = Gate("b")
    host = await host_of(db, gate)
    source = await host.run(scope, ["a"], ["b"])
    await gate.reached["b"].wait()
    with pytest.raises(RunNotEnded):
        await forked(host, scope, source)
    await cancel_run(host.engine, scope, source.id)
    gate.closed["b"].set()
    run = await forked(host, scope, source)
    assert (run.status, host.executor.performed) == ("completed", ["a", "b", "b"])
    await host.die()


async def test_a_live_run_can_be_forked(db: Database, scope: Scope) -> None:
    gate = Gate("b")
    host = await host_of(db, gate)
    source = await host.run(scope, ["a"], ["b"])
    await gate.reached["b"].wait()
    run = await fork_run(forks_of(host), scope, Forked(run_id=source.id, after_seq=2))
    gate.closed["b"].set()
    assert {(await host.finish(scope, each)).status for each in (source, run)} == {"completed"}
    assert host.executor.performed.count("a") == 1
    await host.die()


async def test_what_tools_kept_by_then_comes_along(db: Database, scope: Scope, tmp_path: object) -> None:
    gate = Gate("b")
    host = await host_of(db, gate)
    files = ArtifactFiles(folder=tmp_path, limit=100)  # type: ignore[arg-type]
    source = await host.run(scope, ["a"], ["b"])
    await gate.reached["b"].wait()
    await keep_artifact(db, files, scope, source.id, Making(name="late.txt", content=b"after a"))
    gate.closed["b"].set()
    await host.finish(scope, source)
    names = []
    for after_seq in (2, 3):
        run = await forked(host, scope, source, after_seq)
        names.append([row.name for row in await db.read(list_artifacts, run.id)])
    assert names == [["steps.md", "steps.md"], ["late.txt", "steps.md", "steps.md"]]
    await host.die()


@pytest.mark.parametrize(
    ("after_seq", "problem"), [(5, UnknownPosition), (10**9, UnknownPosition)], ids=["one past the end", "far past it"]
)
async def test_positions_there_are_not(db: Database, scope: Scope, after_seq: int, problem: type[Problem]) -> None:
    host = await host_of(db)
    source = await host.finish(scope, await host.run(scope, ["a"], ["b"]))
    assert source.journal_seq == 4
    with pytest.raises(problem):
        await forked(host, scope, source, after_seq)
    await host.die()


async def test_a_kind_that_does_not_reopen_is_not_forked(db: Database, scope: Scope) -> None:
    host = await Host(db).start()
    source = await host.finish(scope, await host.run(scope, ["a"]))
    for after_seq in (1, None):
        with pytest.raises(NotForkable):
            await forked(host, scope, source, after_seq)
    await host.die()


async def test_a_run_of_another_workspace_is_unknown(db: Database, scope: Scope) -> None:
    host = await host_of(db)
    source = await host.finish(scope, await host.run(scope, ["a"]))
    other = await db.write(new_scope)
    with pytest.raises(NoSuchRun):
        await forked(host, other, source, 1)
    await host.die()


async def test_one_key_is_one_run(db: Database, scope: Scope) -> None:
    host = await host_of(db)
    source = await host.finish(scope, await host.run(scope, ["a"]))
    keys = [request_key("k", "fork", {"after_seq": after_seq}) for after_seq in (1, 1, 2)]
    first, second = [
        await fork_run(forks_of(host), scope, Forked(run_id=source.id, after_seq=1, key=key)) for key in keys[:2]
    ]
    assert first.id == second.id
    with pytest.raises(KeyReused):
        await fork_run(forks_of(host), scope, Forked(run_id=source.id, after_seq=2, key=keys[2]))
    await host.finish(scope, first)
    await host.die()
