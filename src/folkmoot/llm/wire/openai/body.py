"""The request on the OpenAI-compatible wire, written in one pass over the parts of a conversation."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.llm.messages import Assistant, Message, OutputSchema, System, ToolCall, ToolResult, User
from folkmoot.llm.wire.question import Question, details_for, function, led_by_system, result_text, schema_name
from folkmoot.llm.wire.schema import without_long_bounds

OLD_TOKEN_FIELD = "max_tokens"  # noqa: S105 a field's name
NEW_TOKEN_FIELD = "max_completion_tokens"  # noqa: S105 likewise


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one server takes of the wire's optional fields: assumed, then unlearnt from its refusals."""

    form: Literal["json_schema", "json_object"] | None = "json_schema"
    has_stream_options: bool = True
    has_temperature: bool = True
    has_null_content: bool = True
    token_field: str = OLD_TOKEN_FIELD
    is_settled: bool = False

    def without(self, complaint: str, sent: Collection[str]) -> "Dialect | None":
        """The dialect that does without the field of those sent that is complained about; None where it is none."""
        said = complaint.lower()
        if "response_format" in sent and re.search(r"response_format|json_schema|json schema|grammar", said):
            return replace(self, form="json_object" if self.form == "json_schema" else None)
        if "stream_options" in sent and "stream_options" in said:
            return replace(self, has_stream_options=False)
        if "temperature" in sent and "temperature" in said:
            return replace(self, has_temperature=False)
        if self.has_null_content and "'content'" in said and "valid string" in said:
            return replace(self, has_null_content=False)
        if not self.is_settled and re.search(r"max_(completion_)?tokens", said) and "context" not in said:
            is_old = self.token_field == OLD_TOKEN_FIELD
            return replace(self, token_field=NEW_TOKEN_FIELD if is_old else OLD_TOKEN_FIELD, is_settled=True)
        return None


def fields(question: Question, dialect: Dialect) -> JsonObject:
    asked = question.request
    body: JsonObject = {
        "model": question.model,
        "messages": led_by_system(question, partial(_message, question.provider, dialect)),
        dialect.token_field: asked.max_tokens,
    }
    if dialect.has_temperature and asked.temperature is not None:
        body["temperature"] = asked.temperature
    if asked.tools:
        body["tools"] = [function(tool, without_long_bounds(tool.parameters)) for tool in asked.tools]
    if asked.output is not None and dialect.form is not None:
        body["response_format"] = _response_format(asked.output, dialect.form)
    if question.is_streamed:
        body["stream"] = True
        if dialect.has_stream_options:
            body["stream_options"] = {"include_usage": True}
    return body


def _message(provider: str, dialect: Dialect, message: Message) -> JsonObject:
    match message:
        case Assistant():
            return _assistant(message, provider, dialect)
        case User(text=text):
            return {"role": "user", "content": text}
        case ToolResult(call_id=call_id):
            return {"role": "tool", "tool_call_id": call_id, "content": result_text(message)}
        case System(text=text):
            return {"role": "system", "content": text}


def _assistant(message: Assistant, provider: str, dialect: Dialect) -> JsonObject:
    written: JsonObject = {"role": "assistant", "content": message.text}
    if message.calls:
        written["tool_calls"] = [_call(call, provider) for call in message.calls]
        if not message.text and dialect.has_null_content:
            written["content"] = None
    return written


def _call(call: ToolCall, provider: str) -> JsonObject:
    written: JsonObject = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": dumps(call.arguments)},
    }
    details = details_for(call, provider)
    return {**written, **details} if isinstance(details, dict) else written


def _response_format(output: OutputSchema, form: Literal["json_schema", "json_object"]) -> JsonObject:
    """OpenAI's way, or the older one of llama-cpp-python and others, where the schema stands beside the type."""
    schema = without_long_bounds(output.schema)
    if form == "json_object":
        return {"type": "json_object", "schema": schema}
    return {"type": "json_schema", "json_schema": {"name": schema_name(output), "schema": schema}}
