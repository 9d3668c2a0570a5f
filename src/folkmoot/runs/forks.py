"""A new run over the beginning of another's journal: a fork from any position, a retry from before what was fatal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import sqlalchemy as sa
from pydantic import ValidationError

from folkmoot.audit.service import record
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import BadRequest, Conflict, Invalid
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.origin import Origin
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.validation import reasons
from folkmoot.runs.append import insert_entries, lock_run
from folkmoot.runs.artifacts import carry_over
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.idempotency import RequestKey, recall, remember
from folkmoot.runs.journal import Entry, Executor
from folkmoot.runs.moves import emit, emit_status, row_of, take_slot, tell, tell_observers
from folkmoot.runs.queries import RUN_COLUMNS, NoSuchRun, get_run, journal, run_agents
from folkmoot.runs.rules import FINAL, PRIORITY_NAMES, WaitingFor
from folkmoot.runs.service import NewRun, new_row
from folkmoot.runs.spending import budget_run, find_run_budget
from folkmoot.runs.tables import Run, RunAgent
from folkmoot.runs.timeline import settled, without_fatal_faults

_NAMES = tuple(RUN_COLUMNS.keys())
_INSERT = sa.insert(Run)
_INSERT_AGENTS = sa.insert(RunAgent)
_PLACE = (
    sa.update(Run)
    .where(Run.id == sa.bindparam("this_run"))
    .values(waiting_for=sa.bindparam("waits_for"), holds_slot=sa.bindparam("holds"))
    .returning(*RUN_COLUMNS)
)


class NotForkable(Conflict):
    """A run of this kind cannot be gone on with by another run"""


class UnknownPosition(BadRequest):
    """The run's journal is not that long"""


class RunNotEnded(Conflict):
    """Only a run that has ended can be retried"""

    hint = "Cancel it first, or fork it from an earlier position"


class NothingToRetry(Conflict):
    """No fault and nobody ended this run: a retry would end as it did"""

    hint = "Fork it from an earlier position, with another input where that is what it needs"


class InputNotTaken(Invalid):
    """The input cannot be changed like that"""


@runtime_checkable
class Reopens(Protocol):
    """What an executor has besides where another run may go on with a beginning of one of its runs."""

    def reopen(self, tx: Tx, scope: Scope, was: JsonObject, changes: JsonObject) -> JsonObject:
        """The input that the journal of the new run holds: `was` with the changes, checked as `open` checks.

        Raises a Problem, or pydantic's ValidationError, where it cannot be changed like that.
        """
        ...


Number = Callable[[Tx, Scope, str], int | None]
"""Gives the next number among a task's runs and holds the task; None where the task is gone."""


@dataclass(frozen=True, slots=True)
class Forks:
    """What a fork needs of this process."""

    engine: RunEngine
    number: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Forked:
    """Which run, after which of its entries, with what changed in its input; a retry says no position."""

    run_id: str
    after_seq: int | None = None
    changes: JsonObject = field(default_factory=dict)
    key: RequestKey | None = None


async def fork_run(forks: Forks, scope: Scope, wanted: Forked) -> Run:
    """Start the new run, or answer the one that this key has started.

    Raises NoSuchRun, NotForkable, UnknownPosition, RunNotEnded, NothingToRetry, InputNotTaken, KeyReused, and what
    the kind's `reopen` refuses.
    """
    database = forks.engine.database
    if wanted.key is not None and (known := await database.read(recall, scope, wanted.key)) is not None:
        return await database.read(get_run, scope, known)
    prefix = await database.read_long(_prefix, forks.engine, scope, wanted)
    return await database.write(_begin, forks, scope, wanted, prefix)


def _prefix(tx: Tx, engine: RunEngine, scope: Scope, wanted: Forked) -> list[Entry]:
    """The entries that are taken over: a journal only grows, so they stay what they are."""
    source = get_run(tx, scope, wanted.run_id)
    _reopens(engine.executor(source.kind), source.kind)
    entries = journal(tx, source.id)
    if wanted.after_seq is not None:
        if wanted.after_seq > len(entries):
            raise UnknownPosition(f"The run's journal has {len(entries)} entries", entries=len(entries))
        return settled(entries[: wanted.after_seq])
    if source.status not in FINAL:
        raise RunNotEnded(status_now=source.status)
    kept = without_fatal_faults(engine.executor(source.kind).procedure, entries)
    if kept is None:
        raise NothingToRetry(status_now=source.status, stop_reason=source.stop_reason)
    return kept


def _reopens(executor: object, kind: str) -> Reopens:
    """Raises NotForkable."""
    if not isinstance(executor, Reopens):
        raise NotForkable(kind=kind)
    return executor


