"""One call's content as a wire has to write it, and the parts of that which wires write alike."""

import re
from collections.abc import Callable

from folkmoot.kernel.json import Json, dumps
from folkmoot.kernel.values import fixed
from folkmoot.llm.gateway import Request
from folkmoot.llm.messages import Message, OutputSchema, System, ToolCall, ToolResult, ToolSchema

_SCHEMA_NAME = re.compile(r"[^a-zA-Z0-9_-]")


@fixed
class Question:
    """Written anew if the server turns out to speak another dialect."""

    model: str
    provider: str
    request: Request
    is_streamed: bool

    @property
    def schema_text(self) -> str | None:
        """For servers that ignore the schema beside the messages, and for models that answer better knowing it."""
        output = self.request.output
        if output is None:
            return None
        return (
            f"Answer with one JSON value that fits this JSON Schema ({schema_name(output)}), "
            f"without prose and without code fences:\n{dumps(output.schema)}"
        )


def schema_name(output: OutputSchema) -> str:
    return _SCHEMA_NAME.sub("_", output.name or "answer")[:64] or "answer"


def led_by_system(question: Question, written: Callable[[Message], Json]) -> list[Json]:
    """The messages; leading system texts become one, since many chat templates take no second one."""
    system: list[str] = []
    others: list[Json] = []
    for message in question.request.messages:
        if isinstance(message, System) and not others:
            system.append(message.text)
        else:
            others.append(written(message))
    if question.schema_text is not None:
        system.append(question.schema_text)
    return [{"role": "system", "content": "\n\n".join(system)}, *others] if system else others


def function(tool: ToolSchema, parameters: Json) -> Json:
    """A tool, as OpenAI and Ollama write it."""
    described: Json = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": described}


def result_text(result: ToolResult) -> str:
    """What a tool has returned, marked where it failed."""
    is_marked = not result.is_error or result.text.lower().startswith("error")
    return result.text if is_marked else f"Error: {result.text}"


def details_for(call: ToolCall, provider: str) -> Json:
    """What this provider wants back with the call, None where it was another's, or nothing."""
    extra = call.extra
    return extra.get("details") if extra is not None and extra.get("provider") == provider else None
