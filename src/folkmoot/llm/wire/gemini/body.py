"""The request on Gemini's wire: contents by turns, the system's text beside them."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.messages import Assistant, System, ToolCall, ToolResult, ToolSchema, User
from folkmoot.llm.wire.gemini.answer import SIGNATURE
from folkmoot.llm.wire.question import Question, details_for, result_text

# Base64 of `skip_thought_signature_validator`, Google's stand-in for a call that another model has made: from
# Gemini 3 on the first call of a turn is refused without a signature (ai.google.dev, "Thought signatures", FAQ).
_NO_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one model takes: assumed, then unlearnt from its refusals."""

    form: Literal["schema", "json"] | None = "schema"
    has_system: bool = True

    def without(self, complaint: str, sent_schema: bool) -> "Dialect | None":
        """The dialect that does without what is complained about; None where it is nothing of it."""
        said = complaint.lower()
        if self.has_system and re.search(r"developer instruction|system.?instruction", said):
            return replace(self, has_system=False)
        if sent_schema and self.form is not None and re.search(r"schema|json mode|mime.?type", said):
            is_schema = self.form == "schema" and "json mode" not in said and not re.search("mime.?type", said)
            return replace(self, form="json" if is_schema else None)
        return None


def has_form(question: Question, dialect: Dialect) -> bool:
    """Whether a form of the answer is asked for: together with tools most models refuse it."""
    return question.request.output is not None and not question.request.tools and dialect.form is not None


def fields(question: Question, dialect: Dialect) -> JsonObject:
    written = _contents(question)
    system = _system(question)
    if system and not dialect.has_system:
        written.insert(0, {"role": "user", "parts": [{"text": system}]})
    body: JsonObject = {"contents": written or [{"role": "user", "parts": [{"text": ""}]}]}
    if system and dialect.has_system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if question.request.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in question.request.tools]}]
    body["generationConfig"] = _config(question, dialect)
    return body


def _config(question: Question, dialect: Dialect) -> JsonObject:
    asked = question.request
    config: JsonObject = {"maxOutputTokens": asked.max_tokens}
    if asked.temperature is not None:
        config["temperature"] = asked.temperature
    if asked.output is not None and has_form(question, dialect):
        config["responseMimeType"] = "application/json"
        if dialect.form == "schema":
            config["responseJsonSchema"] = asked.output.schema
    return config


def _tool(tool: ToolSchema) -> Json:
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}


def _system(question: Question) -> str:
    texts = [message.text for message in question.request.messages if isinstance(message, System)]
    return "\n\n".join([*texts, question.schema_text] if question.schema_text else texts)


def _contents(question: Question) -> list[Json]:
    """Each answer of the model, and between them what came from elsewhere as one turn; nothing that is empty."""
    contents: list[Json] = []
    theirs: list[Json] = []
    for message in question.request.messages:
        match message:
            case Assistant():
                contents += [{"role": "user", "parts": theirs}] if theirs else []
                theirs = []
                parts = _model_parts(message)
                contents += [{"role": "model", "parts": parts}] if parts else []
            case User(text=text):
                theirs.append({"text": text})
            case ToolResult():
                theirs.append(_returned(message))
            case System():
                pass
    return [*contents, {"role": "user", "parts": theirs}] if theirs else contents


def _model_parts(message: Assistant) -> list[Json]:
    parts: list[Json] = [{"text": message.text}] if message.text else []
    return [*parts, *(_call(call, is_first=number == 0) for number, call in enumerate(message.calls))]


def _call(call: ToolCall, *, is_first: bool) -> JsonObject:
    written: JsonObject = {"functionCall": {"name": call.name, "args": call.arguments, "id": call.id}}
    signature = _signature(call) or (_NO_SIGNATURE if is_first else None)
    return written if signature is None else {**written, SIGNATURE: signature}


def _signature(call: ToolCall) -> str | None:
    """As this wire gives it, or as the OpenAI-compatible one does, which older journals were written over."""
    match details_for(call, "google"):
        case {"thoughtSignature": str(signature)}:
            return signature
        case {"extra_content": {"google": {"thought_signature": str(signature)}}}:
            return signature
        case _:
            return None


def _returned(result: ToolResult) -> Json:
    name = "error" if result.is_error else "result"
    returned: JsonObject = {"name": result.name, "id": result.call_id}
    return {"functionResponse": {**returned, "response": {name: result_text(result)}}}
