"""What operations of tools answer. Written by `make docs`."""

from datetime import datetime

from folkmoot.client.wire import Resource
from folkmoot.kernel.json import JsonObject


class McpTool(Resource):
    """A tool as its server describes it."""

    name: str
    description: str
    parameters: JsonObject


class McpServer(Resource):
    id: str
    workspace_id: str
    name: str
    is_enabled: bool
    tools: list[str]
    tools_hash: str | None
    new_tools_hash: str | None
    last_error: str | None
    seen_at: datetime | None
    created_at: datetime
    updated_at: datetime
    url: str
    secret: str | None
    new_tools: list[McpTool]


class McpServerPage(Resource):
    total: int
    skip: int
    limit: int
    mcp_servers: list[McpServer]


class McpTrial(Resource):
    """What came of a new connection to the server; nothing of it is kept."""

    ok: bool
    tools: list[str]
    is_changed: bool
    latency_seconds: float
    error: str | None


class ToolAnswer(Resource):
    """What a language model would be told; `is_error` says that the call failed."""

    text: str
    is_error: bool


class Tool(Resource):
    """A tool as this workspace has it. `is_default`: nobody decided about it, it follows its risk class."""

    name: str
    description: str
    parameters: JsonObject
    risk: str
    source: str
    allowed: bool
    needs_approval: bool
    is_default: bool


class ToolPage(Resource):
    total: int
    skip: int
    limit: int
    tools: list[Tool]
