"""The answer on Ollama's wire: one JSON object, or one a line, of which the last is `done`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from folkmoot.kernel.json import Json
from folkmoot.llm.faults import AnswerMalformed
from folkmoot.llm.speech import FinishReason
from folkmoot.llm.wire.assembly import Assembly, loaded, tokens, word
from folkmoot.llm.wire.errors import fault_in


@dataclass(slots=True)
class OllamaAssembly(Assembly):
    """What a thinking model thinks comes beside the answer and is no part of it."""

    finishes: ClassVar[Mapping[str, FinishReason]] = {"stop": "stop", "length": "length"}

    def whole(self, body: Json) -> None:
        self._take(body)

    def line(self, line: bytes) -> tuple[str, bool]:
        return self._take(loaded(line)) if line.strip() else ("", False)

    def _take(self, body: Json) -> tuple[str, bool]:
        """What can be shown of it by now, and whether it is the last."""
        if not isinstance(body, dict):
            raise AnswerMalformed
        if body.get("error"):
            raise fault_in(body["error"], self.place)
        is_done = body.get("done") is True
        if is_done:
            self.finish = word(body.get("done_reason")) or None
            # What it still knows of a prompt it need not read again.
            self._count(tokens(body.get("prompt_eval_count", 0)), tokens(body.get("eval_count")))
        message = body.get("message")
        if message is None and is_done:
            return "", True
        if not isinstance(message, dict):
            raise AnswerMalformed
        self._take_calls(message.get("tool_calls") or [])
        content = message.get("content") or ""
        if not isinstance(content, str):
            raise AnswerMalformed
        return (self._say(content) if content else ""), is_done

    def _take_calls(self, calls: Json) -> None:
        if not isinstance(calls, list):
            raise AnswerMalformed
        for told in calls:
            function = told.get("function") if isinstance(told, dict) else None
            if not isinstance(told, dict) or not isinstance(function, dict):
                raise AnswerMalformed
            call = self._begin_call()
            call.name, call.id = word(function.get("name")), word(told.get("id"))
            self._argue(call, function.get("arguments"))
