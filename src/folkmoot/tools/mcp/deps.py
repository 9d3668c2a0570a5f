"""What routes may ask for of MCP servers: the hub, the guarded client, a server's id."""

from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from folkmoot.kernel.ids import is_id
from folkmoot.net.client import GuardedClient
from folkmoot.tools.mcp.hub import McpHub
from folkmoot.tools.mcp.queries import NoSuchMcpServer


async def _server_id(server_id: Annotated[str, Path(description="The MCP server's id")]) -> str:
    """What is no id names no server."""
    if not is_id(server_id):
        raise NoSuchMcpServer
    return server_id.lower()


async def _hub(connection: HTTPConnection) -> McpHub:
    hub: McpHub = connection.app.state.mcp
    return hub


async def _outgoing(connection: HTTPConnection) -> GuardedClient:
    client: GuardedClient = connection.app.state.outgoing
    return client


McpServerId = Annotated[str, Depends(_server_id)]
Hub = Annotated[McpHub, Depends(_hub)]
Outgoing = Annotated[GuardedClient, Depends(_outgoing)]
