"""The answer on the OpenAI-compatible wire, as many servers write it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.faults import AnswerEmpty, AnswerMalformed
from folkmoot.llm.speech import FinishReason
from folkmoot.llm.wire.assembly import Assembly, CallParts, loaded, tokens, word
from folkmoot.llm.wire.errors import fault_in


@dataclass(slots=True)
class OpenAIAssembly(Assembly):
    """Server-sent events with choices and deltas."""

    finishes: ClassVar[Mapping[str, FinishReason]] = {
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

    _by_index: dict[int, CallParts] = field(default_factory=dict)

    def whole(self, body: Json) -> None:
        choice = self._choice(body)
        if choice is None:
            raise AnswerEmpty("The language model's answer holds no choice")
        self._take(choice, choice.get("message"))

    def line(self, line: bytes) -> tuple[str, bool]:
        if not line.startswith(b"data:"):
            return "", False  # comments, event names, blank lines between events
        event = line[5:].strip()
        if event == b"[DONE]":
            return "", True
        choice = self._choice(loaded(event))
        return ("" if choice is None else self._take(choice, choice.get("delta"))), False

    def _choice(self, body: Json) -> JsonObject | None:
        """The first choice, None where there is none; usage is taken on the way."""
        if not isinstance(body, dict):
            raise AnswerMalformed
        if body.get("error"):
            raise fault_in(body["error"], self.place)
        self._counted(body.get("usage"))
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
        return self._say(text) if text else ""

    def _take_calls(self, calls: Json) -> None:
        if not isinstance(calls, list):
            raise AnswerMalformed
        for delta in calls:
            function = delta.get("function") if isinstance(delta, dict) else None
            if not isinstance(delta, dict) or not isinstance(function, dict):
                raise AnswerMalformed
            call = self._call_of(delta, function)
            self._argue(call, function.get("arguments"))
            extra = delta.get("extra_content")  # a Gemini behind this wire has its thought signature here
            if extra is not None:
                self._detail(call, "extra_content", extra)

    def _call_of(self, delta: JsonObject, function: JsonObject) -> CallParts:
        """The call a delta belongs to: by index where it holds, since some servers give none or always 0."""
        call_id, name, index = word(delta.get("id")), word(function.get("name")), delta.get("index")
        call = self._by_index.get(index) if isinstance(index, int) else None
        if call is None and not isinstance(index, int) and not name and self._calls:
            call = self._calls[-1]
        if call is None or (name and call.name and call_id and call_id != call.id):
            call = self._begin_call()
            if isinstance(index, int):
                self._by_index[index] = call
        call.id = call.id or call_id
        call.name = call.name or name
        return call

    def _counted(self, usage: Json) -> None:
        if isinstance(usage, dict):
            details = usage.get("prompt_tokens_details")
            cached = tokens(details.get("cached_tokens")) if isinstance(details, dict) else None
            self._count(tokens(usage.get("prompt_tokens")), tokens(usage.get("completion_tokens")), cached)


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
