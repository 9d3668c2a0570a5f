"""The two doors to a journal: a worker's append is fenced by its epoch, a verb's locks the run and checks it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.values import fixed
from folkmoot.llm.messages import Usage
from folkmoot.runs.asking import withdraw, withdraw_these
from folkmoot.runs.folded import Folded, fold, fold_on, unwanted
from folkmoot.runs.journal import Ask, Call, End, Entry, EntryKind, Executor, Outcome, Spawn, Use
from folkmoot.runs.moves import Change, emit, finish, go_on
from folkmoot.runs.ports import Engine
from folkmoot.runs.queries import RUN_COLUMNS, find_run_row, journal
from folkmoot.runs.rules import FINAL
from folkmoot.runs.spending import is_covered, settle_calls, spender_of, taken_by
from folkmoot.runs.tables import JournalEntry, Run
from folkmoot.usage.service import record

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


@fixed
class NewEntry:
    kind: EntryKind
    key: str
    data: JsonObject
    action: Call | Use | Ask | Spawn | None = None
    usage: Usage | None = None


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
        **({} if usage.cache is None else {"cache": usage.cache}),
    }


def worker_append(tx: Tx, engine: Engine, known: Folded, entries: Sequence[NewEntry], end: End | None = None) -> Folded:
    """Fence, then write entries, project, emit; where the run is over by them, end it in the same unit.

    Entries of others that came in between are applied first. `end` ends the run whatever is wanted.
    Raises Fenced, and then has written nothing.
    """
    executor = engine.executor(known.run.kind)
    run = _fence(tx, known.run, entries)
    folded = catch_up(tx, executor, known.at(run), run.journal_seq - len(entries))
    steps = _steps(tx.at, executor, folded, entries)
    after = steps[-1].after if steps else folded
    end = end or next((action for action in executor.procedure.wanted(after.state) if isinstance(action, End)), None)
    if end is not None:
        return _end(tx, engine, folded, steps, end)
    _write(tx, engine, run, steps)
    _take_back(tx, executor, folded, after)
    return after


def _take_back(tx: Tx, executor: Executor[object], before: Folded, after: Folded) -> None:
    """What people were asked, and by what was written now need not be decided any more."""
    if keys := unwanted(executor, after) - unwanted(executor, before):
        withdraw_these(tx, after.run, keys)


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
        calls=sum(usage.cache != "hit" for usage in used),
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
    return fold_on(executor, folded, foreign)


@fixed
class _Step:
    """An entry on its way into the journal, and what it makes of the state."""

    new: NewEntry
    entry: Entry
    before: Folded
    after: Folded


def _steps(at: datetime, executor: Executor[object], folded: Folded, entries: Sequence[NewEntry]) -> list[_Step]:
    """Pure: what the entries make of the state, one after the other."""
    known, steps = folded, []
    for seq, new in enumerate(entries, folded.seq + 1):
        entry = Entry(seq, at, new.kind, new.key, new.data)
        after = fold_on(executor, known, (entry,))
        steps.append(_Step(new, entry, known, after))
        known = after
    return steps


def _write(tx: Tx, engine: Engine, run: Run, steps: Sequence[_Step]) -> None:
    """The entries in one statement, then what follows from each."""
    executor = engine.executor(run.kind)
    insert_entries(tx, run, [step.entry for step in steps])
    if is_covered(engine, run):
        calls = [step.new for step in steps if isinstance(step.new.action, Call)]
        settle_calls(tx, run, {new.key: taken_by(new.data, new.usage) for new in calls})
    for step in steps:
        if step.new.usage is not None:
            record(tx, spender_of(run, step.new.action.agent_id if step.new.action else None), step.new.usage)
        executor.project(tx, run, step.before.state, step.after.state, step.entry)
        emit(tx, run, *executor.procedure.facts(step.after.state, step.entry))


def _end(tx: Tx, engine: Engine, folded: Folded, steps: list[_Step], end: End, change: Change | None = None) -> Folded:
    """Write the steps and `ended` behind them, move the run to its final status, tell those who hang on it."""
    executor, run = engine.executor(folded.run.kind), folded.run
    parent = _hold_parent(tx, run)
    if end.said and end.result is not None and (cited := engine.cites(tx, run, end.said)):
        end = replace(end, result={**end.result, **cited})
    reached = steps[-1].after if steps else folded
    steps = [*steps, *_steps(tx.at, executor, reached, [NewEntry("ended", end.key, ended_data(end))])]
    _write(tx, engine, run, steps)
    run = _as_written(tx, executor, run)
    begun = {opened.what for opened in reached.begun.values()}
    if "person" in begun:
        withdraw(tx, run)
    after = steps[-1].after
    ended = finish(tx, engine, run, end, {**(change or {}), "journal_seq": after.seq})
    if "child" in begun:
        tx.after(lambda: engine.end_children(ended))
    if parent is not None:
        _tell_parent(tx, engine, parent, ended)
    return after.at(ended)


def _as_written(tx: Tx, executor: Executor[object], run: Run) -> Run:
    """The run's row with what its room has just written into it; rooms write nothing into a reply's."""
    return (find_run_row(tx, run.id) or run) if executor.takes_slot else run


def _hold_parent(tx: Tx, run: Run) -> Run | None:
    """Before anything else is locked: a child's row, then its parent's."""
    return lock_run(tx, run.workspace_id, run.parent_run_id) if run.parent_run_id else None


def _tell_parent(tx: Tx, engine: Engine, parent: Run, child: Run) -> None:
    """What came of a child is what its parent's action came to; one that has ended has no use for it."""
    if parent.status in FINAL:
        return
    known = fold(engine.executor(parent.kind), parent, journal(tx, parent.id))
    key = next((key for key, opened in known.begun.items() if opened[:2] == ("child", child.id)), None)
    if key is not None:
        told = verb_step(tx, engine, known, NewEntry("done", key, {"value": child_value(child)}))
        go_on(tx, engine, told.run)


