"""The agent turn, model -> tool calls -> results -> model: a pure reducer that every procedure embeds."""

import re
from collections.abc import Mapping
from dataclasses import field, replace

from folkmoot.agents.ways import Way, action_of, error, is_approval, refused_at_once, result_of, verdict, ways_of
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.values import fixed
from folkmoot.llm.messages import Assistant, Message, ToolResult, UnknownFormat, message_from_json
from folkmoot.runs.journal import Action, Call, Entry, Fault, Use, fault_of

PARALLEL_CALLS = 8
"""Tool calls of one answer that are carried out; further ones are answered with an error."""

DEFAULT_LIMIT = 12
"""Calls of the language model in one turn; the last is made without tools, so that an answer comes."""

_STEP = re.compile(r"([1-9][0-9]{0,3})(?:\.t([1-9][0-9]{0,3})(?:\.ok)?)?")
_TOO_MANY = f"at most {PARALLEL_CALLS} tool calls in one answer are carried out"


@fixed(kw_only=True)
class TurnPlan:
    """What stays the same through a turn.

    `recipe` says how its prompt is built, `output` names the shape of its answer; `limit` bounds its calls of the
    language model, `limit_seconds` its wall clock.
    """

    key: str
    role: str
    recipe: JsonObject
    agent_id: str | None = None
    output: str | None = None
    max_tokens: int = 4096
    limit: int = DEFAULT_LIMIT
    limit_seconds: float | None = None


@fixed(kw_only=True)
class Turn:
    """A turn so far: the answers given, the results of their tool calls by key, or what ended it."""

    plan: TurnPlan
    answers: tuple[Assistant, ...] = ()
    ways: tuple[tuple[Way, ...], ...] = ()
    approved: frozenset[str] = frozenset()
    output: JsonObject | None = None
    results: Mapping[str, ToolResult] = field(default_factory=dict)
    fault: Fault | None = None

    @property
    def is_over(self) -> bool:
        return self.fault is not None or (bool(self.answers) and not self.answers[-1].calls)

    @property
    def answer(self) -> Assistant | None:
        """The last word, once the turn is over without a fault."""
        return self.answers[-1] if self.is_over and self.fault is None else None

    def wanted(self) -> tuple[Action, ...]:
        if self.is_over:
            return ()
        return self._due() or (self._next_call(),)

    def _next_call(self) -> Call:
        number = len(self.answers) + 1
        plan = self.plan
        return Call(
            key=f"{plan.key}.m{number}",
            group=plan.key,
            role=plan.role,
            recipe=plan.recipe,
            agent_id=plan.agent_id,
            output=plan.output,
            max_tokens=plan.max_tokens,
            closing=number >= plan.limit,
            limit_seconds=plan.limit_seconds,
        )

    def _due(self) -> tuple[Action, ...]:
        """What the tool calls of the last answer that have no result yet want."""
        number = len(self.answers)
        if not number:
            return ()
        pairs = zip(self.answers[-1].calls, self.ways[-1], strict=True)
        return tuple(
            self._limited(
                action_of(way, call, key, self.plan.key, self.plan.agent_id, is_approved=key in self.approved)
            )
            for index, (call, way) in enumerate(pairs, 1)
            if index <= PARALLEL_CALLS and (key := f"{self.plan.key}.m{number}.t{index}") not in self.results
        )

    def _limited(self, action: Action) -> Action:
        seconds = self.plan.limit_seconds
        return replace(action, limit_seconds=seconds) if seconds and isinstance(action, Use) else action

    def apply(self, entry: Entry) -> "Turn":
        """Take in a `done` entry of one of this turn's keys; anything else leaves the turn as it is."""
        if entry.kind != "done" or not entry.key.startswith(f"{self.plan.key}.m") or self.is_over:
            return self
        step = _STEP.fullmatch(entry.key.removeprefix(f"{self.plan.key}.m"))
        if step is None:
            return self
        number, use = int(step[1]), int(step[2] or 0)
        if use:
            return self._apply_result(entry, number, use)
        return self._apply_answer(entry) if number == len(self.answers) + 1 and not self._due() else self

    def _apply_answer(self, entry: Entry) -> "Turn":
        if (fault := fault_of(entry)) is not None:
            return replace(self, fault=fault)
        value = entry.data.get("value")
        answer = _assistant(value)
        if answer is None or not isinstance(value, dict):
            return replace(self, fault=Fault(code="answer_lost", sentence="The journalled answer cannot be read"))
        if len(self.answers) + 1 >= self.plan.limit and answer.calls:
            sentence = f"The agent still called tools after {self.plan.limit} calls of the language model"
            return replace(self, fault=Fault(code="turn_limit", sentence=sentence))
        output = value.get("output")
        ways = ways_of(value, len(answer.calls))
        return replace(
            self,
            answers=(*self.answers, answer),
            ways=(*self.ways, ways),
            results={**self.results, **self._refused(answer, ways)},
            output=output if isinstance(output, dict) else None,
        )

    def _refused(self, answer: Assistant, ways: tuple[Way, ...]) -> dict[str, ToolResult]:
        """The results of calls that are answered without being carried out."""
        key = f"{self.plan.key}.m{len(self.answers) + 1}"
        found = (refused_at_once(way, call) for call, way in zip(answer.calls, ways, strict=True))
        return {f"{key}.t{index}": result for index, result in enumerate(found, 1) if result is not None}

    def _apply_result(self, entry: Entry, number: int, use: int) -> "Turn":
        calls = self.answers[-1].calls if self.answers and number == len(self.answers) else ()
        if use > min(len(calls), PARALLEL_CALLS):
            return self
        call, way = calls[use - 1], self.ways[-1][use - 1]
        if not is_approval(entry.key):
            return replace(self, results={**self.results, entry.key: result_of(way, call, entry)})
        key = entry.key.removesuffix(".ok")
        refusal = verdict(call, entry)
        if refusal is None:
            return replace(self, approved=self.approved | {key})
        return replace(self, results={**self.results, key: refusal})

    @property
    def transcript(self) -> tuple[Message, ...]:
        """What the language model has to see after the prompt: its answers and their results, in order."""
        messages: list[Message] = []
        for number, answer in enumerate(self.answers, 1):
            messages.append(answer)
            for index, call in enumerate(answer.calls, 1):
                result = self.results.get(f"{self.plan.key}.m{number}.t{index}")
                messages.append(result or error(call, _TOO_MANY))
        return tuple(messages)


def _assistant(value: Json) -> Assistant | None:
    try:
        message = message_from_json(value)
    except UnknownFormat:
        return None
    return message if isinstance(message, Assistant) else None
