"""The two doors to a journal: a worker's append is fenced by its epoch, a verb's locks the run and checks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from folkmoot.llm.messages import Usage
from folkmoot.runs.journal import Call, End, Entry, EntryKind, Executor, Outcome, Use
from folkmoot.runs.moves import Change, emit, finish
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import RUN_COLUMNS, journal
from folkmoot.runs.tables import JournalEntry, Run
from folkmoot.usage.service import Spender, record

_INSERT = sa.insert(JournalEntry)
_FENCE = (
    sa.update(Run)
    .where(Run.id == sa.bindparam("this_run"), Run.epoch == sa.bindparam("mine"), Run.status == "running")
    .values(
        journal_seq=Run.journal_seq + sa.bindparam("entries"),
        input_tokens=Run.input_tokens + sa.bindparam("tokens_in"),
        output_tokens=Run.output_tokens + sa.bindparam("tokens_out"),
        model_calls=Run.model_calls + sa.bindparam("calls"),
        cost=Run.cost + sa.bindparam("spent", type_=RUN_COLUMNS.cost.type),
    )
    .returning(*RUN_COLUMNS)
)
_LOCK = (
    sa.update(Run)
    .where(Run.id == sa.bindparam("this_run"), Run.workspace_id == sa.bindparam("workspace"))
    .values(epoch=Run.epoch)
    .returning(*RUN_COLUMNS)
)
_COUNT_ENTRY = (
    sa.update(Run)
    .where(Run.id == sa.bindparam("this_run"))
    .values(journal_seq=Run.journal_seq + 1, is_pausing=sa.bindparam("pausing"))
    .returning(*RUN_COLUMNS)
)


class Fenced(Exception):
    """The claim is lost: another epoch works on the run, or it has ended."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    kind: EntryKind
    key: str
    data: JsonObject
    action: Call | Use | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """A run as its worker knows it: its row, its state, and how far the journal was read."""

    run: Run
    state: object
    seq: int

    @property
    def workspace_id(self) -> str:
        return self.run.workspace_id


def fold(executor: Executor[object], entries: Sequence[Entry]) -> object:
    """The state that a journal stands for. The first entry is `begun`."""
    return reduce(executor.procedure.apply, entries[1:], executor.procedure.begin(entries[0]))


def done(action: Call | Use, outcome: Outcome) -> NewEntry:
    """The entry that records an outcome."""
    data: JsonObject = {"by": outcome.by}
    if outcome.fault is not None:
        fault = outcome.fault
        data["fault"] = {"code": fault.code, "sentence": fault.sentence, "retryable": fault.retryable}
    else:
        data["value"] = outcome.value
    if outcome.usage is not None:
        data["usage"] = usage_json(outcome.usage)
    return NewEntry("done", action.key, data, action, outcome.usage)


def usage_json(usage: Usage) -> JsonObject:
    return {
        "provider": usage.provider,
        "model": usage.model,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cost_usd": None if usage.cost is None else format(usage.cost, "f"),
        "latency_seconds": round(usage.latency_seconds, 4),
        "estimated": usage.estimated,
    }


def worker_append(tx: Tx, engine: Engine, known: Folded, entries: Sequence[NewEntry], end: End | None = None) -> Folded:
    """Fence, then write entries, project, emit; where the run is over by them, end it in the same unit.

    Entries of others that came in between are applied first. `end` ends the run whatever is wanted.
    Raises Fenced, and then has written nothing.
    """
    executor = engine.executor(known.run.kind)
    run = _fence(tx, known.run, entries)
    folded = catch_up(tx, executor, Folded(run, known.state, known.seq), run.journal_seq - len(entries))
    steps = _steps(executor, folded, entries)
    after = steps[-1].after if steps else folded.state
    end = end or next((action for action in executor.procedure.wanted(after) if isinstance(action, End)), None)
    if end is not None:
        return _end(tx, engine, folded, steps, end)
    _write(tx, executor, run, steps)
    return Folded(run, after, folded.seq + len(steps))


def _fence(tx: Tx, run: Run, entries: Sequence[NewEntry]) -> Run:
    used = [new.usage for new in entries if new.usage is not None]
    fenced = tx.write_returning(
        Run,
        _FENCE,
        this_run=run.id,
        mine=run.epoch,
        entries=len(entries),
        tokens_in=sum(usage.input_tokens for usage in used),
        tokens_out=sum(usage.output_tokens for usage in used),
        calls=len(used),
        spent=_spent(used),
    )
    if fenced is None:
        tx.wrote = False
        raise Fenced
    return fenced


def _spent(used: Sequence[Usage]) -> Decimal | None:
    """The sum of the costs; unknown (null, and so the run's cost from then on) where one of them is."""
    costs = [usage.cost for usage in used]
    return None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0))


