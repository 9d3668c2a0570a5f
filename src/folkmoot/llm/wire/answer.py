"""The answer on the OpenAI-compatible wire, put together from a body or its chunks, nothing in it trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic_ai.messages import FinishReason, ModelResponse, ModelResponsePart, TextPart, ToolCallPart
from pydantic_ai.usage import RequestUsage

from folkmoot.kernel.json import Json, JsonObject, clean_text, dumps, loads
from folkmoot.llm.choice import Place
from folkmoot.llm.faults import AnswerEmpty, AnswerMalformed, AnswerTooLarge
from folkmoot.llm.wire.errors import fault_in
from folkmoot.llm.wire.veil import Veil

_MAX_CALLS = 128
_MAX_TOKENS = 1_000_000_000
_FINISH: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "tool_calls": "tool_call",
    "tool_call": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "error": "error",
}


@dataclass(slots=True)
class _CallParts:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    details: JsonObject = field(default_factory=dict)


@dataclass(slots=True)
class Assembly:
    """Feed it a body with `whole` or chunks with `chunk`; `response` is what came so far, the place's key hidden."""

    model: str
    place: Place
    max_characters: int
    finish: str | None = None
    is_refused: bool = False
    has_usage: bool = False
    _usage: RequestUsage = field(default_factory=RequestUsage)
    _text: list[str] = field(default_factory=list)
    _calls: list[_CallParts] = field(default_factory=list)
    _by_index: dict[int, _CallParts] = field(default_factory=dict)
    _size: int = 0
    _veil: Veil = field(init=False)

    def __post_init__(self) -> None:
        self._veil = Veil(self.place.key)

    @property
    def held(self) -> str:
        """The end of the text, where no chunk has shown it yet: it may be the beginning of the key."""
        return self._veil.held

    def whole(self, body: Json) -> None:
        choice = self._choice(body)
        if choice is None:
            raise AnswerEmpty("The language model's answer holds no choice")
        self._take(choice, choice.get("message"))

    def chunk(self, body: Json) -> str:
        """The text this chunk lets be shown."""
        choice = self._choice(body)
        return "" if choice is None else self._take(choice, choice.get("delta"))

    def response(self) -> ModelResponse:
        text = "".join(self._text) + self.held
        parts: list[ModelResponsePart] = [TextPart(text)] if text else []
        parts.extend(map(self._call_part, self._calls))
        finish = self.finish.lower() if self.finish else None
        return ModelResponse(
            parts=parts,
            usage=self._usage,
            model_name=self.model,
            provider_name=self.place.provider,
            finish_reason="content_filter" if self.is_refused else _FINISH.get(finish or ""),
            provider_details={"finish_reason": finish},
        )

    def _call_part(self, call: _CallParts) -> ToolCallPart:
        if not call.name:
            raise AnswerMalformed("The language model calls a tool without naming it")
        over = self._veil.over
        details = loads(over(dumps(call.details))) if call.details else None
        return ToolCallPart(
            over(call.name),
            over("".join(call.arguments)),
            over(call.id),
            provider_name=self.place.provider if details else None,
            provider_details=details if isinstance(details, dict) else None,
        )

    def _choice(self, body: Json) -> JsonObject | None:
        """The first choice, None where there is none; usage is taken on the way."""
        if not isinstance(body, dict):
            raise AnswerMalformed
        if body.get("error"):
            raise fault_in(body["error"], self.place)
        self._count(body.get("usage"))
        choices = body.get("choices")
        if not choices:
            return None
        if not isinstance(choices, list) or not isinstance(choices[0], dict):
            raise AnswerMalformed
        return choices[0] if choices[0].get("index") in (None, 0) else None

    def _take(self, choice: JsonObject, message: Json) -> str:
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and finish:
            self.finish = finish
        if not isinstance(message, dict):
            if message is None and self.finish is not None:
                return ""
            raise AnswerMalformed
        if message.get("refusal"):
            self.is_refused = True
        calls = message.get("tool_calls")
        if calls:
            self._take_calls(calls)
        text = _content(message.get("content"))
        if text:
            self._grow(len(text))
            text = self._veil.passing(clean_text(text))
            self._text.append(text)
        return text

    def _take_calls(self, calls: Json) -> None:
        if not isinstance(calls, list):
            raise AnswerMalformed
        for delta in calls:
            function = delta.get("function") if isinstance(delta, dict) else None
            if not isinstance(delta, dict) or not isinstance(function, dict):
                raise AnswerMalformed
            call = self._call_of(delta, function)
            arguments = function.get("arguments")
            if isinstance(arguments, dict):
                arguments = dumps(arguments)
            if isinstance(arguments, str):
                self._grow(len(arguments))
                call.arguments.append(arguments)
            elif arguments is not None:
                raise AnswerMalformed
            extra = delta.get("extra_content")  # Gemini's thought signature, wanted back with the call
            if extra is not None:
                self._grow(len(dumps(extra)))
                call.details["extra_content"] = extra

    def _call_of(self, delta: JsonObject, function: JsonObject) -> _CallParts:
        """The call a delta belongs to: by index where it holds, since some servers give none or always 0."""
        call_id, name, index = delta.get("id"), function.get("name"), delta.get("index")
        call_id = clean_text(call_id) if isinstance(call_id, str) else ""
        name = clean_text(name) if isinstance(name, str) else ""
        call = self._by_index.get(index) if isinstance(index, int) else None
        if call is None and not isinstance(index, int) and not name and self._calls:
            call = self._calls[-1]
        if call is None or (name and call.name and call_id and call_id != call.id):
            if len(self._calls) >= _MAX_CALLS:
                raise AnswerTooLarge(f"The language model makes more than {_MAX_CALLS} tool calls at once")
            call = _CallParts()
            self._calls.append(call)
            if isinstance(index, int):
                self._by_index[index] = call
        call.id = call.id or call_id
        call.name = call.name or name
        return call

    def _grow(self, characters: int) -> None:
        self._size += characters
        if self._size > self.max_characters:
            raise AnswerTooLarge(f"The language model's answer is longer than {self.max_characters} characters")

    def _count(self, usage: Json) -> None:
        if not isinstance(usage, dict):
            return
        read, written = _tokens(usage.get("prompt_tokens")), _tokens(usage.get("completion_tokens"))
        if read is None or written is None:
            return
        details = usage.get("prompt_tokens_details")
        cached = _tokens(details.get("cached_tokens")) if isinstance(details, dict) else None
        self._usage = RequestUsage(input_tokens=read, output_tokens=written, cache_read_tokens=min(cached or 0, read))
        self.has_usage = True


def _content(content: Json) -> str:
    """Text, or a list of text parts as some servers write it."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    raise AnswerMalformed


def _tokens(count: Json) -> int | None:
    return count if type(count) is int and 0 <= count <= _MAX_TOKENS else None
