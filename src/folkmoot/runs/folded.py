"""A journal, read: the state it stands for, and what was begun in it and is not done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import reduce
from typing import Literal, NamedTuple

from folkmoot.kernel.origin import NOWHERE, Origin, kept_origin
from folkmoot.kernel.values import fixed
from folkmoot.runs.journal import Entry, Executor
from folkmoot.runs.tables import Run


class Begun(NamedTuple):
    """What stands behind an action that is not done: an idempotency key, an approval's id, a child run's id.

    A person who was asked `about` a tool that may have been used already may have refused that it is used again: then
    it is a refusal, and what was said to it.
    """

    what: Literal["tool", "person", "child", "refusal"]
    ref: str
    seq: int
    about: str | None = None


@fixed
class Folded:
    """A run as its worker knows it: its row, its state, how far the journal was read, what is begun, by action.

    `origin` is what its worker does it for: the request that started it, and the span.
    """

    run: Run
    state: object
    seq: int
    begun: Mapping[str, Begun] = field(default_factory=dict)
    origin: Origin = NOWHERE

    @property
    def workspace_id(self) -> str:
        return self.run.workspace_id

    @property
    def has_children(self) -> bool:
        """Whether runs that it has started are under way."""
        return any(begun.what == "child" for begun in self.begun.values())

    def at(self, run: Run) -> "Folded":
        """The same, with the run's row as it is now."""
        return Folded(run, self.state, self.seq, self.begun, self.origin)


def fold(executor: Executor[object], run: Run, entries: Sequence[Entry]) -> Folded:
    """The state that a whole journal stands for. The first entry is `begun`."""
    of = kept_origin(run.id, entries[0].data.get("origin"))
    begun = Folded(run, executor.procedure.begin(entries[0]), entries[0].seq, origin=of)
    return fold_on(executor, begun, entries[1:])


def fold_on(executor: Executor[object], folded: Folded, entries: Iterable[Entry]) -> Folded:
    """The same, from where the journal was read to."""
    return reduce(lambda known, entry: _with(executor, known, entry), entries, folded)


def unwanted(executor: Executor[object], known: Folded) -> frozenset[str]:
    """The keys of what people were asked and the run no longer wants to know."""
    asked = {key: opened.about or key for key, opened in known.begun.items() if opened.what == "person"}
    if not asked:
        return frozenset()
    wanted = {action.key for action in executor.procedure.wanted(known.state)}
    return frozenset(key for key, about in asked.items() if about not in wanted)


def _with(executor: Executor[object], folded: Folded, entry: Entry) -> Folded:
    state = executor.procedure.apply(folded.state, entry)
    return Folded(folded.run, state, entry.seq, _begun(folded.begun, entry), folded.origin)


def _begun(begun: Mapping[str, Begun], entry: Entry) -> Mapping[str, Begun]:
    match entry.kind, entry.data.get("for"):
        case "intended", _:
            return {**begun, entry.key: Begun("tool", str(entry.data.get("idempotency_key")), entry.seq)}
        case "waiting", "person" | "child" as what:
            about = entry.data.get("about")
            opened = Begun(what, str(entry.data.get("ref")), entry.seq, about if isinstance(about, str) else None)
            return {**begun, entry.key: opened}
        case "done", _ if entry.key in begun:
            about = begun[entry.key].about
            left = {key: value for key, value in begun.items() if key != entry.key}
            return left if about is None else _decided(left, about, entry)
        case _:
            return begun


def _decided(begun: Mapping[str, Begun], about: str, entry: Entry) -> Mapping[str, Begun]:
    """What a person has said about a tool that may have been used already: as if it was not begun, or no more of it."""
    left = {key: value for key, value in begun.items() if key != about}
    match entry.data.get("value"):
        case {"decision": "approve"}:
            return left
        case {"feedback": str(said)}:
            return {**left, about: Begun("refusal", said, entry.seq)}
        case _:
            return {**left, about: Begun("refusal", "", entry.seq)}
