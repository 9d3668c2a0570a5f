"""MCP servers as processes of the operator's: started when first asked for, and again after they have ended."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from folkmoot.db.database import Database
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.kernel.settings import StdioServer
from folkmoot.kernel.supervisor import Supervisor
from folkmoot.net.client import GuardedClient
from folkmoot.providers.cipher import Cipher
from folkmoot.tools.mcp.hub import McpHub
from folkmoot.tools.mcp.links import Link
from folkmoot.tools.mcp.processes import Processes
from folkmoot.tools.mcp.reaching import Links
from folkmoot.tools.mcp.stdio import Program, open_stdio
from folkmoot.tools.mcp.talk import McpFailed, Session
from folkmoot.tools.registry import ToolContext, ToolRegistry

ROOT = Path(__file__).parents[3]
PATHS = f"{ROOT}:{ROOT / 'src'}"
STUB = Program("own", sys.executable, ("-m", "tests.stubs.mcp_stub"), {"PYTHONPATH": PATHS})
SILENT = Program("silent", "no-such-command")


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    opened = Supervisor()
    yield opened
    await opened.stop()


@pytest.mark.system
async def test_its_tools_are_listed_and_called(db: Database, scope: Scope, supervisor: Supervisor) -> None:
    hub = McpHub(db, Links(GuardedClient(), Cipher([b"k" * 32])), Processes([STUB, SILENT], supervisor))
    registry = ToolRegistry()
    registry.sources.append(hub)
    tools = await registry.of(scope)
    assert tools.names() == ("own__echo", "own__picture"), "of one that cannot be started there are none"
    assert tools.tool("own__echo").risk == "external"
    context = ToolContext(scope=scope, db=db)
    given: list[JsonObject] = [{"text": str(number)} for number in range(5)]
    answers = await asyncio.gather(*(tools.use(context, "own__echo", one) for one in given))
    assert [str(answer["text"])[-1] for answer in answers] == ["0", "1", "2", "3", "4"]
    died = await tools.use(context, "own__echo", {"text": "die"})
    assert (died["text"], died["is_error"]) == ("The MCP server's process has ended", True)
    assert (await tools.use(context, "own__echo", {"text": "again"}))["is_error"] is False
    await hub.aclose()


@pytest.mark.system
async def test_a_process_ends_with_the_server(supervisor: Supervisor) -> None:
    session = await open_stdio(STUB, supervisor)
    open_before = session.is_open
    await session.aclose()
    assert (open_before, session.is_open) == (True, False)
    with pytest.raises(McpFailed):
        await session.request("tools/list", {})


async def test_a_command_that_is_not_there(supervisor: Supervisor) -> None:
    with pytest.raises(McpFailed, match="silent cannot be started"):
        await open_stdio(SILENT, supervisor)


def test_a_process_is_not_given_this_servers_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "OPENAI_API_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "secret")
    server = StdioServer(name="own", command="sh", env={"KEY": SecretStr("its own")})
    given = server.environment()
    assert (given["KEY"], "PATH" in given) == ("its own", True)
    assert "secret" not in given.values()
    assert "its own" not in repr(server)


async def test_a_link_that_fails_waits_a_while() -> None:
    tries = 0

    async def opens() -> Session:
        nonlocal tries
        tries += 1
        raise McpFailed

    link = Link(opens)
    for _ in range(3):
        with pytest.raises(Problem):
            await link.request("tools/list", {})
    assert tries == 1