def catch_up(tx: Tx, executor: Executor[object], folded: Folded, seq: int) -> Folded:
    """Apply what others appended up to and including `seq`; their doors have projected it already."""
    if folded.seq >= seq:
        return folded
    foreign = [entry for entry in journal(tx, folded.run.id, after=folded.seq) if entry.seq <= seq]
    return Folded(folded.run, reduce(executor.procedure.apply, foreign, folded.state), seq)


@dataclass(frozen=True, slots=True)
class _Step:
    """An entry on its way into the journal, with the states around it."""

    new: NewEntry
    entry: Entry
    before: object
    after: object


def _steps(executor: Executor[object], folded: Folded, entries: Sequence[NewEntry]) -> list[_Step]:
    """Pure: what the entries make of the state, one after the other."""
    at, state, steps = now(), folded.state, []
    for seq, new in enumerate(entries, folded.seq + 1):
        entry = Entry(seq, at, new.kind, new.key, new.data)
        after = executor.procedure.apply(state, entry)
        steps.append(_Step(new, entry, state, after))
        state = after
    return steps


def _write(tx: Tx, executor: Executor[object], run: Run, steps: Sequence[_Step]) -> None:
    """The entries in one statement, then what follows from each."""
    tx.write(_INSERT, [_row(run, step.entry) for step in steps])
    for step in steps:
        if step.new.usage is not None:
            record(tx, _spender(run, step.new.action), step.new.usage)
        executor.project(tx, run, step.before, step.after, step.entry)
        emit(tx, run, *executor.procedure.facts(step.after, step.entry))


def _spender(run: Run, action: Call | Use | None) -> Spender:
    return Spender(
        workspace_id=run.workspace_id,
        project_id=run.project_id,
        kind=run.kind,
        run_id=run.id,
        agent_id=action.agent_id if action else None,
    )


def _end(tx: Tx, engine: Engine, folded: Folded, steps: list[_Step], end: End, change: Change | None = None) -> Folded:
    """Write the steps and `ended` behind them, and move the run to its final status."""
    executor, run = engine.executor(folded.run.kind), folded.run
    state = steps[-1].after if steps else folded.state
    reached = Folded(run, state, folded.seq + len(steps))
    steps = [*steps, *_steps(executor, reached, [NewEntry("ended", end.key, ended_data(end))])]
    _write(tx, executor, run, steps)
    seq = folded.seq + len(steps)
    return Folded(finish(tx, engine, run, end, {**(change or {}), "journal_seq": seq}), steps[-1].after, seq)


def ended_data(end: End) -> JsonObject:
    data: JsonObject = {"status": end.status, "stop_reason": end.stop_reason, "result": end.result}
    if end.error_code is not None:
        data["fault"] = {"code": end.error_code, "sentence": end.error_message or ""}
    return data


def insert_entry(tx: Tx, run: Run, entry: Entry) -> None:
    tx.write(_INSERT, _row(run, entry))


def _row(run: Run, entry: Entry) -> dict[str, object]:
    return {
        "run_id": run.id,
        "seq": entry.seq,
        "kind": entry.kind,
        "key": entry.key,
        "data": entry.data,
        "at": entry.at,
    }


def lock_run(tx: Tx, workspace_id: str, run_id: str) -> Run | None:
    """The run's row, held until the unit ends: what a verb does first."""
    row = tx.write_returning(Run, _LOCK, this_run=run_id, workspace=workspace_id)
    if row is None:
        tx.wrote = False
    return row


def verb_append(tx: Tx, run: Run, new: NewEntry, *, is_pausing: bool) -> Run:
    """Append from outside to a run whose row this unit holds; a worker on it applies the entry when it meets it."""
    counted = tx.write_returning(Run, _COUNT_ENTRY, this_run=run.id, pausing=is_pausing)
    assert counted is not None, "the row is held"
    insert_entry(tx, counted, Entry(counted.journal_seq, now(), new.kind, new.key, new.data))
    return counted


def verb_end(tx: Tx, engine: Engine, run: Run, reason: str, by: JsonObject) -> Run:
    """End a run whose row this unit holds, without its worker: fold, settle, `ended`, and an epoch that fences it off.

    `reason` is one of the settlements of the journal's procedures.
    """
    executor = engine.executor(run.kind)
    entries = journal(tx, run.id)
    state = fold(executor, entries)
    end = executor.procedure.settle(state, reason)  # type: ignore[arg-type]
    folded = Folded(run, state, run.journal_seq)
    stop = [NewEntry("controlled", reason, {"verb": "stop", "by": by})] if by else []
    return _end(tx, engine, folded, _steps(executor, folded, stop), end, {"epoch": run.epoch + 1}).run
