"""Read units that answer what the wire shows of journals: entries, differences, a run told again."""

from folkmoot.db.tx import Tx
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.runs.engine import RunEngine
from folkmoot.runs.journal import Entry
from folkmoot.runs.queries import get_run, journal
from folkmoot.runs.redaction import Mask
from folkmoot.runs.schemas import RunUsage
from folkmoot.runs.timeline import Difference, Frame, Spent, differences, frames
from folkmoot.runs.timeline_schemas import (
    DifferenceView,
    EntryView,
    ReplayEvent,
    ReplayFrame,
    RunDiff,
    RunJournal,
    RunReplay,
)


def show_journal(tx: Tx, scope: Scope, run_id: str, mask: Mask, after: int, limit: int) -> RunJournal:
    """At most `limit` entries past `after`. Raises NoSuchRun."""
    run = get_run(tx, scope, run_id)
    entries = journal(tx, run.id, after, limit)
    return RunJournal(entries=[_entry(entry, mask) for entry in entries], next=entries[-1].seq if entries else after)


def _entry(entry: Entry, mask: Mask) -> EntryView:
    return EntryView(seq=entry.seq, at=entry.at, kind=entry.kind, key=entry.key, data=mask.over(entry.data))


def show_diff(tx: Tx, scope: Scope, run_id: str, other_id: str, mask: Mask) -> RunDiff:
    """Raises NoSuchRun for either."""
    here, there = get_run(tx, scope, run_id), get_run(tx, scope, other_id)
    found = differences(_masked(journal(tx, here.id), mask), _masked(journal(tx, there.id), mask))
    return RunDiff(
        run_id=here.id,
        other_run_id=there.id,
        is_same=not found,
        differences=[_difference(difference) for difference in found],
    )


def _masked(entries: list[Entry], mask: Mask) -> list[Entry]:
    return [Entry(entry.seq, entry.at, entry.kind, entry.key, mask.over(entry.data)) for entry in entries]


def _difference(found: Difference) -> DifferenceView:
    return DifferenceView(
        kind=found.kind, key=found.key, seq=found.seq, other_seq=found.other_seq, patch=[*found.patch]
    )


def show_replay(tx: Tx, engine: RunEngine, scope: Scope, run_id: str, mask: Mask, cursor: tuple[int, int]) -> RunReplay:
    """The run told again from its journal: at most `limit` entries past `after`, the cursor. Raises NoSuchRun."""
    run = get_run(tx, scope, run_id)
    after, limit = cursor
    told = list(frames(engine.executor(run.kind).procedure, journal(tx, run.id)))[after : after + limit]
    return RunReplay(frames=[_frame(frame, mask) for frame in told], next=told[-1].line.seq if told else after)


def _frame(frame: Frame, mask: Mask) -> ReplayFrame:
    line: JsonObject = {"message": frame.line.message}
    message = str(mask.over(line)["message"])
    events = [
        ReplayEvent(event_type=str(event["event_type"]), data=mask.over(data))
        for event in frame.events
        if isinstance(data := event["data"], dict)
    ]
    return ReplayFrame(log=frame.line.model_copy(update={"message": message}), events=events, usage=_usage(frame.spent))


def _usage(spent: Spent) -> RunUsage:
    return RunUsage(
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        cost_usd=None if spent.cost is None else format(spent.cost, "f"),
        model_calls=spent.model_calls,
    )
