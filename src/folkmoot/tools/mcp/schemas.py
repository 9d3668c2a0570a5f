"""MCP servers on the wire; their credentials are the workspace's secrets and stay there."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.http.schemas import Page
from folkmoot.http.text import Line, Safe
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.net.rules import MAX_URL
from folkmoot.tools.mcp.rules import NAME

_AT = "2026-11-21T11:43:40.194202Z"
_URL = "https://mcp.example/weather"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_NAMES: Json = ["weather__forecast"]
_TOOL: JsonObject = {
    "name": "weather__forecast",
    "description": "The weather of the next days.",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}
_SUMMARY: JsonObject = {
    "id": "01a1fdeb-6e2b-736f-9bc5-3f195b7ea217",
    "workspace_id": "01a1fdeb-4e2b-736f-9bc5-3f195b7ea217",
    "name": "weather",
    "is_enabled": True,
    "tools": _NAMES,
    "tools_hash": _HASH,
    "new_tools_hash": None,
    "last_error": None,
    "seen_at": _AT,
    "created_at": _AT,
    "updated_at": _AT,
}
_SHOWN: JsonObject = {**_SUMMARY, "url": _URL, "secret": "weather_token", "new_tools": []}

ServerName = Annotated[str, Field(pattern=NAME, description="What its tools' names begin with")]
Url = Annotated[Safe, Field(min_length=1, max_length=MAX_URL, description="http or https, at a public address")]
SecretName = Annotated[
    Line, Field(description="Which of the workspace's secrets is sent to it as `Authorization: Bearer`")
]
Agreed = Annotated[
    str, Field(pattern="^[0-9a-f]{64}$", description="The server's `new_tools_hash`: what it lists now may be used")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewMcpServer(_Body):
    """A server that speaks MCP over HTTP. Who adds it agrees to the tools that it lists first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "weather", "url": _URL, "secret": "weather_token"}]}
    )

    name: ServerName
    url: Url
    secret: SecretName | None = None
    is_enabled: bool = True


class McpServerChange(_Body):
    """What is not given stays. With a new `url` it is another server: without its secret, unless that is given too,
    and without what was decided about its tools."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"agreed_hash": _HASH}]})

    url: Url | None = None
    secret: SecretName | None = None
    is_enabled: bool | None = None
    agreed_hash: Agreed | None = None


class McpTool(BaseModel):
    """A tool as its server describes it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TOOL]})

    name: str
    description: str
    parameters: JsonObject


class McpServerSummary(BaseModel):
    """As events tell it: a URL may hold a secret, and events are for every member."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    id: str
    workspace_id: str
    name: str
    is_enabled: bool
    tools: list[str] = Field(description="Names of the tools that were agreed to and that it still has unchanged")
    tools_hash: str | None = Field(description="Of the definitions that were agreed to; null before the first look")
    new_tools_hash: str | None = Field(description="Of what it lists now, where that is something else")
    last_error: str | None
    seen_at: datetime | None = Field(description="When its tools were listed last")
    created_at: datetime
    updated_at: datetime


class McpServerView(McpServerSummary):
    model_config = ConfigDict(json_schema_extra={"examples": [_SHOWN]})

    url: str
    secret: str | None = Field(description="The secret's name")
    new_tools: list[McpTool] = Field(description="New and changed definitions, which nobody has agreed to yet")


class McpServerPage(Page):
    mcp_servers: list[McpServerView]


class McpTrial(BaseModel):
    """What came of a new connection to the server; nothing of it is kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"ok": True, "tools": _NAMES, "is_changed": False, "latency_seconds": 0.21, "error": None}]
        }
    )

    ok: bool
    tools: list[str]
    is_changed: bool = Field(description="Whether it lists something else than what was agreed to")
    latency_seconds: float
    error: str | None
