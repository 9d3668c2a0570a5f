"""The protocol's own reference servers, from npm: what they have is listed and called through the product.

`npm install @modelcontextprotocol/server-everything @modelcontextprotocol/server-filesystem
@modelcontextprotocol/server-memory` somewhere, with its node_modules/.bin on PATH or in FOLKMOOT_TEST_MCP.
"""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from httpx2 import AsyncClient
from pydantic import SecretStr

from folkmoot.kernel.json import Json
from folkmoot.kernel.settings import StdioServer
from tests.serving import client_of, running, settings_for

FOLDER = os.environ.get("FOLKMOOT_TEST_MCP")
EVERYTHING, FILES, MEMORY = (
    shutil.which(f"mcp-server-{name}", path=FOLDER) or "" for name in ("everything", "filesystem", "memory")
)

pytestmark = pytest.mark.skipif(not (EVERYTHING and FILES and MEMORY), reason="npm's MCP servers are not installed")


@asynccontextmanager
async def by_http(port: int) -> AsyncIterator[None]:
    """The everything server on a port, once it listens."""
    environment = {**os.environ, "PORT": str(port)}
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(
        EVERYTHING, "streamableHttp", env=environment, stdout=quiet, stderr=quiet
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                break
        yield
    finally:
        server.terminate()
        await server.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def call(client: AsyncClient, tool: str, **arguments: Json) -> str:
    answer = await client.post(f"/api/tools/{tool}/call", json={"arguments": arguments})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return f"error: {told['text']}" if told["is_error"] else str(told["text"])


async def test_reference_servers(tmp_path: Path) -> None:
    folder, port = tmp_path / "files", free_port()
    folder.mkdir()
    (folder / "a.txt").write_text("hello file")
    kept = {"MEMORY_FILE_PATH": SecretStr(str(tmp_path / "memory.json"))}
    settings = settings_for(f"sqlite:///{tmp_path}/folkmoot.db", tmp_path).model_copy(
        update={
            "mcp_stdio_servers": [
                StdioServer(name="everything", command=EVERYTHING, args=["stdio"]),
                StdioServer(name="files", command=FILES, args=[str(folder)]),
                StdioServer(name="memory", command=MEMORY, env=kept),
            ],
            "outgoing_allowed_hosts": [f"127.0.0.1:{port}"],
        }
    )
    async with by_http(port), running(settings) as app, client_of(app) as client:
        added = await client.post("/api/mcp-servers", json={"name": "remote", "url": f"http://127.0.0.1:{port}/mcp"})
        assert (added.status_code, added.json()["last_error"]) == (201, None)
        assert "remote__echo" in added.json()["tools"]
        tools = (await client.get("/api/tools", params={"limit": 200})).json()["tools"]
        assert {"mcp:everything", "mcp:files", "mcp:memory", "mcp:remote"} <= {tool["source"] for tool in tools}
        assert {tool["risk"] for tool in tools if tool["source"].startswith("mcp:")} == {"external"}
        for server in ("everything", "remote"):
            assert (await call(client, f"{server}__echo", message="hi")).endswith("Echo: hi")
            assert (await call(client, f"{server}__get-sum", a=1, b=2)).endswith("The sum of 1 and 2 is 3.")
            assert "[image, image/png, " in await call(client, f"{server}__get-tiny-image")
            assert "Input validation error" in await call(client, f"{server}__get-sum", a="one")
        assert (await call(client, "files__read_text_file", path=str(folder / "a.txt"))).endswith("hello file")
        assert "Access denied" in await call(client, "files__read_text_file", path="/etc/passwd")
        ada: Json = {"name": "Ada", "entityType": "person", "observations": ["writes programs"]}
        await call(client, "memory__create_entities", entities=[ada])
        assert "writes programs" in await call(client, "memory__read_graph")
