"""Calls of tools. Written by `make docs`."""

from folkmoot.client import wire
from folkmoot.client.resources.tools import McpServer, McpServerPage, McpTrial, Tool, ToolAnswer, ToolPage
from folkmoot.client.wire import Call
from folkmoot.kernel.json import JsonObject


def list_tools(*, skip: int | None = None, limit: int | None = None) -> Call[ToolPage]:
    """By name: built-in ones, those of installed packages and of the workspace's servers, with what is allowed
    here.
    """
    return Call("GET", "/api/tools", wire.one(ToolPage), query={"skip": skip, "limit": limit})


def change_tool(name: str, *, allowed: bool | None = None, needs_approval: bool | None = None) -> Call[Tool]:
    """Allow or forbid a tool in this workspace, with or without a person's consent to every call."""
    return Call(
        "PATCH",
        wire.path("/api/tools/{name}", name=name),
        wire.one(Tool),
        body={"allowed": allowed, "needs_approval": needs_approval},
    )


def call_tool(name: str, *, arguments: JsonObject | None = None) -> Call[ToolAnswer]:
    """Use it once, now, by hand: to see what it does before agents may. It really does it."""
    return Call(
        "POST", wire.path("/api/tools/{name}/call", name=name), wire.one(ToolAnswer), body={"arguments": arguments}
    )


def list_mcp_servers(*, skip: int | None = None, limit: int | None = None) -> Call[McpServerPage]:
    """By name. The operator's own are not among them: they are for every workspace."""
    return Call("GET", "/api/mcp-servers", wire.one(McpServerPage), query={"skip": skip, "limit": limit})


def create_mcp_server(
    name: str, url: str, *, secret: str | None = None, is_enabled: bool | None = None
) -> Call[McpServer]:
    """It is asked for its tools at once, and these are agreed to; where it cannot be, `last_error` says why."""
    return Call(
        "POST",
        "/api/mcp-servers",
        wire.one(McpServer),
        body={"name": name, "url": url, "secret": secret, "is_enabled": is_enabled},
    )


def get_mcp_server(server_id: str) -> Call[McpServer]:
    return Call("GET", wire.path("/api/mcp-servers/{server_id}", server_id=server_id), wire.one(McpServer))


def change_mcp_server(
    server_id: str,
    *,
    url: str | None = None,
    secret: str | None = None,
    is_enabled: bool | None = None,
    agreed_hash: str | None = None,
) -> Call[McpServer]:
    """Agree to what it lists now with `agreed_hash`. With a new URL it is refreshed before its tools are there."""
    return Call(
        "PATCH",
        wire.path("/api/mcp-servers/{server_id}", server_id=server_id),
        wire.one(McpServer),
        body={"url": url, "secret": secret, "is_enabled": is_enabled, "agreed_hash": agreed_hash},
    )


def delete_mcp_server(server_id: str) -> Call[None]:
    """Its tools are gone, and so is what was decided about them."""
    return Call("DELETE", wire.path("/api/mcp-servers/{server_id}", server_id=server_id), wire.nothing)


def refresh_mcp_server(server_id: str) -> Call[McpServer]:
    """Ask it for its tools now; changed and new ones wait in `new_tools` for consent."""
    return Call("POST", wire.path("/api/mcp-servers/{server_id}/refresh", server_id=server_id), wire.one(McpServer))


def try_mcp_server(server_id: str) -> Call[McpTrial]:
    """A connection of its own, now; nothing is kept of it."""
    return Call("POST", wire.path("/api/mcp-servers/{server_id}/test", server_id=server_id), wire.one(McpTrial))
