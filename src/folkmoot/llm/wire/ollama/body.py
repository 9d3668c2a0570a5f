"""The request on Ollama's wire. What does not fit into the window is refused, not silently cut."""

from dataclasses import dataclass

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.messages import Assistant, Message, System, ToolResult, User
from folkmoot.llm.wire.question import Question, function, led_by_system, result_text
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
        "messages": led_by_system(question, _message),
        "stream": question.is_streamed,
        "truncate": False,
        "shift": False,
        "options": _options(question, dialect),
    }
    asked = question.request
    if asked.tools:
        body["tools"] = [function(tool, tool.parameters) for tool in asked.tools]
    elif asked.output is not None and dialect.has_form:  # a form would leave no way to call a tool
        body["format"] = without_long_bounds(asked.output.schema)
    return body


def _options(question: Question, dialect: Dialect) -> JsonObject:
    options: JsonObject = {"num_predict": question.request.max_tokens}
    if question.request.temperature is not None:
        options["temperature"] = question.request.temperature
    if dialect.window is not None:
        options["num_ctx"] = dialect.window
    return options


def _message(message: Message) -> JsonObject:
    match message:
        case Assistant():
            return _assistant(message)
        case User(text=text):
            return {"role": "user", "content": text}
        case ToolResult(call_id=call_id, name=name):
            return {"role": "tool", "content": result_text(message), "tool_name": name, "tool_call_id": call_id}
        case System(text=text):
            return {"role": "system", "content": text}


def _assistant(message: Assistant) -> JsonObject:
    written: JsonObject = {"role": "assistant", "content": message.text}
    calls: list[Json] = [
        {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}} for call in message.calls
    ]
    return {**written, "tool_calls": calls} if calls else written
