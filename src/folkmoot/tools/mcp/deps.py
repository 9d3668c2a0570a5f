"""What routes may ask for of MCP servers: the hub, a server's id."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.kernel.ids import checked_id
from folkmoot.tools.mcp.hub import McpHub
from folkmoot.tools.mcp.queries import NoSuchMcpServer


async def _server_id(server_id: Annotated[str, Path(description="The MCP server's id")]) -> str:
    return checked_id(server_id, NoSuchMcpServer)


async def _hub(connection: HTTPConnection) -> McpHub:
    hub: McpHub = connection.app.state.mcp
    return hub


McpServerId = Annotated[str, Depends(_server_id)]
Hub = Annotated[McpHub, Depends(_hub)]
