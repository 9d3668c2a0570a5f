"""A tool that an agent's config names and nobody has is told of, and is no reason to refuse the agent."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.agents.definitions import defaults_of
from folkmoot.agents.tables import AgentDefinition
from folkmoot.db.tx import Tx
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.settings import StdioServer
from tests.databases import new_scope
from tests.rooms.lounge import Lounge
from tests.serving import client_of, running, settings_for
from tests.stubs.mcp_stub import McpStub

pytestmark = pytest.mark.system


@pytest.fixture
async def stub() -> AsyncIterator[McpStub]:
    async with McpStub() as started:
        yield started


@pytest.fixture
async def app(database_url: str, tmp_path: Path, stub: McpStub) -> AsyncIterator[FastAPI]:
    settings = settings_for(database_url, tmp_path).model_copy(update={"outgoing_allowed_hosts": [stub.address]})
    async with running(settings) as started:
        yield started


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as opened:
        yield opened


@pytest.fixture
async def lounge(app: FastAPI, client: AsyncClient) -> Lounge:
    return await Lounge(app, client, await app.state.runtime.db.write(new_scope)).furnish()


def unknown(agent: JsonObject) -> list[object]:
    warnings = agent["warnings"]
    assert isinstance(warnings, list)
    assert all(isinstance(one, dict) and one["code"] == "unknown_tool" for one in warnings)
    return [one["tool"] for one in warnings if isinstance(one, dict)]


async def test_what_is_made_read_and_changed_tells_of_tools_that_are_not_there(lounge: Lounge) -> None:
    config: JsonObject = {"tools": ["search_knowledge", "serch_knowledge", "files__*", "calc*", "serch_knowledge"]}
    new: JsonObject = {"definition_slug": "assistant", "name": "Dot", "config": config}
    made = await lounge.ask("POST", "/api/agents", new, 201)
    assert unknown(made) == ["serch_knowledge", "files__*"]
    assert made["config"]["tools"] == config["tools"], "it is kept as it was given"
    first, second = made["warnings"]
    assert first["sentence"] == "There is no tool serch_knowledge here now; it is passed over"
    assert second["sentence"] == "No tool here has a name that begins with files__ now"
    assert (await lounge.ask("GET", "/api/agents/dot"))["warnings"] == made["warnings"]
    better = await lounge.ask("PATCH", "/api/agents/dot", {"config": {"tools": ["search_knowledge", "fetch_urls"]}})
    assert unknown(better) == ["fetch_urls"]
    assert unknown(await lounge.ask("PATCH", "/api/agents/dot", {"config": {"tools": None}})) == []
    page = await lounge.ask("GET", "/api/agents")
    assert all("warnings" not in agent for agent in page["agents"]), "lists ask no server for its tools"


async def test_what_comes_later_is_known_then(app: FastAPI, lounge: Lounge, stub: McpStub) -> None:
    """A server of tools may be added after the agent, and is one workspace's alone."""
    other = await Lounge(app, lounge.client, await lounge.db.write(new_scope)).furnish()
    new: JsonObject = {"definition_slug": "assistant", "name": "Dot", "config": {"tools": ["stub__*", "stub__sing"]}}
    for one in (lounge, other):
        assert unknown(await one.ask("POST", "/api/agents", new, 201)) == ["stub__*", "stub__sing"]
    await lounge.ask("POST", "/api/mcp-servers", {"name": "stub", "url": stub.url}, 201)
    assert unknown(await lounge.ask("GET", "/api/agents/dot")) == ["stub__sing"]
    assert unknown(await other.ask("GET", "/api/agents/dot")) == ["stub__*", "stub__sing"]


async def test_nobody_waits_for_a_program_that_hangs(database_url: str, tmp_path: Path) -> None:
    """Nor is one started to look at an agent: until it has listed its tools every name with its prefix may be one."""
    begun = tmp_path / "begun"
    hanging = StdioServer(name="slow", command="sh", args=["-c", f"touch {begun}; exec sleep 60"])
    settings = settings_for(database_url, tmp_path).model_copy(update={"mcp_stdio_servers": [hanging]})
    async with running(settings) as app, client_of(app) as client:
        lounge = await Lounge(app, client, await app.state.runtime.db.write(new_scope)).furnish()
        tools: list[Json] = ["slow__read", "slow__*", "slowly", "fast__read"]
        new = {"definition_slug": "assistant", "name": "Dot", "config": {"tools": tools}}
        made = await lounge.ask("POST", "/api/agents", new)
        assert unknown(made) == unknown(await lounge.ask("GET", "/api/agents/dot")) == ["slowly", "fast__read"]
    assert not begun.exists()


async def test_what_comes_with_the_product_names_only_tools_that_there_are(app: FastAPI) -> None:
    """Driver's too, which hands them on."""
    for slug, named in (await app.state.runtime.db.read(_tools_of_definitions)).items():
        assert {*named} <= {*app.state.tools.names()}, slug


def _tools_of_definitions(tx: Tx) -> dict[str, list[Json]]:
    found = sa.select(*AgentDefinition.__table__.c).where(AgentDefinition.workspace_id.is_(None))
    tools = {row.slug: defaults_of(row).get("tools") for row in tx.all(AgentDefinition, found)}
    assert tools["driver"], "it has some"
    return {slug: named for slug, named in tools.items() if isinstance(named, list)}