def child_value(child: Run) -> JsonObject:
    """What a Spawn is done with."""
    error: JsonObject | None = None
    if child.error_code is not None:
        error = {"code": child.error_code, "sentence": child.error_message or ""}
    value: JsonObject = {"run_id": child.id, "status": child.status, "stop_reason": child.stop_reason}
    return {**value, "result": child.result, "error": error}


def ended_data(end: End) -> JsonObject:
    data: JsonObject = {"status": end.status, "stop_reason": end.stop_reason, "result": end.result}
    if end.error_code is not None:
        data["fault"] = {"code": end.error_code, "sentence": end.error_message or ""}
    return data


def insert_entry(tx: Tx, run: Run, entry: Entry) -> None:
    tx.write(_INSERT, _row(run, entry))


def insert_entries(tx: Tx, run: Run, entries: Sequence[Entry]) -> None:
    tx.write(_INSERT, [_row(run, entry) for entry in entries])


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


def verb_step(tx: Tx, engine: Engine, known: Folded, new: NewEntry) -> Folded:
    """As `verb_append`, of what the procedure goes on from: rows and events follow from the entry here already."""
    executor = engine.executor(known.run.kind)
    steps = _steps(tx.at, executor, known, [new])
    counted = tx.write_returning(Run, _COUNT_ENTRY, this_run=known.run.id, pausing=known.run.is_pausing)
    assert counted is not None, "the row is held"
    _write(tx, engine, counted, steps)
    after = replace(steps[-1].after, run=counted)
    _take_back(tx, executor, known, after)
    return after


def verb_end(tx: Tx, engine: Engine, run: Run, reason: str, by: JsonObject) -> Run:
    """End a run whose row this unit holds, without its worker: fold, settle, `ended`, and an epoch that fences it off.

    `reason` is one of the settlements of the journal's procedures.
    """
    executor = engine.executor(run.kind)
    folded = fold(executor, run, journal(tx, run.id))
    end = executor.procedure.settle(folded.state, reason)  # type: ignore[arg-type]
    stop = [NewEntry("controlled", reason, {"verb": "stop", "by": by})] if by else []
    return _end(tx, engine, folded, _steps(tx.at, executor, folded, stop), end, {"epoch": run.epoch + 1}).run
