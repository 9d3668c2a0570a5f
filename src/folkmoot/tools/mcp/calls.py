"""A tool of an MCP server as the registry has it, and a call of it, whose answer is marked as data."""

from collections.abc import Awaitable, Callable

from folkmoot.kernel.json import Json, JsonObject, clean_text
from folkmoot.tools.mcp.http import ANSWER_SECONDS
from folkmoot.tools.mcp.links import Link
from folkmoot.tools.mcp.rules import AS_DATA, RISK, source_of, text_of, tool_name
from folkmoot.tools.mcp.talk import McpToolFailed
from folkmoot.tools.registry import Tool, ToolContext


def tool_of(server: str, definition: JsonObject, call: Callable[[ToolContext, JsonObject], Awaitable[Json]]) -> Tool:
    parameters = definition["parameters"]
    assert isinstance(parameters, dict)
    return Tool(
        name=tool_name(server, str(definition["name"])),
        description=str(definition["description"]),
        parameters=parameters,
        effect="unsafe",
        risk=RISK,
        call=call,
        source=source_of(server),
        limit_seconds=ANSWER_SECONDS,
    )


async def call_tool(link: Link, server: str, definition: JsonObject, arguments: JsonObject) -> str:
    """Raises McpToolFailed, and as `Link.request` does."""
    result = await link.request("tools/call", {"name": definition["name"], "arguments": arguments})
    text = clean_text(text_of(result))
    if result.get("isError") is True:
        raise McpToolFailed(_told(server, text) if text else None)
    return _told(server, text)


def _told(server: str, text: str) -> str:
    return f"[{AS_DATA} From the MCP server {server}:]\n{text}"
