"""The conversation as this product keeps it: the only form journals and other rooms see."""

from decimal import Decimal, InvalidOperation
from typing import Literal, TypeAlias, TypeGuard

from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.values import fixed

FORMAT = "folkmoot/1"
MALFORMED = "_malformed"


class UnknownFormat(Problem):
    """A stored message has a format this version cannot read"""


@fixed
class ToolCall:
    """One tool call a model asks for.

    Where the provider's arguments were not a JSON object, `arguments` is `{"_malformed": <the raw text,
    cut>}`: the call is kept, so that the turn can answer it with an error and the model can mend it.
    `extra` is what a provider wants back with the call (Gemini's thought signatures); nobody else reads it.
    """

    id: str
    name: str
    arguments: JsonObject
    extra: JsonObject | None = None

    @property
    def malformed(self) -> str | None:
        """The raw arguments where they were not a JSON object, else None."""
        raw = self.arguments.get(MALFORMED)
        return raw if isinstance(raw, str) and len(self.arguments) == 1 else None


@fixed
class System:
    text: str


@fixed
class User:
    text: str


@fixed
class Assistant:
    text: str
    calls: tuple[ToolCall, ...] = ()


@fixed
class ToolResult:
    call_id: str
    name: str
    text: str
    is_error: bool = False


Message: TypeAlias = System | User | Assistant | ToolResult


@fixed
class ToolSchema:
    """A tool as a model sees it; `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: JsonObject


@fixed
class OutputSchema:
    """The JSON Schema the whole answer has to fit."""

    name: str
    schema: JsonObject


@fixed
class Usage:
    """What a call took. `cost` in USD, None for an unknown price; `estimated`: the provider did not count.

    `cache` says what came of looking the answer up, where it was: a hit took nothing.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost: Decimal | None
    latency_seconds: float
    provider: str
    model: str
    estimated: bool = False
    cache: Literal["hit", "miss"] | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Both calls together, named after the later one; an unknown cost makes the sum unknown."""
        unknown = self.cost is None or other.cost is None
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost=None if unknown else (self.cost or Decimal(0)) + (other.cost or Decimal(0)),
            latency_seconds=self.latency_seconds + other.latency_seconds,
            provider=other.provider,
            model=other.model,
            estimated=self.estimated or other.estimated,
            cache=self.cache or other.cache,
        )


@fixed(kw_only=True)
class Ceiling:
    """The most that a call can take: as many tokens in as the request has bytes, as many out as it allows.

    `cost` in USD, None for an unknown price.
    """

    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cost: Decimal | None


def message_to_json(message: Message) -> JsonObject:
    """The stored form of any message, tagged with the format it is written in."""
    match message:
        case Assistant(text=text, calls=calls):
            return {
                "format": FORMAT,
                "role": "assistant",
                "text": text,
                "calls": [_call_to_json(call) for call in calls],
            }
        case ToolResult():
            return {
                "format": FORMAT,
                "role": "tool",
                "call_id": message.call_id,
                "name": message.name,
                "text": message.text,
                "is_error": message.is_error,
            }
        case System(text=text):
            return {"format": FORMAT, "role": "system", "text": text}
        case User(text=text):
            return {"format": FORMAT, "role": "user", "text": text}


def message_from_json(stored: Json) -> Message:
    """Raises UnknownFormat on anything `message_to_json` has not written."""
    match _checked(stored):
        case {"role": "assistant", "text": str(text), "calls": list(calls)}:
            return Assistant(text, tuple(_call_from_json(call) for call in calls))
        case {
            "role": "tool",
            "call_id": str(call_id),
            "name": str(name),
            "text": str(text),
            "is_error": bool(error),
        }:
            return ToolResult(call_id, name, text, error)
        case {"role": "system", "text": str(text)}:
            return System(text)
        case {"role": "user", "text": str(text)}:
            return User(text)
        case _:
            raise UnknownFormat


def usage_to_json(usage: Usage) -> JsonObject:
    return {
        "format": FORMAT,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cost": None if usage.cost is None else str(usage.cost),
        "latency_seconds": usage.latency_seconds,
        "provider": usage.provider,
        "model": usage.model,
        "estimated": usage.estimated,
    }


def usage_from_json(stored: Json) -> Usage:
    """Raises UnknownFormat on anything `usage_to_json` has not written."""
    match _checked(stored):
        case {
            "input_tokens": int(read),
            "output_tokens": int(written),
            "cached_tokens": int(cached),
            "cost": None | str() as cost,
            "latency_seconds": (int() | float()) as latency,
            "provider": str(provider),
            "model": str(model),
            "estimated": bool(estimated),
        }:
            return Usage(read, written, cached, _cost(cost), float(latency), provider, model, estimated)
        case _:
            raise UnknownFormat


def _checked(stored: Json) -> JsonObject:
    value = _checked_object(stored)
    if value.get("format") != FORMAT:
        raise UnknownFormat
    return value


def _checked_object(value: Json) -> JsonObject:
    if not _is_object(value):
        raise UnknownFormat
    return value


def _is_object(value: Json) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def _cost(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise UnknownFormat from error


def _call_to_json(call: ToolCall) -> Json:
    stored: JsonObject = {"id": call.id, "name": call.name, "arguments": call.arguments}
    return stored if call.extra is None else {**stored, "extra": call.extra}


def _call_from_json(stored: Json) -> ToolCall:
    match stored:
        case {"id": str(call_id), "name": str(name), "arguments": dict(arguments)}:
            extra = _checked_object(stored).get("extra")
            return ToolCall(call_id, name, arguments, extra if _is_object(extra) else None)
        case _:
            raise UnknownFormat
