"""A real server process to start, kill and ask."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from folkmoot.kernel.json import JsonObject

START_SECONDS = 30
_ADDRESS = re.compile(rb"http://[\d.]+:\d+")


class Server:
    """`folkmoot serve`, or another of its commands; `start` again after `kill` is what an operator does."""

    def __init__(self, folder: Path, *command: str, **settings: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV")}
        self._environment = {**kept, "DATA_DIR": str(folder / "data"), **settings}
        self._folder = folder
        self._command = command or ("serve", "--port", "0")
        self._process: asyncio.subprocess.Process | None = None
        self._log = (folder / "server.log").open("ab")
        self.address = ""

    async def start(self) -> None:
        """Ready to answer when this returns."""
        self._process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("folkmoot"),
            *self._command,
            cwd=self._folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            while not (line := await self._process.stdout.readline()).startswith(b"  model"):
                assert line, f"it did not start: {self.log()[-2000:]}"
                self.address = found[0].decode() if (found := _ADDRESS.search(line)) else self.address

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """As the out-of-memory killer would."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def terminate(self) -> int:
        """SIGTERM, and wait; answers the exit code."""
        assert self._process is not None
        self._process.terminate()
        return await self._process.wait()

    def signal(self, signal_number: int) -> None:
        assert self._process is not None
        self._process.send_signal(signal_number)

    def resident_bytes(self) -> int:
        """Its memory; on Linux only."""
        assert self._process is not None
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def log(self) -> str:
        return (self._folder / "server.log").read_text()

    def close(self) -> None:
        self._log.close()


@asynccontextmanager
async def server(folder: Path, *command: str, **settings: str) -> AsyncIterator[Server]:
    serving = Server(folder, *command, **settings)
    await serving.start()
    try:
        yield serving
    finally:
        await serving.kill()
        serving.close()


async def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    """For what another process does, and nothing but looking tells."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 another process sets no event of ours
            await asyncio.sleep(0.02)


class Api:
    """JSON calls to a server that may be down: then None."""

    def __init__(self, server: Server, http: aiohttp.ClientSession) -> None:
        self._server = server
        self._http = http

    async def get(self, path: str) -> JsonObject | None:
        return await self._call("GET", path, None, {})

    async def post(self, path: str, body: JsonObject, **headers: str) -> JsonObject | None:
        return await self._call("POST", path, body, headers)

    async def _call(
        self, method: str, path: str, body: JsonObject | None, headers: dict[str, str]
    ) -> JsonObject | None:
        try:
            async with self._http.request(method, self._server.address + path, json=body, headers=headers) as response:
                answer: JsonObject = await response.json(content_type=None)
                assert response.status < 500 or response.status == 503, answer
                return None if response.status == 503 else answer
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
            return None
