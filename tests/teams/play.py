"""A small interpreter of the team procedure: it plays a run from a script, without an engine or a database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import permutations

from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.messages import Assistant, ToolCall, message_to_json
from folkmoot.runs.journal import Action, Ask, Call, End, Entry, EntryKind, Fault, Spawn, Use
from folkmoot.teams.given import TeamInput
from folkmoot.teams.team import MGX, Team
from folkmoot.teams.workflow import TeamProcedure, TeamState

AT = datetime(2026, 1, 1, tzinfo=UTC)
PROCEDURE = TeamProcedure()

Due = Call | Use | Ask | Spawn
Answer = JsonObject | str | Fault
Pick = Callable[[tuple[Due, ...]], Due]

USAGE: JsonObject = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cached_tokens": 0,
    "cost_usd": "0.001",
    "latency_seconds": 0.25,
}


def team_input(team: Team = MGX, /, **changes: object) -> JsonObject:
    limits = {"max_rounds": 5, "max_revision_rounds": 2, "memory_size": 50}
    given = TeamInput.model_validate({"team": team, "name": "Task", "description": "Do it", **limits, **changes})
    return given.model_dump(mode="json")


def plan(*steps: tuple[str, tuple[str, ...]], complexity: str = "L") -> JsonObject:
    return {
        "complexity": complexity,
        "steps": [
            {
                "id": step_id,
                "title": f"Do {step_id}",
                "role": "tester" if step_id.startswith("t") else "engineer",
                "depends_on": [*needs],
                "acceptance": f"{step_id} is there",
            }
            for step_id, needs in steps
        ],
        "assumptions": [],
    }


def verdict(decision: str, *named: str, must_fix: bool = True) -> JsonObject:
    findings: list[Json] = [
        {"step_id": name, "severity": "high", "note": f"{name} is wrong", "must_fix": must_fix} for name in named
    ]
    return {"decision": decision, "findings": findings, "confidence": 0.9}


def form(output: JsonObject) -> JsonObject:
    return {"output": output}


def calls(*tools: str) -> JsonObject:
    """An answer that calls tools."""
    asked = tuple(ToolCall(f"c{number}", tool, {"query": "x"}) for number, tool in enumerate(tools))
    return message_to_json(Assistant("", asked)) | {"effects": ["none"] * len(tools)}


def person(decision: str, feedback: str | None = None, *, revise: bool = False) -> JsonObject:
    """What a person decided."""
    return {"decision": decision, "feedback": feedback, "revise": revise, "by": "ada"}


def calls_with(*ways: JsonObject, text: str = "") -> JsonObject:
    """An answer that calls tools for which it was decided what the turn does about them."""
    asked = tuple(ToolCall(f"c{number}", str(way["how"]), {}) for number, way in enumerate(ways))
    noted: list[Json] = [*ways]
    return message_to_json(Assistant(text, asked)) | {"effects": ["none"] * len(ways), "ways": noted}


SUMMARY: JsonObject = {"summary": "All is done.", "deliverables": ["a.md"], "open_issues": []}

Script = Mapping[str, Answer]
"""What comes of each key. A step's answer may be given as its text; what is not given answers with its key."""


def outcome(script: Script, action: Due) -> JsonObject:
    """The data of the `done` entry; people agree, and children do what they are asked, unless the script says else."""
    by: JsonObject = {"role": action.role if isinstance(action, Call) else None}
    answer = script.get(action.key)
    if isinstance(action, Ask):
        return {"value": answer if isinstance(answer, dict) else person("approve"), "by": by}
    if isinstance(action, Spawn):
        done: JsonObject = {"run_id": "r", "status": "completed", "result": {"response": f"made by {action.key}"}}
        return {"value": answer if isinstance(answer, dict) else done, "by": by}
    if isinstance(answer, Fault):
        told: JsonObject = {"code": answer.code, "sentence": answer.sentence, "retryable": answer.retryable}
        return {"fault": told, "by": by, "usage": USAGE}
    if isinstance(action, Use):
        return {"value": answer if isinstance(answer, dict) else {"text": "found", "is_error": False}, "by": by}
    if answer is None and action.output == "summary":
        answer = form(SUMMARY)
    if action.output == "remark" and not isinstance(answer, dict):
        answer = said(str(answer or f"made by {action.key}"), finish=answer is None)
    if answer is None or isinstance(answer, str):
        answer = message_to_json(Assistant(answer or f"made by {action.key}"))
    return {"value": answer, "by": by, "usage": USAGE}


def said(text: str, *, finish: bool) -> JsonObject:
    """A statement in rounds."""
    return {**message_to_json(Assistant(text)), "effects": [], "output": {"text": text, "finish": finish}}


def first(wanted: tuple[Due, ...]) -> Due:
    return wanted[0]


@dataclass
class Play:
    """A run played to its end."""

    script: Script
    given: JsonObject = field(default_factory=team_input)
    pick: Pick = first
    entries: list[Entry] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    groups: list[tuple[str, ...]] = field(default_factory=list)

    def run(self) -> End:
        state = PROCEDURE.begin(self._append("begun", "begun", {"input": self.given, "seed": "s", "version": 1}))
        self.facts.extend(PROCEDURE.facts(state, self.entries[0]))
        while True:
            wanted = PROCEDURE.wanted(state)
            if isinstance(wanted[0], End):
                return self._end(state, wanted[0])
            due = tuple(action for action in wanted if isinstance(action, Due))
            assert len(due) == len(wanted)
            assert len({action.key for action in due}) == len(due)
            self.groups.append(tuple(action.key for action in due))
            self._check_order(state, due)
            action = self.pick(due)
            entry = self._append("done", action.key, outcome(self.script, action))
            assert entry.key not in {known.key for known in self.entries[:-1]}, "asked twice"
            state = PROCEDURE.apply(state, entry)
            self.facts.extend(PROCEDURE.facts(state, entry))

    def _end(self, state: TeamState, end: End) -> End:
        ended = self._append("ended", end.key, {"status": end.status})
        assert PROCEDURE.wanted(PROCEDURE.apply(state, ended)) == ()
        return end

    def _check_order(self, state: TeamState, due: tuple[Due, ...]) -> None:
        """Whatever order a concurrent group comes in, the state is the same."""
        if len(due) < 2:
            return
        done = [Entry(0, AT, "done", action.key, outcome(self.script, action)) for action in due[:4]]
        states = [fold(state, order) for order in permutations(done)]
        assert all(other == states[0] for other in states)
        assert len({repr(PROCEDURE.wanted(other)) for other in states}) == 1

    def _append(self, kind: EntryKind, key: str, data: JsonObject) -> Entry:
        entry = Entry(len(self.entries) + 1, AT, kind, key, data)
        self.entries.append(entry)
        return entry

    @property
    def keys(self) -> list[str]:
        return [entry.key for entry in self.entries if entry.kind == "done"]

    @property
    def progress(self) -> list[Fact]:
        return [fact for fact in self.facts if fact.type == "progress"]


def fold(state: TeamState, entries: tuple[Entry, ...] | list[Entry]) -> TeamState:
    for entry in entries:
        state = PROCEDURE.apply(state, entry)
    return state


def refold(entries: list[Entry]) -> TeamState:
    return fold(PROCEDURE.begin(entries[0]), entries[1:])


def wanted_keys(state: TeamState) -> list[str]:
    return [action.key for action in PROCEDURE.wanted(state)]


def result_of(end: End) -> JsonObject:
    assert end.result is not None
    return end.result


def is_end(action: Action) -> bool:
    return isinstance(action, End)
