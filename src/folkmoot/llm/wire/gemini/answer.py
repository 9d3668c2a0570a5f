"""The answer on Gemini's wire: candidates of parts, whole or in server-sent events, each of them complete JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.faults import AnswerEmpty, AnswerMalformed
from folkmoot.llm.speech import FinishReason
from folkmoot.llm.wire.assembly import Assembly, loaded, tokens, word
from folkmoot.llm.wire.errors import fault_in

SIGNATURE = "thoughtSignature"
_WITHHELD = (
    "safety",
    "recitation",
    "language",
    "blocklist",
    "prohibited_content",
    "spii",
    "model_armor",
    "image_safety",
    "image_prohibited_content",
    "image_recitation",
)


@dataclass(slots=True)
class GeminiAssembly(Assembly):
    """A reason that is not among these, MALFORMED_FUNCTION_CALL say, makes the answer one that cannot be read."""

    finishes: ClassVar[Mapping[str, FinishReason]] = {
        "stop": "stop",
        "max_tokens": "length",
        "continuation": "length",
        **dict.fromkeys(_WITHHELD, "content_filter"),
    }

    def whole(self, body: Json) -> None:
        if not self._take(body)[1] and not self.is_refused:
            raise AnswerEmpty("The language model's answer holds no candidate")

    def line(self, line: bytes) -> tuple[str, bool]:
        """The stream ends with its connection: no line says so."""
        return (self._take(loaded(line[5:].strip()))[0], False) if line.startswith(b"data:") else ("", False)

    def _take(self, body: Json) -> tuple[str, bool]:
        """What can be shown of it by now, and whether there is a candidate."""
        if not isinstance(body, dict):
            raise AnswerMalformed
        if body.get("error"):
            raise fault_in(body["error"], self.place)
        self._counted(body.get("usageMetadata"))
        feedback = body.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            self.is_refused = True
        candidates = body.get("candidates")
        if not candidates:
            return "", False
        if not isinstance(candidates, list) or not isinstance(candidates[0], dict):
            raise AnswerMalformed
        return self._candidate(candidates[0]), True

    def _candidate(self, candidate: JsonObject) -> str:
        finish = candidate.get("finishReason")
        if isinstance(finish, str) and finish:
            self.finish = finish
        content = candidate.get("content")
        if content is None:
            return ""
        parts = content.get("parts", []) if isinstance(content, dict) else None
        if not isinstance(parts, list):
            raise AnswerMalformed
        return "".join([self._part(part) for part in parts])

    def _part(self, part: Json) -> str:
        """A thought is no part of the answer; what is neither text nor a call was not asked for."""
        if not isinstance(part, dict):
            raise AnswerMalformed
        if "functionCall" in part:
            self._called(part["functionCall"], part.get(SIGNATURE))
            return ""
        text = part.get("text")
        if text is None or part.get("thought"):
            return ""
        if not isinstance(text, str):
            raise AnswerMalformed
        return self._say(text)

    def _called(self, function: Json, signature: Json) -> None:
        if not isinstance(function, dict):
            raise AnswerMalformed
        call = self._begin_call()
        call.name, call.id = word(function.get("name")), word(function.get("id"))
        self._argue(call, function.get("args"))
        if isinstance(signature, str):
            self._detail(call, SIGNATURE, signature)

    def _counted(self, usage: Json) -> None:
        """Thoughts are written tokens too, and are paid for as such."""
        if isinstance(usage, dict):
            written = (tokens(usage.get("candidatesTokenCount")) or 0) + (tokens(usage.get("thoughtsTokenCount")) or 0)
            read = tokens(usage.get("promptTokenCount"))
            tool_read = tokens(usage.get("toolUsePromptTokenCount")) or 0
            cached = tokens(usage.get("cachedContentTokenCount"))
            self._count(None if read is None else read + tool_read, written, cached)
