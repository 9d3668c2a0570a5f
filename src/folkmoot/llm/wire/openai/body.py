"""The request on the OpenAI-compatible wire, written in one pass over the parts of a conversation."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from pydantic_ai.messages import (
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.output import OutputObjectDefinition

from folkmoot.kernel.json import Json, JsonObject, dumps
from folkmoot.llm.wire.question import Question, not_text, result_text, schema_name, user_text
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
    parameters, settings = question.parameters, question.settings
    body: JsonObject = {"model": question.model, "messages": _messages(question, dialect)}
    if "max_tokens" in settings:
        body[dialect.token_field] = settings["max_tokens"]
    if dialect.has_temperature and "temperature" in settings:
        body["temperature"] = settings["temperature"]
    if parameters.function_tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description or "",
                    "parameters": without_long_bounds(tool.parameters_json_schema),
                },
            }
            for tool in parameters.function_tools
        ]
    output = parameters.output_object
    if output is not None and dialect.form is not None:
        body["response_format"] = _response_format(output, dialect.form)
    if question.is_streamed:
        body["stream"] = True
        if dialect.has_stream_options:
            body["stream_options"] = {"include_usage": True}
    return body


def _messages(question: Question, dialect: Dialect) -> list[Json]:
    """Leading system texts become one message, since many chat templates take no second one."""
    system: list[str] = []
    written: list[Json] = []
    for message in question.messages:
        if isinstance(message, ModelResponse):
            written.append(_assistant(message, question.provider, dialect))
            continue
        for part in message.parts:
            if isinstance(part, SystemPromptPart) and not written:
                system.append(part.content)
            else:
                written.append(_request_part(part))
    if question.schema_text is not None:
        system.append(question.schema_text)
    return [{"role": "system", "content": "\n\n".join(system)}, *written] if system else written


def _assistant(message: ModelResponse, provider: str, dialect: Dialect) -> Json:
    text: list[str] = []
    calls: list[Json] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            text.append(part.content)
        elif isinstance(part, ToolCallPart):
            calls.append(_call(part, provider))
    said = "".join(text)
    written: JsonObject = {"role": "assistant", "content": said}
    if calls:
        written["tool_calls"] = calls
        if not said and dialect.has_null_content:
            written["content"] = None
    return written


def _call(part: ToolCallPart, provider: str) -> JsonObject:
    arguments = part.args if isinstance(part.args, str) else dumps(part.args or {})
    written: JsonObject = {
        "id": part.tool_call_id,
        "type": "function",
        "function": {"name": part.tool_name, "arguments": arguments},
    }
    if part.provider_details and part.provider_name == provider:
        written.update(part.provider_details)
    return written


def _request_part(part: ModelRequestPart) -> JsonObject:
    match part:
        case UserPromptPart():
            return {"role": "user", "content": user_text(part)}
        case ToolReturnPart():
            return {"role": "tool", "tool_call_id": part.tool_call_id, "content": result_text(part)}
        case SystemPromptPart(content=text):
            return {"role": "system", "content": text}
        case _:
            raise not_text(part)


def _response_format(output: OutputObjectDefinition, form: Literal["json_schema", "json_object"]) -> JsonObject:
    """OpenAI's way, or the older one of llama-cpp-python and others, where the schema stands beside the type."""
    schema = without_long_bounds(output.json_schema)
    if form == "json_object":
        return {"type": "json_object", "schema": schema}
    return {"type": "json_schema", "json_schema": {"name": schema_name(output), "schema": schema}}
