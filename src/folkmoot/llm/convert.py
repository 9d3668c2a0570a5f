"""Our conversation in pydantic-ai's terms and back: the one place that knows both."""

from dataclasses import dataclass

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject, clean_text
from folkmoot.llm.gateway import Request
from folkmoot.llm.messages import MALFORMED, Assistant, Message, System, ToolCall, ToolResult, User
from folkmoot.llm.reading import cleaned, lenient_loads

_MAX_SHOWN = 2_000  # characters kept of arguments that are not JSON
_MAX_ID = 64
_MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a pydantic-ai model takes it."""

    messages: list[ModelMessage]
    settings: ModelSettings
    parameters: ModelRequestParameters


def to_call(request: Request) -> Call:
    settings = ModelSettings(max_tokens=request.max_tokens)
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    output = request.output
    return Call(
        messages=_messages(request.messages),
        settings=settings,
        parameters=ModelRequestParameters(
            function_tools=[
                ToolDefinition(name=tool.name, description=tool.description, parameters_json_schema=tool.parameters)
                for tool in request.tools
            ],
            output_mode="text" if output is None else "native",
            output_object=None
            if output is None
            else OutputObjectDefinition(name=output.name, json_schema=output.schema),
        ),
    )


def answer_text(response: ModelResponse) -> str:
    return clean_text("".join(part.content for part in response.parts if isinstance(part, TextPart)))


def answer_calls(response: ModelResponse) -> tuple[ToolCall, ...]:
    """The tool calls of a response: every id usable and unique, all arguments objects (see ToolCall)."""
    calls: list[ToolCall] = []
    taken: set[str] = set()
    for part in response.parts:
        if not isinstance(part, ToolCallPart):
            continue
        call_id = clean_text(part.tool_call_id)[:_MAX_ID]
        if not call_id or call_id in taken:
            call_id = f"call_{new_id().replace('-', '')}"
        taken.add(call_id)
        extra = part.provider_details and {"provider": part.provider_name, "details": part.provider_details}
        arguments = _arguments(part.args if isinstance(part.args, str) else part.args_as_dict())
        calls.append(ToolCall(call_id, clean_text(part.tool_name)[:_MAX_NAME], arguments, extra))
    return tuple(calls)


def _messages(messages: tuple[Message, ...]) -> list[ModelMessage]:
    """Neighbours of one side share a request, which is how pydantic-ai writes a conversation."""
    converted: list[ModelMessage] = []
    parts: list[ModelRequestPart] = []
    for message in messages:
        match message:
            case Assistant():
                if parts:
                    converted.append(ModelRequest(parts=parts))
                    parts = []
                converted.append(_response(message))
            case User(text=text):
                parts.append(UserPromptPart(text))
            case System(text=text):
                parts.append(SystemPromptPart(text))
            case ToolResult():
                parts.append(
                    ToolReturnPart(
                        message.name,
                        message.text,
                        message.call_id,
                        outcome="failed" if message.is_error else "success",
                    )
                )
    if parts:
        converted.append(ModelRequest(parts=parts))
    return converted


def _response(message: Assistant) -> ModelResponse:
    parts: list[ModelResponsePart] = [TextPart(message.text)] if message.text else []
    parts.extend(_call_part(call) for call in message.calls)
    return ModelResponse(parts=parts)


def _call_part(call: ToolCall) -> ToolCallPart:
    if call.extra is None:
        return ToolCallPart(call.name, call.arguments, call.id)
    provider, details = call.extra.get("provider"), call.extra.get("details")
    return ToolCallPart(
        call.name,
        call.arguments,
        call.id,
        provider_name=provider if isinstance(provider, str) else None,
        provider_details=details if isinstance(details, dict) else None,
    )


def _arguments(raw: str | JsonObject) -> JsonObject:
    if raw == "":
        return {}
    try:
        value = cleaned(lenient_loads(raw) if isinstance(raw, str) else raw)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {MALFORMED: clean_text(str(raw)[:_MAX_SHOWN])}
