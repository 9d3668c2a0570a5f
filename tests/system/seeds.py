"""What tests of source documents share: a server on the port that the documents name, and calls as they show them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import aiohttp
import pytest

from folkmoot.kernel.json import JsonObject
from tests.system.server import Server, server

PORT = 5000


@asynccontextmanager
async def served_at_5000(folder: Path, **settings: str) -> AsyncIterator[Server]:
    """With the practice model, unless the settings say otherwise. Tests of other processes wait for the port."""
    with (Path(gettempdir()) / f"folkmoot-tests-{PORT}.lock").open("w") as turn:
        await asyncio.to_thread(flock, turn, LOCK_EX)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                pytest.skip(f"port {PORT} is taken")
        async with server(folder, "serve", "--port", str(PORT), **{"DEFAULT_MODEL": "practice", **settings}) as started:
            yield started


async def curl(command: str) -> JsonObject:
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, command
    answer: JsonObject = json.loads(said)
    return answer


async def call(address: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.request(method, address + path, json=body) as answer:
        return answer.status, await answer.json(content_type=None)
