"""The operator's MCP servers: their processes start when somebody first asks for tools, and end with this one."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.tools.mcp.calls import call_tool, tool_of
from folkmoot.tools.mcp.links import Link
from folkmoot.tools.mcp.rules import tool_name
from folkmoot.tools.mcp.stdio import Program, StdioSession, open_stdio
from folkmoot.tools.registry import Tool, ToolContext

LOOK_SECONDS = 60.0
"""How long a listing is taken for true."""

_START_SECONDS = 20.0
"""How long somebody waits for the tools of a program that is only being started."""

_log = logging.getLogger(__name__)


class Processes:
    """Who sets their commands trusts them: what they list is agreed to, and every workspace has it."""

    def __init__(self, programs: Sequence[Program], supervisor: Supervisor) -> None:
        self._links = {one.name: Link(partial(_started, one, supervisor)) for one in programs}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._supervisor = supervisor

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._links)

    async def tools(self) -> list[Tool]:
        listings = await asyncio.gather(*map(self._listed, self._links))
        return [
            tool_of(name, definition, partial(self._use, name, definition))
            for name, listing in zip(self._links, listings, strict=True)
            for definition in listing
        ]

    def known(self) -> list[str]:
        """What they have listed before; `name__*` for one that has not been asked yet, or has not answered."""
        found: list[str] = []
        for name, link in self._links.items():
            listed = link.listed
            found += [f"{name}__*"] if listed is None else [tool_name(name, str(one["name"])) for one in listed]
        return found

    async def aclose(self) -> None:
        for looking in self._looking.values():
            looking.cancel()
        await asyncio.gather(*self._looking.values(), return_exceptions=True)
        await asyncio.gather(*(link.aclose() for link in self._links.values()))

    async def _listed(self, name: str) -> list[JsonObject]:
        """What a process lists; of one that cannot be asked, what it has listed before.

        A first start may have to install the program: it goes on when nobody waits for it any more.
        """
        looking = self._looking.get(name)
        if looking is None or looking.done():
            looking = self._looking[name] = self._supervisor.start(self._look(name), f"list the tools of {name}")
        await asyncio.wait({looking}, timeout=_START_SECONDS)
        return self._links[name].listed or []

    async def _look(self, name: str) -> None:
        try:
            await self._links[name].look(LOOK_SECONDS)
        except Problem as problem:
            _log.warning("the MCP server %s cannot be asked for its tools: %s", name, problem.detail)

    async def _use(self, name: str, definition: JsonObject, _: ToolContext, arguments: JsonObject) -> Json:
        return await call_tool(self._links[name], name, definition, arguments)


async def _started(program: Program, supervisor: Supervisor) -> StdioSession:
    return await open_stdio(program, supervisor)
