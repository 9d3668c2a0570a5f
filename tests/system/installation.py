"""An installation of two server processes on one PostgreSQL, and what they hear of each other by."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.system.server import Api, Server, server

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="starts a redis-server of its own")


@asynccontextmanager
async def two_servers(folder: Path, **settings: str) -> AsyncIterator[tuple[Server, Server]]:
    """Each has a folder of its own, as on two machines."""
    for name in ("a", "b"):
        (folder / name).mkdir()
    common = {"SECRET_KEY": "one key of 32 bytes for the two of them", "DEFAULT_MODEL": "practice", **settings}
    async with server(folder / "a", **common) as one, server(folder / "b", **common) as other:
        yield one, other


async def hire(api: Api, name: str) -> str:
    """A new agent's id."""
    agent = await api.post("/api/agents", {"definition_slug": "assistant", "name": name})
    assert agent is not None
    return str(agent["id"])


async def default_workspace(api: Api) -> str:
    match await api.get("/api/workspaces"):
        case {"workspaces": [{"id": str() as id}]}:
            return id
        case found:
            raise AssertionError(found)


class Redis:
    """A redis-server of the test's own, which keeps nothing."""

    def __init__(self, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        kept_nowhere = ("--save", "", "--appendonly", "no")
        self._process = await asyncio.create_subprocess_exec(
            *("redis-server", "--bind", "127.0.0.1", "--port", str(self._port), *kept_nowhere),
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(10):
            while b"Ready to accept connections" not in (line := await self._process.stdout.readline()):
                assert line, "redis-server did not start"

    async def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        await self._process.communicate()

    async def flush(self) -> None:
        """FLUSHALL."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"FLUSHALL\r\n")
        assert await reader.readline() == b"+OK\r\n"
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def redis() -> AsyncIterator[Redis]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = Redis(port)
    await served.start()
    try:
        yield served
    finally:
        await served.stop()
