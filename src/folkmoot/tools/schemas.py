"""The wire of tools: what there is, and what a workspace allows of it."""

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.http.schemas import Page
from folkmoot.kernel.json import JsonObject
from folkmoot.tools.rules import Risk

_TOOL: JsonObject = {
    "name": "fetch_url",
    "description": "Read a public web page or file as text.",
    "parameters": {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]},
    "risk": "external",
    "source": "built-in",
    "allowed": True,
    "needs_approval": True,
    "is_default": True,
}


class ToolView(BaseModel):
    """A tool as this workspace has it. `is_default`: nobody decided about it, it follows its risk class."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TOOL]})

    name: str
    description: str
    parameters: JsonObject
    risk: Risk
    source: str
    allowed: bool
    needs_approval: bool
    is_default: bool


class ToolPage(Page):
    tools: list[ToolView]


class PolicyChange(BaseModel):
    """What agents of this workspace may do with the tool; what is not named stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"needs_approval": False}]})

    allowed: bool | None = None
    needs_approval: bool | None = None


class ToolCallBody(BaseModel):
    """What the tool is called with: an object as its `parameters` describe."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"arguments": {"expression": "6 * 7"}}]})

    arguments: JsonObject = Field(default_factory=dict)


class ToolAnswer(BaseModel):
    """What a language model would be told; `is_error` says that the call failed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": '{"expression":"6 * 7","value":42}', "is_error": False}]}
    )

    text: str
    is_error: bool
