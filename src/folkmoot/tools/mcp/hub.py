"""The hub: a workspace's tools of MCP servers, and looking what a server lists. Nothing is opened before its use."""

from collections.abc import Iterable
from functools import partial
from time import monotonic

from folkmoot.db.database import Database
from folkmoot.kernel.errors import Conflict, Problem
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.tools.mcp.calls import call_tool, tool_of
from folkmoot.tools.mcp.links import Link
from folkmoot.tools.mcp.processes import Processes
from folkmoot.tools.mcp.queries import Reach, enabled_servers, reach_of
from folkmoot.tools.mcp.reaching import Links
from folkmoot.tools.mcp.rules import changes, definitions_of, digest, tool_name
from folkmoot.tools.mcp.schemas import McpTrial
from folkmoot.tools.mcp.service import note_failure, note_listing, record_refresh, tool_names, usable
from folkmoot.tools.mcp.talk import McpFailed, McpToolFailed, SessionLost, list_tools
from folkmoot.tools.registry import Tool, ToolContext
from folkmoot.tools.tables import McpServer

LOOK_SECONDS = 60.0
"""A listing that is older is asked for again before a tool is called: what was agreed to may have changed."""


class ToolChanged(Conflict):
    """The MCP server has changed this tool since it was agreed to"""


class McpHub:
    """A source of tools; see ToolSource."""

    def __init__(self, db: Database, links: Links, processes: Processes) -> None:
        self._db = db
        self._links = links
        self._processes = processes

    @property
    def process_names(self) -> frozenset[str]:
        """Of the operator's servers."""
        return self._processes.names

    async def tools(self, scope: Scope) -> Iterable[Tool]:
        """Those that were agreed to of the workspace's servers, and those of the operator's; these have their names."""
        rows = await self._db.read(enabled_servers, scope)
        own = [
            tool_of(row.name, definition, partial(self._use, row.id, definition))
            for row in rows
            for definition in usable(row)
        ]
        return (*own, *await self._processes.tools())

    async def known(self, scope: Scope) -> Iterable[str]:
        """Of the workspace's servers what their last listing had; of the operator's too, once they have listed any."""
        rows = await self._db.read(enabled_servers, scope)
        return (*(name for row in rows for name in tool_names(row)), *self._processes.known())

    async def refresh(self, scope: Scope, server_id: str) -> McpServer:
        """Ask the server for its tools now. What goes wrong is its `last_error`. Raises NoSuchMcpServer."""
        await self._db.write(record_refresh, scope, server_id)
        return await self.look(scope, server_id)

    async def look(self, scope: Scope, server_id: str) -> McpServer:
        """As `refresh`, where it goes without saying. Raises NoSuchMcpServer."""
        reach = await self._db.read(reach_of, scope, server_id)
        await self.forget(server_id)
        try:
            listed = await self._links.to(reach).look()
        except Problem as problem:
            sentence = self._links.hidden(reach, problem.detail)
            return await self._db.write(note_failure, scope, server_id, sentence)
        return await self._db.write(note_listing, scope, server_id, listed)

    async def test(self, scope: Scope, server_id: str) -> McpTrial:
        """A connection of its own. Raises NoSuchMcpServer."""
        reach = await self._db.read(reach_of, scope, server_id)
        server, begun = reach.server, monotonic()
        listed, error = list[JsonObject](), None
        try:
            session = await self._links.open(reach)
            try:
                listed = definitions_of(await list_tools(session))
            finally:
                await session.aclose()
        except Problem as problem:
            error = self._links.hidden(reach, problem.detail)
        except SessionLost:
            error = "The MCP server forgets its sessions"
        return McpTrial(
            ok=error is None,
            tools=[tool_name(server.name, str(one["name"])) for one in listed],
            is_changed=error is None and server.tools_hash not in (None, digest(listed)),
            latency_seconds=round(monotonic() - begun, 3),
            error=error,
        )

    async def forget(self, server_id: str) -> None:
        """What is changed or gone is connected to anew, or no more."""
        await self._links.forget(server_id)

    async def aclose(self) -> None:
        """Ends sessions and processes."""
        await self._links.aclose()
        await self._processes.aclose()

    async def _use(self, server_id: str, definition: JsonObject, context: ToolContext, arguments: JsonObject) -> Json:
        reach = await self._db.read(reach_of, context.scope, server_id)
        try:
            link = self._links.to(reach)
            await self._check(context.scope, reach, link, definition)
            return self._links.hidden(reach, await call_tool(link, reach.server.name, definition, arguments))
        except (McpFailed, McpToolFailed) as problem:
            raise type(problem)(self._links.hidden(reach, problem.detail)) from None

    async def _check(self, scope: Scope, reach: Reach, link: Link, definition: JsonObject) -> None:
        """Raises ToolChanged; the owner sees then what has changed."""
        before = link.listed
        listed = await link.look(LOOK_SECONDS)
        if listed is not before and (reach.server.last_error or changes(usable(reach.server), listed)):
            await self._db.write(note_listing, scope, reach.server.id, listed)
        if definition not in listed:
            raise ToolChanged
