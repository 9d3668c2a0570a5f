"""One call's content as a wire has to write it, and the parts of that which all wires write alike."""

import re
from dataclasses import dataclass

from pydantic_ai.messages import ModelMessage, ModelRequestPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings

from folkmoot.kernel.json import dumps
from folkmoot.llm.faults import RequestRefused

_SCHEMA_NAME = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class Question:
    """Written anew if the server turns out to speak another dialect."""

    model: str
    provider: str
    messages: list[ModelMessage]
    settings: ModelSettings
    parameters: ModelRequestParameters
    is_streamed: bool

    @property
    def schema_text(self) -> str | None:
        """For servers that ignore the schema beside the messages, and for models that answer better knowing it."""
        output = self.parameters.output_object
        if output is None:
            return None
        return (
            f"Answer with one JSON value that fits this JSON Schema ({schema_name(output)}), "
            f"without prose and without code fences:\n{dumps(output.json_schema)}"
        )


def schema_name(output: OutputObjectDefinition) -> str:
    return _SCHEMA_NAME.sub("_", output.name or "answer")[:64] or "answer"


def user_text(part: UserPromptPart) -> str:
    """Raises RequestRefused for what is no text."""
    if not isinstance(part.content, str):
        raise not_text(part)
    return part.content


def result_text(part: ToolReturnPart) -> str:
    """What a tool has returned, marked where it failed. Raises RequestRefused for what is no text."""
    if not isinstance(part.content, str):
        raise not_text(part)
    failed = part.outcome != "success" and not part.content.lower().startswith("error")
    return f"Error: {part.content}" if failed else part.content


def not_text(part: ModelRequestPart) -> RequestRefused:
    return RequestRefused(f"This wire sends text only: {type(part).__name__} needs a provider's own client")
