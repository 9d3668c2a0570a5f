"""How a tool call that a language model made is carried out: used, approved first, asked of a person, or delegated."""

from dataclasses import dataclass, field
from typing import Literal

from folkmoot.kernel.json import Json, JsonObject, dumps
from folkmoot.llm.messages import ToolCall, ToolResult
from folkmoot.runs.journal import Action, Ask, Effect, Entry, Spawn, Use, fault_of

APPROVAL_SECONDS = 86_400
_SUFFIX = ".ok"
_NOBODY = "Nobody answered in time"


@dataclass(frozen=True, slots=True)
class Way:
    """What was decided about one call when its answer came; it is journalled with the answer.

    `use` carries the tool out; `approve` does so once a person agrees; `ask` puts `plan` {question, choices} to a
    person; `spawn` starts the child run that `plan` {kind, title, input, agent_id} describes; `refuse` answers with
    `plan` {text}.
    """

    effect: Effect = "unsafe"
    how: Literal["use", "approve", "ask", "spawn", "refuse"] = "use"
    plan: JsonObject = field(default_factory=dict)


def ways_of(value: JsonObject, calls: int) -> tuple[Way, ...]:
    """The ways noted with an answer; an effect that is not noted counts as unsafe."""
    effects, plans = _list(value.get("effects")), _list(value.get("ways"))
    return tuple(_way(_at(effects, index), _at(plans, index)) for index in range(calls))


def _way(effect: Json, plan: Json) -> Way:
    known = _effect(effect)
    if not isinstance(plan, dict):
        return Way(known)
    match plan.get("how"):
        case "approve" | "ask" | "spawn" | "refuse" as how:
            return Way(known, how, {name: value for name, value in plan.items() if name != "how"})
        case _:
            return Way(known)


def _effect(noted: Json) -> Effect:
    match noted:
        case "none" | "idempotent":
            return noted
        case _:
            return "unsafe"


def refused_at_once(way: Way, call: ToolCall) -> ToolResult | None:
    return error(call, str(way.plan.get("text") or "refused")) if way.how == "refuse" else None


def action_of(way: Way, call: ToolCall, key: str, group: str, agent_id: str | None, *, is_approved: bool) -> Action:
    """What is wanted next for a call that has no result yet."""
    if way.how == "approve" and not is_approved:
        detail: JsonObject = {"tool": call.name, "arguments": call.arguments, **way.plan}
        return Ask(
            key=f"{key}{_SUFFIX}",
            group=group,
            subject="tool",
            question=f"May the tool {call.name} be used with these arguments?",
            detail=detail,
            expires_seconds=APPROVAL_SECONDS,
            agent_id=agent_id,
        )
    if way.how == "ask":
        question = str(way.plan.get("question") or "")
        return Ask(key=key, group=group, subject="question", question=question, detail=way.plan, agent_id=agent_id)
    if way.how == "spawn":
        return _spawn(way.plan, key, group)
    return Use(
        key=key,
        group=group,
        tool=call.name,
        arguments=call.arguments,
        effect=way.effect,
        agent_id=agent_id,
        call_id=call.id,
    )


def _spawn(plan: JsonObject, key: str, group: str) -> Spawn:
    given, agent_id = plan.get("input"), plan.get("agent_id")
    return Spawn(
        key=key,
        group=group,
        kind=str(plan.get("kind")),
        title=str(plan.get("title") or ""),
        input=given if isinstance(given, dict) else {},
        agent_id=agent_id if isinstance(agent_id, str) else None,
    )


def is_approval(key: str) -> bool:
    return key.endswith(_SUFFIX)


def verdict(call: ToolCall, entry: Entry) -> ToolResult | None:
    """None where a person has agreed to a call, else what the language model is told instead of a result."""
    told = _value(entry)
    if told.get("decision") == "approve":
        return None
    feedback = told.get("feedback")
    reason = _NOBODY if told.get("decision") == "expired" else "A person refused this call"
    return error(call, f"{reason}{f': {feedback}' if feedback else ''}")


def result_of(way: Way, call: ToolCall, entry: Entry) -> ToolResult:
    """What the language model is told of a call whose `done` is there."""
    if (fault := fault_of(entry)) is not None:
        return error(call, f"{fault.code}: {fault.sentence}")
    told = _value(entry)
    if way.how == "ask":
        return _answered(call, told)
    if way.how == "spawn":
        return ToolResult(call.id, call.name, dumps(told), is_error=told.get("status") != "completed")
    text = told.get("text")
    return ToolResult(call.id, call.name, text if isinstance(text, str) else "", is_error=told.get("is_error") is True)


def _answered(call: ToolCall, told: JsonObject) -> ToolResult:
    if told.get("decision") == "expired":
        return error(call, _NOBODY)
    word = "yes" if told.get("decision") == "approve" else "no"
    return ToolResult(call.id, call.name, str(told.get("feedback") or word))


def error(call: ToolCall, sentence: str) -> ToolResult:
    return ToolResult(call.id, call.name, f"Error: {sentence}", is_error=True)


def _value(entry: Entry) -> JsonObject:
    value = entry.data.get("value")
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _at(values: list[Json], index: int) -> Json:
    return values[index] if index < len(values) else None
