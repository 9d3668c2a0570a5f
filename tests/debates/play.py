"""A small interpreter of the debate's procedure: it plays a debate from a script, without an engine or a database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from folkmoot.debates.procedure import DebateProcedure
from folkmoot.debates.report import report
from folkmoot.debates.schemas import NewDebate
from folkmoot.debates.state import DebateInput, DebateState, Participant
from folkmoot.kernel.facts import Fact
from folkmoot.kernel.json import JsonObject
from folkmoot.llm.messages import Assistant, message_to_json
from folkmoot.runs.journal import Action, Ask, Call, End, Entry, EntryKind, Fault, Use

AT = datetime(2026, 1, 1, tzinfo=UTC)
PROCEDURE = DebateProcedure()
TIMED_OUT = Fault(code="timed_out", sentence="It took longer than 60 seconds")
UNREADABLE = Fault(code="invalid_output", sentence="It does not fit")

Answer = JsonObject | Fault
Agents = Callable[[DebateState, Call | Use], Answer | None]
"""What an agent answers: a form, as perform hands it to the journal, or a fault; None for the usual."""

USAGE: JsonObject = {"input_tokens": 10, "output_tokens": 5, "cost_usd": "0.001", "latency_seconds": 0.25}


def debate_input(agents: int = 3, *, rules: Mapping[str, object] | None = None, **config: object) -> JsonObject:
    """Agents a1, a2 ... on the seats 1, 2 ..., all options closed to A, B and C unless told otherwise."""
    ids = [f"a{number}" for number in range(1, agents + 1)]
    given: dict[str, object] = {
        "debate_topic": "Which one?",
        "problem_statement": "One of them it has to be.",
        "debate_mode": "structured",
        "selected_agents": ids,
        **config,
    }
    given["debate_rules"] = {"options": ["A", "B", "C"], "seed": 7, **(rules or {})}
    made = DebateInput(
        debate_id="d",
        config=NewDebate.model_validate(given),
        seed=7,
        participants=tuple(
            Participant(seat=seat, agent_id=id, name=id.upper(), slug=id, model=f"m{seat}")
            for seat, id in enumerate(ids, 1)
        ),
        moderator_agent_id="mod" if rules and rules.get("moderator_agent_id") else None,
        judge_agent_id="judge" if rules and rules.get("judge_agent_id") else None,
    )
    return made.model_dump(mode="json")


def turn(position: str, confidence: float = 0.8, /, **more: object) -> JsonObject:
    made: dict[str, object] = {"text": f"{position}!", "position": position, "confidence": confidence, **more}
    return made  # type: ignore[return-value]


def ballot(position: str, confidence: float = 0.8, /, **agreement: float) -> JsonObject:
    """Agreements by seat: s2=0.5."""
    return {
        "position": position,
        "confidence": confidence,
        "agreement": {name.removeprefix("s"): share for name, share in agreement.items()},
    }


def holding(*positions: str) -> Agents:
    """Agents that hold on to their position: the first is that of seat 1."""

    def answer(state: DebateState, action: Call | Use) -> Answer | None:
        seat = seat_of(action)
        return None if seat < 1 else form_for(action, positions[seat - 1])

    return answer


def form_for(action: Call | Use, position: str, confidence: float = 0.8) -> JsonObject:
    assert isinstance(action, Call)
    return turn(position, confidence) if action.output == "turn" else ballot(position, confidence)


def seat_of(action: Call | Use) -> int:
    """0 for a tool."""
    seat = action.recipe["seat"] if isinstance(action, Call) else 0
    assert isinstance(seat, int)
    return seat


def scripted(script: Mapping[str, Answer], usual: Agents) -> Agents:
    """By key, without the number of the call in its turn."""
    return lambda state, action: (
        script.get(action.key.partition(".m")[0], script.get(action.key)) or usual(state, action)
    )


def done(action: Call | Use, answer: Answer) -> JsonObject:
    """The data of a `done` entry."""
    if isinstance(answer, Fault):
        told: JsonObject = {"code": answer.code, "sentence": answer.sentence, "retryable": answer.retryable}
        return {"fault": told, "by": {}}
    if isinstance(action, Use) or "calls" in answer:
        return {"value": answer, "by": {}, "usage": USAGE}
    return {"value": {**message_to_json(Assistant("{}")), "output": answer}, "by": {}, "usage": USAGE}


@dataclass
class Play:
    """A debate played to its end. `told` are people's statements, by the number of the entry they follow."""

    agents: Agents
    given: JsonObject = field(default_factory=debate_input)
    told: Mapping[int, JsonObject] = field(default_factory=dict)
    verdict: str = "approve"
    last_first: bool = False
    entries: list[Entry] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    groups: list[tuple[str, ...]] = field(default_factory=list)
    state: DebateState = field(init=False)

    def run(self) -> End:
        begun = self._append("begun", "begun", {"input": self.given, "seed": "s", "version": 1})
        self.state = PROCEDURE.begin(begun)
        while True:
            wanted = PROCEDURE.wanted(self.state)
            if isinstance(wanted[0], End):
                return self._end(wanted[0])
            self.groups.append(tuple(action.key for action in wanted))
            assert len(set(self.groups[-1])) == len(wanted)
            self._check_order(wanted)
            self._take(wanted[-1] if self.last_first else wanted[0])

    def _take(self, action: Action) -> None:
        assert action.key not in self.keys, "asked twice"
        self._apply("done", action.key, self._outcome(action))
        said = self.told.get(len(self.entries))
        if said is not None:
            author: JsonObject = {"kind": "user", "id": "u1", "name": "Uma"}
            self._apply("told", f"told.{len(self.entries)}", {"author": author, "data": said})

    def _outcome(self, action: Action) -> JsonObject:
        if isinstance(action, Ask):
            return {"value": {"decision": self.verdict, "feedback": None, "revise": False, "by": "u1"}}
        assert isinstance(action, Call | Use)
        answer = self.agents(self.state, action)
        assert answer is not None, action.key
        return done(action, answer)

    def _apply(self, kind: EntryKind, key: str, data: JsonObject) -> None:
        entry = self._append(kind, key, data)
        self.state = PROCEDURE.apply(self.state, entry)
        self.facts.extend(PROCEDURE.facts(self.state, entry))

    def _end(self, end: End) -> End:
        self._apply("ended", end.key, {"status": end.status, "stop_reason": end.stop_reason})
        assert PROCEDURE.wanted(self.state) == ()
        return end

    def _check_order(self, wanted: tuple[Action, ...]) -> None:
        """Whatever order a concurrent group comes in, the state is the same."""
        if len(wanted) < 2:
            return
        entries = [Entry(0, AT, "done", action.key, self._outcome(action)) for action in wanted]
        forth, back = refold(self.state, entries), refold(self.state, entries[::-1])
        assert forth == back

    def _append(self, kind: EntryKind, key: str, data: JsonObject) -> Entry:
        entry = Entry(len(self.entries) + 1, AT, kind, key, data)
        self.entries.append(entry)
        return entry

    @property
    def keys(self) -> list[str]:
        return [entry.key for entry in self.entries if entry.kind == "done"]

    @property
    def said(self) -> list[str]:
        """The keys of the statements, in the order in which they were published."""
        return [one.key for one in self.state.statements]

    def report(self, end: End) -> JsonObject:
        assert end.result is not None
        return report(self.state, str(end.result["status"]), end.stop_reason)


def refold(state: DebateState, entries: tuple[Entry, ...] | list[Entry]) -> DebateState:
    for entry in entries:
        state = PROCEDURE.apply(state, entry)
    return state


def spoken(play: Play, number: int) -> list[str]:
    """What was said in a round, without its number."""
    return [key.partition(".")[2] for key in play.said if key.startswith(f"r{number}.")]


def ends(play: Play) -> tuple[str, str]:
    end = play.run()
    return end.status, end.stop_reason
