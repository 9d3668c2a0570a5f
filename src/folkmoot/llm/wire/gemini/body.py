"""The request on Gemini's wire: contents by turns, the system's text beside them."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from pydantic_ai.messages import (
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.tools import ToolDefinition

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.wire.gemini.answer import SIGNATURE
from folkmoot.llm.wire.question import Question, not_text, result_text, user_text

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
    parameters = question.parameters
    return parameters.output_object is not None and not parameters.function_tools and dialect.form is not None


def fields(question: Question, dialect: Dialect) -> JsonObject:
    contents = [_content(message) for message in question.messages]
    written = [content for content in contents if content["parts"]]
    system = _system(question)
    if system and not dialect.has_system:
        written.insert(0, {"role": "user", "parts": [{"text": system}]})
    body: JsonObject = {"contents": [*written] or [{"role": "user", "parts": [{"text": ""}]}]}
    if system and dialect.has_system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if question.parameters.function_tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in question.parameters.function_tools]}]
    if config := _config(question, dialect):
        body["generationConfig"] = config
    return body


def _config(question: Question, dialect: Dialect) -> JsonObject:
    config: JsonObject = {}
    if "max_tokens" in question.settings:
        config["maxOutputTokens"] = question.settings["max_tokens"]
    if "temperature" in question.settings:
        config["temperature"] = question.settings["temperature"]
    output = question.parameters.output_object
    if output is not None and has_form(question, dialect):
        config["responseMimeType"] = "application/json"
        if dialect.form == "schema":
            config["responseJsonSchema"] = output.json_schema
    return config


def _tool(tool: ToolDefinition) -> Json:
    return {
        "name": tool.name,
        "description": tool.description or "",
        "parametersJsonSchema": tool.parameters_json_schema,
    }


def _system(question: Question) -> str:
    texts = [
        part.content
        for message in question.messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, SystemPromptPart)
    ]
    return "\n\n".join([*texts, question.schema_text] if question.schema_text else texts)


def _content(message: ModelRequest | ModelResponse) -> JsonObject:
    if isinstance(message, ModelResponse):
        return {"role": "model", "parts": _model_parts(message)}
    parts: list[Json] = [_request_part(part) for part in message.parts if not isinstance(part, SystemPromptPart)]
    return {"role": "user", "parts": parts}


def _model_parts(message: ModelResponse) -> list[Json]:
    parts: list[Json] = []
    is_first = True
    for part in message.parts:
        if isinstance(part, TextPart):
            parts.append({"text": part.content})
        elif isinstance(part, ToolCallPart):
            parts.append(_call(part, is_first=is_first))
            is_first = False
    return parts


def _call(part: ToolCallPart, *, is_first: bool) -> JsonObject:
    call: JsonObject = {"name": part.tool_name, "args": part.args_as_dict(), "id": part.tool_call_id}
    written: JsonObject = {"functionCall": call}
    signature = _signature(part) or (_NO_SIGNATURE if is_first else None)
    return written if signature is None else {**written, SIGNATURE: signature}


def _signature(part: ToolCallPart) -> str | None:
    """As this wire gives it, or as the OpenAI-compatible one does, which older journals were written over."""
    if part.provider_name != "google":
        return None
    match part.provider_details:
        case {"thoughtSignature": str(signature)}:
            return signature
        case {"extra_content": {"google": {"thought_signature": str(signature)}}}:
            return signature
        case _:
            return None


def _request_part(part: ModelRequestPart) -> Json:
    match part:
        case UserPromptPart():
            return {"text": user_text(part)}
        case ToolReturnPart():
            name = "result" if part.outcome == "success" else "error"
            returned: JsonObject = {"name": part.tool_name, "id": part.tool_call_id}
            return {"functionResponse": {**returned, "response": {name: result_text(part)}}}
        case _:
            raise not_text(part)
