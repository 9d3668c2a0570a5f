"""The request on the OpenAI-compatible wire, written in one pass over the parts of a conversation."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings

from folkmoot.kernel.json import Json, JsonObject, dumps
from folkmoot.llm.faults import RequestRefused
from folkmoot.llm.wire.schema import without_long_bounds

OLD_TOKEN_FIELD = "max_tokens"  # noqa: S105 a field's name
NEW_TOKEN_FIELD = "max_completion_tokens"  # noqa: S105 likewise
_SCHEMA_NAME = re.compile(r"[^a-zA-Z0-9_-]")


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


@dataclass(frozen=True, slots=True)
class Body:
    """One call's content; written anew if the server turns out to speak another dialect."""

    model: str
    provider: str
    messages: list[ModelMessage]
    settings: ModelSettings | None
    parameters: ModelRequestParameters
    is_streamed: bool

    def fields(self, dialect: Dialect) -> JsonObject:
        parameters, settings = self.parameters, self.settings or {}
        body: JsonObject = {"model": self.model, "messages": self._messages(dialect)}
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
        if self.is_streamed:
            body["stream"] = True
            if dialect.has_stream_options:
                body["stream_options"] = {"include_usage": True}
        return body

    def _messages(self, dialect: Dialect) -> list[Json]:
        """Leading system texts become one message, since many chat templates take no second one."""
        system: list[str] = []
        written: list[Json] = []
        for message in self.messages:
            if isinstance(message, ModelResponse):
                written.append(self._assistant(message, dialect))
                continue
            for part in message.parts:
                if isinstance(part, SystemPromptPart) and not written:
                    system.append(part.content)
                else:
                    written.append(_request_part(part, message))
        if self.parameters.output_object is not None:
            system.append(_schema_text(self.parameters.output_object))
        return [{"role": "system", "content": "\n\n".join(system)}, *written] if system else written

    def _assistant(self, message: ModelResponse, dialect: Dialect) -> Json:
        text: list[str] = []
        calls: list[Json] = []
        for part in message.parts:
            if isinstance(part, TextPart):
                text.append(part.content)
            elif isinstance(part, ToolCallPart):
                calls.append(self._call(part))
        said = "".join(text)
        written: JsonObject = {"role": "assistant", "content": said}
        if calls:
            written["tool_calls"] = calls
            if not said and dialect.has_null_content:
                written["content"] = None
        return written

    def _call(self, part: ToolCallPart) -> JsonObject:
        arguments = part.args if isinstance(part.args, str) else dumps(part.args or {})
        written: JsonObject = {
            "id": part.tool_call_id,
            "type": "function",
            "function": {"name": part.tool_name, "arguments": arguments},
        }
        if part.provider_details and part.provider_name == self.provider:
            written.update(part.provider_details)
        return written


def _request_part(part: object, message: ModelRequest) -> JsonObject:
    match part:
        case UserPromptPart(content=str(text)):
            return {"role": "user", "content": text}
        case ToolReturnPart(content=str(text)):
            failed = part.outcome != "success" and not text.lower().startswith("error")
            shown = f"Error: {text}" if failed else text
            return {"role": "tool", "tool_call_id": part.tool_call_id, "content": shown}
        case SystemPromptPart(content=text):
            return {"role": "system", "content": text}
        case _:
            kind = type(part).__name__
            raise RequestRefused(f"This wire sends text only: {kind} needs a provider's own client")


def _schema_text(output: OutputObjectDefinition) -> str:
    """For servers that ignore response_format, and for models that answer better knowing what is coming."""
    return (
        f"Answer with one JSON value that fits this JSON Schema ({_schema_name(output)}), "
        f"without prose and without code fences:\n{dumps(output.json_schema)}"
    )


def _response_format(output: OutputObjectDefinition, form: Literal["json_schema", "json_object"]) -> JsonObject:
    """OpenAI's way, or the older one of llama-cpp-python and others, where the schema stands beside the type."""
    schema = without_long_bounds(output.json_schema)
    if form == "json_object":
        return {"type": "json_object", "schema": schema}
    return {"type": "json_schema", "json_schema": {"name": _schema_name(output), "schema": schema}}


def _schema_name(output: OutputObjectDefinition) -> str:
    return _SCHEMA_NAME.sub("_", output.name or "answer")[:64] or "answer"
