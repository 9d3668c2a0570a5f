"""Journals looked at afterwards: what two of them have in common, and a run told again from its journal. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile

from folkmoot.events.log import data_of
from folkmoot.kernel.ids import is_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.json_patch import json_patch
from folkmoot.runs.journal import End, Entry, Procedure, S, is_closing
from folkmoot.runs.logs import line_of
from folkmoot.runs.schemas import LogLine

_BY_CHANCE = frozenset(
    {
        *("usage", "metrics", "latency_seconds", "duration_seconds", "cost_usd", "tokens"),
        *("seed", "origin", "forked_from", "idempotency_key", "ref", "call_id", "at", "until"),
    }
)
"""Members that say when, how long, for how much and under which id: they differ between equal runs."""


@dataclass(frozen=True, slots=True)
class Told:
    """An entry as it is compared."""

    kind: str
    key: str
    nth: int
    seq: int
    data: JsonObject

    @property
    def name(self) -> tuple[str, str, int]:
        return self.key, self.kind, self.nth


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two journals differ: an entry that only one has (the other's seq is None), or what it says."""

    kind: str
    key: str
    seq: int | None
    other_seq: int | None
    patch: tuple[JsonObject, ...] = ()


def canonical(entries: Iterable[Entry]) -> list[Told]:
    """A journal as it is compared: by key, without what control, time, chance and price leave in it.

    Journals of a broken run and of the unbroken one are equal in this form.
    """
    counted: dict[tuple[str, str], int] = {}
    told = []
    for entry in entries:
        if entry.kind == "controlled" or (entry.kind == "waiting" and entry.data.get("for") == "time"):
            continue
        nth = counted[entry.kind, entry.key] = counted.get((entry.kind, entry.key), 0) + 1
        data = _without_chance(entry.data)
        told.append(Told(entry.kind, entry.key, nth, entry.seq, data))
    return sorted(told, key=lambda item: item.name)


def _without_chance(value: JsonObject) -> JsonObject:
    is_call = "arguments" in value and "name" in value
    return {
        name: _part(item)
        for name, item in value.items()
        if name not in _BY_CHANCE and not name.endswith("_at") and not (is_call and name == "id") and not _is_id(item)
    }


def _part(value: Json) -> Json:
    match value:
        case dict():
            return _without_chance(value)
        case list():
            return [_part(item) for item in value if not _is_id(item)]
        case _:
            return value


def _is_id(value: Json) -> bool:
    return isinstance(value, str) and is_id(value)


def differences(here: Sequence[Entry], there: Sequence[Entry]) -> list[Difference]:
    """In the order in which the runs came to them; empty where the canonical journals are equal."""
    ours = {told.name: told for told in canonical(here)}
    others = {told.name: told for told in canonical(there)}
    found = [
        Difference(told.kind, told.key, told.seq, other.seq, tuple(json_patch(told.data, other.data)))
        for name, told in ours.items()
        if (other := others.get(name)) is not None and told.data != other.data
    ]
    found += [Difference(told.kind, told.key, told.seq, None) for name, told in ours.items() if name not in others]
    found += [Difference(told.kind, told.key, None, told.seq) for name, told in others.items() if name not in ours]
    return sorted(found, key=_place)


def _place(difference: Difference) -> tuple[int, bool]:
    return difference.seq or difference.other_seq or 0, difference.seq is None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has taken by an entry; `cost` is None where a price is unknown."""

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = Decimal(0)

    def after(self, entry: Entry) -> "Spent":
        match entry.data.get("usage"):
            case {"input_tokens": int(read), "output_tokens": int(written), **more}:
                price = more.get("cost_usd")
                known = self.cost if price is not None else None
                return Spent(
                    self.model_calls + 1,
                    self.input_tokens + read,
                    self.output_tokens + written,
                    None if known is None else known + Decimal(str(price)),
                )
            case _:
                return self


@dataclass(frozen=True, slots=True)
class Frame:
    """One entry, told as followers of the run were told: its line of the log, its events, what was spent by then."""

    line: LogLine
    events: tuple[JsonObject, ...]
    spent: Spent


def frames(procedure: Procedure[S], entries: Sequence[Entry]) -> Iterator[Frame]:
    """The run told again, from its journal alone: no language model is asked and nothing is looked up."""
    state, spent = procedure.begin(entries[0]), Spent()
    for entry in entries:
        state = state if entry.kind == "begun" else procedure.apply(state, entry)
        spent = spent.after(entry)
        events = tuple(_event(fact.type, data_of(fact)) for fact in procedure.facts(state, entry))
        yield Frame(line_of(entry), (*events, *_moves(entry)), spent)


def _event(name: str, data: JsonObject) -> JsonObject:
    return {"event_type": name, "data": data}


def _moves(entry: Entry) -> tuple[JsonObject, ...]:
    """What an entry says of the run's status; those who watched it were told by the engine."""
    match entry.kind:
        case "waiting":
            status = "awaiting_approval" if entry.data.get("for") == "person" else "pending"
            return (_event("run_status_changed", {"status": status, "waiting_for": entry.data.get("for")}),)
        case "ended":
            told = {name: entry.data.get(name) for name in ("status", "stop_reason")}
            return (_event("run_status_changed", {**told, "waiting_for": None}),)
        case _:
            return ()


def settled(entries: Sequence[Entry]) -> list[Entry]:
    """What a run can go on from: without its end, what control did, and what was begun and is not done.

    What was only intended, or only waited for, whoever goes on wants anew; so with what it said for want of money.
    """
    entries = [*takewhile(lambda entry: not is_closing(entry), entries)]
    done = {entry.key for entry in entries if entry.kind == "done"}
    return [
        entry
        for entry in entries
        if entry.kind in ("begun", "done", "told") or (entry.kind in ("intended", "waiting") and entry.key in done)
    ]


def without_fatal_faults(procedure: Procedure[S], entries: Sequence[Entry]) -> list[Entry] | None:
    """The entries without those faults that made the run end; None where it came to its end without one.

    A run that was stopped from outside wants no end: all of it is kept.
    """
    state, kept = procedure.begin(entries[0]), [entries[0]]
    for entry in settled(entries[1:]):
        after = procedure.apply(state, entry)
        if any(isinstance(action, End) for action in procedure.wanted(after)):
            if "fault" not in entry.data:
                return None
            continue
        state = after
        kept.append(entry)
    return settled(kept)
