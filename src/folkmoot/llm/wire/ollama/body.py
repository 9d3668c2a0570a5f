"""The request on Ollama's wire. What does not fit into the window is refused, not silently cut."""

from dataclasses import dataclass

from pydantic_ai.messages import (
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.wire.question import Question, not_text, result_text, user_text
from folkmoot.llm.wire.schema import without_long_bounds


@dataclass(frozen=True, slots=True)
class Dialect:
    """`window` in tokens is what the server is asked to open; None leaves it at what it opens by itself."""

    window: int | None = None
    has_form: bool = True


def fields(question: Question, dialect: Dialect) -> JsonObject:
    """Without `truncate` and `shift` a conversation that is too long loses its beginning, and nobody is told."""
    body: JsonObject = {
        "model": question.model,
        "messages": _messages(question),
        "stream": question.is_streamed,
        "truncate": False,
        "shift": False,
    }
    if options := _options(question, dialect):
        body["options"] = options
    parameters = question.parameters
    if parameters.function_tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description or "",
                    "parameters": tool.parameters_json_schema,
                },
            }
            for tool in parameters.function_tools
        ]
    elif parameters.output_object is not None and dialect.has_form:  # a form would leave no way to call a tool
        body["format"] = without_long_bounds(parameters.output_object.json_schema)
    return body


def _options(question: Question, dialect: Dialect) -> JsonObject:
    options: JsonObject = {}
    if "max_tokens" in question.settings:
        options["num_predict"] = question.settings["max_tokens"]
    if "temperature" in question.settings:
        options["temperature"] = question.settings["temperature"]
    if dialect.window is not None:
        options["num_ctx"] = dialect.window
    return options


def _messages(question: Question) -> list[Json]:
    system: list[str] = []
    written: list[Json] = []
    for message in question.messages:
        if isinstance(message, ModelResponse):
            written.append(_assistant(message))
            continue
        for part in message.parts:
            if isinstance(part, SystemPromptPart) and not written:
                system.append(part.content)
            else:
                written.append(_request_part(part))
    if question.schema_text is not None:
        system.append(question.schema_text)
    return [{"role": "system", "content": "\n\n".join(system)}, *written] if system else written


def _assistant(message: ModelResponse) -> Json:
    text = "".join(part.content for part in message.parts if isinstance(part, TextPart))
    calls: list[Json] = [
        {"id": part.tool_call_id, "function": {"name": part.tool_name, "arguments": part.args_as_dict()}}
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]
    written: JsonObject = {"role": "assistant", "content": text}
    return {**written, "tool_calls": calls} if calls else written


def _request_part(part: ModelRequestPart) -> Json:
    match part:
        case UserPromptPart():
            return {"role": "user", "content": user_text(part)}
        case ToolReturnPart():
            returned: JsonObject = {"tool_name": part.tool_name, "tool_call_id": part.tool_call_id}
            return {"role": "tool", "content": result_text(part), **returned}
        case SystemPromptPart(content=text):
            return {"role": "system", "content": text}
        case _:
            raise not_text(part)
