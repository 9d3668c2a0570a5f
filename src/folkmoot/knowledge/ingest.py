"""The procedure of taking in: read the file, cut its text part by part, publish it, make its vectors. Pure."""

from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.knowledge.rules import FileType, MediaType
from folkmoot.runs.events import Progress
from folkmoot.runs.journal import Action, End, Entry, Fault, Settlement, Use

INGEST = "ingest"
"""The kind of such runs."""

Step = Literal["read", "cut", "publish", "embed", "prune"]

_WEIGHTS: dict[Step, float] = {"read": 10.0, "cut": 40.0, "publish": 1.0, "embed": 48.0, "prune": 1.0}
"""How much of a whole each step takes, in percent; a run has only some of them."""

_SETTLED = {
    "timeout": "Taking the document in took longer than it may",
    "call_limit": "Taking the document in made as many calls as a run may",
    "budget": "The budget that pays for vectors is used up",
}


class IngestInput(BaseModel):
    """What a run is to take in. Without a text's `mark` it only makes missing vectors.

    `parts` is how many parts of the text wait for it; unknown for a file, which has `file_type`. Without a document
    it is the whole workspace. `model` makes the vectors; null where none are made.
    """

    model_config = ConfigDict(extra="forbid")

    document_id: str | None = None
    title: str = ""
    source: str | None = None
    tags: list[str] = []
    media_type: MediaType = "text/plain"
    sha256: str = ""
    takes_text: bool = False
    file_type: FileType | None = None
    parts: int | None = None
    size: int = 0
    model: str | None = None
    prunes: bool = False


@dataclass(frozen=True, slots=True)
class IngestState:
    """How far it is. `parts` of the text there are and are `cut`, into `passages`; `after` is the last passage with a
    vector, `missing` how many had none.
    """

    given: IngestInput
    parts: int | None = None
    size: int = 0
    cut: int = 0
    passages: int = 0
    published_id: str | None = None
    missing: int | None = None
    embedded: int = 0
    after: tuple[str, int] = ("", -1)
    has_vectors: bool = False
    is_pruned: bool = False
    fault: Fault | None = None

    @property
    def due(self) -> Step | None:
        """What is to be done next; None where nothing is left."""
        given = self.given
        if given.takes_text and self.published_id is None:
            if self.parts is None:
                return "read"
            return "cut" if self.cut < self.parts else "publish"
        if given.model is not None and not self.has_vectors:
            return "embed"
        return "prune" if given.model is not None and given.prunes and not self.is_pruned else None

    @property
    def percent(self) -> float:
        given = self.given
        done: dict[Step, float] = {}
        if given.takes_text:
            if given.file_type is not None:
                done["read"] = float(self.parts is not None)
            done["cut"] = self.cut / self.parts if self.parts else 0.0
            done["publish"] = float(self.published_id is not None)
        if given.model is not None:
            done["embed"] = 1.0 if self.has_vectors else min(1.0, self.embedded / self.missing) if self.missing else 0.0
            if given.prunes:
                done["prune"] = float(self.is_pruned)
        whole = sum(_WEIGHTS[step] for step in done)
        return round(100 * sum(_WEIGHTS[step] * share for step, share in done.items()) / whole, 1) if whole else 100.0


class IngestProcedure:
    """One step after the other, each of which may be done again after a crash without another effect."""

    def begin(self, entry: Entry) -> IngestState:
        given = IngestInput.model_validate(entry.data.get("input"))
        return IngestState(given, parts=given.parts, size=given.size)

    def apply(self, state: IngestState, entry: Entry) -> IngestState:
        if entry.kind != "done" or entry.key != _key(state):
            return state
        match entry.data:
            case {"fault": {"code": str(code), "sentence": str(sentence)}}:
                return replace(state, fault=Fault(code=code, sentence=sentence))
            case {"value": dict(value)}:
                return _after(state, value)
            case _:
                return state

    def wanted(self, state: IngestState) -> tuple[Action, ...]:
        if state.fault is not None:
            return (_failed(state, state.fault),)
        step = state.due
        if step is None:
            return (End(status="completed", stop_reason=_reason(state.given), result=_result(state)),)
        return (Use(key=_key(state), group=step, tool=step, arguments=_arguments(state, step)),)

    def facts(self, state: IngestState, entry: Entry) -> tuple[Fact, ...]:
        if entry.kind != "done" or state.fault is not None:
            return ()
        total = (state.parts or 1) + 2 if state.given.takes_text else 1
        step = state.cut + (state.published_id is not None) + state.has_vectors
        phase = entry.key.partition(".")[0]
        return (Progress(step=step, total_steps=max(total, step), current_phase=phase, progress_percent=state.percent),)

    def settle(self, state: IngestState, reason: Settlement) -> End:
        if reason == "cancelled":
            return End(status="cancelled", stop_reason=reason, result=_result(state))
        sentence = _SETTLED.get(reason, "Taking the document in was stopped")
        end = _failed(state, Fault(code=reason, sentence=sentence))
        return replace(end, status="timeout" if reason == "timeout" else "failed", stop_reason=reason)


def _reason(given: IngestInput) -> str:
    if given.takes_text:
        return "stored"
    return "embedded" if given.model is not None else "no_model"


def _key(state: IngestState) -> str:
    """Of the step that is due: parts of the text and batches of vectors are numbered."""
    match state.due:
        case "cut":
            return f"cut.{state.cut + 1}"
        case "embed":
            return f"embed.{state.after[0]}.{state.after[1] + 1}" if state.after[0] else "embed"
        case step:
            return step or "end"


def _arguments(state: IngestState, step: Step) -> JsonObject:
    match step:
        case "cut":
            return {"part": state.cut, "first": state.passages}
        case "embed":
            return {"after": [*state.after], "missing": state.missing}
        case _:
            return {}


def _after(state: IngestState, value: JsonObject) -> IngestState:
    match state.due, value:
        case "read", {"parts": int(parts), "size": int(size)}:
            return replace(state, parts=parts, size=size)
        case "cut", {"passages": int(passages)}:
            return replace(state, cut=state.cut + 1, passages=state.passages + passages)
        case "publish", {"document_id": str(document_id)}:
            return replace(state, published_id=document_id)
        case "embed", {"embedded": int(embedded), "missing": int(missing), "after": [str(document_id), int(seq)]}:
            has_all = embedded == 0
            after = (document_id, seq)
            return replace(state, embedded=state.embedded + embedded, missing=missing, after=after, has_vectors=has_all)
        case "prune", _:
            return replace(state, is_pruned=True)
        case _:
            return state


def _result(state: IngestState) -> JsonObject:
    document_id: Json = state.published_id or state.given.document_id
    return {"document_id": document_id, "passages": state.passages, "vectors": state.embedded}


def _failed(state: IngestState, fault: Fault) -> End:
    """What was published stays: a text that can be searched by its words is worth having without vectors."""
    reason = "no_vectors" if state.due == "embed" else fault.code
    return End(
        status="failed",
        stop_reason=reason,
        result=_result(state),
        error_code=fault.code,
        error_message=fault.sentence,
    )