def _begin(tx: Tx, forks: Forks, scope: Scope, wanted: Forked, prefix: Sequence[Entry]) -> Run:
    if wanted.key is not None and (known := recall(tx, scope, wanted.key)) is not None:
        return get_run(tx, scope, known)
    source = lock_run(tx, scope.workspace_id, wanted.run_id)
    if source is None:
        raise NoSuchRun
    scope = replace(scope, project_id=source.project_id)
    executor = forks.engine.executor(source.kind)
    given = _reopened(tx, executor, scope, prefix[0], wanted.changes)
    new = _new(tx, forks, scope, source, is_retry=wanted.after_seq is None)
    run = row_of(
        {**new_row(tx, forks.engine, scope, new, given), "version": source.version, "journal_seq": len(prefix)}
    )
    entries = _entries(source, given, prefix, tx.origin)
    _write(tx, executor, source, run, entries)
    if new.budget is not None:
        budget_run(tx, forks.engine, scope, run, new.budget)
    carry_over(tx, source, run, prefix[-1].at)
    run = _start(tx, forks.engine, run, entries)
    verb = "retry_run" if wanted.after_seq is None else "fork_run"
    record(tx, scope.actor, verb, ("run", run.id), scope.workspace_id, source=source.id, entries=len(prefix))
    if wanted.key is not None:
        remember(tx, scope, wanted.key, run.id)
    return run


def _reopened(tx: Tx, executor: Executor[object], scope: Scope, begun: Entry, changes: JsonObject) -> JsonObject:
    was = begun.data["input"]
    assert isinstance(was, dict), "what began it was an object"
    if not changes:
        return was
    try:
        return _reopens(executor, executor.kind).reopen(tx, scope, was, changes)
    except ValidationError as error:
        raise InputNotTaken(errors=reasons(error, "body", "input")) from error


def _new(tx: Tx, forks: Forks, scope: Scope, source: Run, *, is_retry: bool) -> NewRun:
    """As the source was; with a deadline, it gets as long as that had."""
    number = None if source.task_id is None else forks.number(tx, scope, source.task_id)
    seconds = None if source.deadline_at is None else round((source.deadline_at - source.created_at).total_seconds())
    return NewRun(
        kind=source.kind,
        title=source.title,
        input={},
        task_id=None if number is None else source.task_id,
        run_number=number,
        retry_of=source.id if is_retry else None,
        priority=PRIORITY_NAMES[source.priority],
        deadline_seconds=seconds,
        budget=find_run_budget(tx, scope, source),
        meta_data=source.meta_data,
    )


def _entries(source: Run, given: JsonObject, prefix: Sequence[Entry], of: Origin) -> list[Entry]:
    """The new journal, as of now. What the source has paid for is not counted again."""
    at = now()
    taken: JsonObject = {"run_id": source.id, "after_seq": prefix[-1].seq}
    begun: JsonObject = {**prefix[0].data, "input": given, "forked_from": taken, "origin": of.to_json()}
    bare = [{name: value for name, value in entry.data.items() if name != "usage"} for entry in prefix[1:]]
    return [
        Entry(seq, at, entry.kind, entry.key, data)
        for seq, (entry, data) in enumerate(zip(prefix, [begun, *bare], strict=True), 1)
    ]


def _write(tx: Tx, executor: Executor[object], source: Run, run: Run, entries: Sequence[Entry]) -> None:
    """The run's row, its journal, and all that follows from it in the owning room's rows."""
    tx.write(_INSERT, {name: getattr(run, name) for name in _NAMES})
    agents = [{"run_id": run.id, "agent_id": row.agent_id, "role": row.role} for row in run_agents(tx, source.id)]
    tx.write(_INSERT_AGENTS, agents)
    insert_entries(tx, run, entries)
    procedure = executor.procedure
    state = procedure.begin(entries[0])
    executor.project(tx, run, state, state, entries[0])
    for entry in entries[1:]:
        after = procedure.apply(state, entry)
        executor.project(tx, run, state, after, entry)
        state = after


def _start(tx: Tx, engine: RunEngine, run: Run, entries: Sequence[Entry]) -> Run:
    """Into the line for a slot. What the taken entries told was told of the source: the new run shows it as it is."""
    executor = engine.executor(run.kind)
    holds = executor.takes_slot and take_slot(tx, run.workspace_id)
    is_free = holds or not executor.takes_slot
    waits_for = WaitingFor.START if is_free else WaitingFor.ADMISSION
    placed = tx.write_returning(Run, _PLACE, this_run=run.id, waits_for=waits_for.value, holds=holds)
    assert placed is not None, "it was inserted above"
    emit_status(tx, engine, None, placed)
    tell_observers(tx, engine, None, placed)
    if len(entries) == 1:
        emit(tx, placed, *executor.procedure.facts(executor.procedure.begin(entries[0]), entries[0]))
    if is_free:
        tell(tx, engine, placed)
    return placed
