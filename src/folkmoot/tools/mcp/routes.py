"""MCP servers over HTTP: admins see them, the owner adds them and agrees to what they become."""

from fastapi import APIRouter, Response

from folkmoot.http.deps import Db, Outgoing
from folkmoot.http.paging import Paging
from folkmoot.http.problems import problems
from folkmoot.net.faults import AddressRefused
from folkmoot.providers.queries import NoSuchSecret
from folkmoot.tools.mcp import queries, service
from folkmoot.tools.mcp.deps import Hub, McpServerId
from folkmoot.tools.mcp.queries import NoSuchMcpServer
from folkmoot.tools.mcp.schemas import McpServerChange, McpServerPage, McpServerView, McpTrial, NewMcpServer
from folkmoot.tools.mcp.service import (
    McpServerNameTaken,
    SecretNotForServers,
    ToolsChangedAgain,
    TooManyMcpServers,
    server_view,
)
from folkmoot.workspaces.deps import HereAsAdmin, HereAsOwner

_HOME = "/api/mcp-servers"

router = APIRouter(prefix=_HOME, tags=["tools"])
_UNKNOWN = problems(NoSuchMcpServer)


@router.get("")
async def list_mcp_servers(db: Db, here: HereAsAdmin, paging: Paging) -> McpServerPage:
    """By name. The operator's own are not among them: they are for every workspace."""
    rows, total = await db.read_long(queries.list_servers, here, paging.skip, paging.limit)
    found = [server_view(row) for row in rows]
    return McpServerPage(mcp_servers=found, total=total, skip=paging.skip, limit=paging.limit)


@router.post(
    "",
    status_code=201,
    responses=problems(AddressRefused, McpServerNameTaken, TooManyMcpServers, NoSuchSecret, SecretNotForServers),
)
async def create_mcp_server(
    new: NewMcpServer, db: Db, hub: Hub, outgoing: Outgoing, here: HereAsOwner, response: Response
) -> McpServerView:
    """It is asked for its tools at once, and these are agreed to; where it cannot be, `last_error` says why."""
    made = await db.write(service.create_server, here, outgoing, hub.process_names, new)
    response.headers["Location"] = f"{_HOME}/{made.id}"
    return server_view(await hub.look(here, made.id) if made.is_enabled else made)


@router.get("/{server_id}", responses=_UNKNOWN)
async def get_mcp_server(db: Db, here: HereAsAdmin, server_id: McpServerId) -> McpServerView:
    return server_view(await db.read(queries.get_server, here, server_id))


@router.patch(
    "/{server_id}",
    responses=problems(NoSuchMcpServer, AddressRefused, NoSuchSecret, SecretNotForServers, ToolsChangedAgain),
)
async def change_mcp_server(
    change: McpServerChange, db: Db, hub: Hub, outgoing: Outgoing, here: HereAsOwner, server_id: McpServerId
) -> McpServerView:
    """Agree to what it lists now with `agreed_hash`. With a new URL it is refreshed before its tools are there."""
    changed = await db.write(service.change_server, here, outgoing, server_id, change)
    await hub.forget(server_id)
    return server_view(changed)


@router.delete("/{server_id}", status_code=204, responses=_UNKNOWN)
async def delete_mcp_server(db: Db, hub: Hub, here: HereAsOwner, server_id: McpServerId) -> None:
    """Its tools are gone, and so is what was decided about them."""
    await db.write(service.delete_server, here, server_id)
    await hub.forget(server_id)


@router.post("/{server_id}/refresh", responses=_UNKNOWN)
async def refresh_mcp_server(hub: Hub, here: HereAsOwner, server_id: McpServerId) -> McpServerView:
    """Ask it for its tools now; changed and new ones wait in `new_tools` for consent."""
    return server_view(await hub.refresh(here, server_id))


@router.post("/{server_id}/test", responses=_UNKNOWN)
async def try_mcp_server(hub: Hub, here: HereAsOwner, server_id: McpServerId) -> McpTrial:
    """A connection of its own, now; nothing is kept of it."""
    return await hub.test(here, server_id)
