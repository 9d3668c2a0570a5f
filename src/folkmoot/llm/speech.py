"""What a model has said, as its wire hands it over: nobody has judged yet whether it is an answer."""

from collections.abc import Iterable
from dataclasses import field
from typing import Literal, Protocol, TypeAlias

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, clean_text
from folkmoot.kernel.values import fixed
from folkmoot.llm.gateway import Deltas, Request
from folkmoot.llm.messages import MALFORMED, ToolCall
from folkmoot.llm.reading import cleaned, lenient_loads

_MAX_SHOWN = 2_000  # characters kept of arguments that are not JSON
_MAX_ID = 64
_MAX_NAME = 128

FinishReason: TypeAlias = Literal["stop", "length", "content_filter", "tool_call", "error"]


@fixed
class Counts:
    """Tokens by the provider's own count; all zero where it gave none."""

    read: int = 0
    cached: int = 0
    written: int = 0


@fixed(kw_only=True)
class Speech:
    """`finish` is None where no reason was given, or one that `told`, the provider's own word, does not explain."""

    text: str
    calls: tuple[ToolCall, ...]
    finish: FinishReason | None
    told: str | None = None
    counts: Counts = field(default_factory=Counts)


class Speaker(Protocol):
    """One model at one place: a single call, no second try."""

    async def ask(self, request: Request, deltas: Deltas | None) -> Speech:
        """Streamed if `deltas` is given. Raises ModelFault."""


def usable(calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    """With ids and names that can be kept, each id once."""
    taken: set[str] = set()
    found: list[ToolCall] = []
    for call in calls:
        call_id = clean_text(call.id)[:_MAX_ID]
        if not call_id or call_id in taken:
            call_id = f"call_{new_id().replace('-', '')}"
        taken.add(call_id)
        found.append(ToolCall(call_id, clean_text(call.name)[:_MAX_NAME], call.arguments, call.extra))
    return tuple(found)


def arguments_in(text: str) -> JsonObject:
    """The object that a model wrote as a call's arguments; what is none is kept as ToolCall says."""
    if text == "":
        return {}
    try:
        value = cleaned(lenient_loads(text))
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {MALFORMED: clean_text(text[:_MAX_SHOWN])}
