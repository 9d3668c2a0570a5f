"""Schemathesis against /openapi.json of a server with accounts, by an API key that may do everything."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.house.operations import ENDLESS, operations
from tests.stubs.ollama_stub import OllamaStub
from tests.system.server import Server, server

ADA = {"email": "ada@example.org", "password": "correct horse battery"}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "use_after_free",
    "unsupported_method",
    "missing_required_header",
)
CONFIG = "[auth]\nauto-signup = false\n"  # it would make users by itself, and then ask as one of them


def is_excused(said: str) -> bool:
    """Whether all it found are 503 of workspaces that it made itself: they have no core agents before /api/init."""
    found = re.findall(r"^ *- (ST\d+) ", said, re.MULTILINE)
    answers: list[str] = re.findall(r"^ *\[503\].*?`(.*?)`", said, re.MULTILINE | re.DOTALL)
    return 0 < len(found) == sum('"code":"not_initialized"' in answer for answer in answers)


@dataclass(frozen=True)
class Keyed:
    """A server, and the key."""

    server: Server
    folder: Path
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def explored(self, *options: str) -> str:
        """What Schemathesis says of it; fails with that where it found something."""
        (self.folder / "schemathesis.toml").write_text(CONFIG)
        command = (
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", "schemathesis.toml"),
            *("run", f"{self.server.address}/openapi.json", "--seed", "1"),
            *("--header", f"Authorization: Bearer {self.key}", "--checks", ",".join(CHECKS), "--continue-on-failure"),
            *("--request-timeout", "20", "--no-color", "--exclude-operation-id", ",".join(ENDLESS)),
        )
        process = await asyncio.create_subprocess_exec(
            *command,
            *options,
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0 or is_excused(said), said
        async with aiohttp.ClientSession(self.server.address, headers=self.headers) as http:
            async with http.get("/api/tasks") as answer:
                assert answer.status == 200, "the key was lost on the way: what came after it shows nothing"
            async with asyncio.timeout(1), http.get("/health") as answer:
                assert answer.status == 200
        return said


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[Keyed]:
    async with (
        OllamaStub() as ollama,
        server(tmp_path, DEFAULT_MODEL="practice", OLLAMA_HOST=ollama.address) as started,
        aiohttp.ClientSession(started.address) as http,
    ):
        async with http.post("/api/users", json=ADA) as answer:
            assert answer.status == 201
        async with http.post("/api/v1/login", json=ADA) as answer:
            token = (await answer.json())["access_token"]
        asked = {"name": "explorer", "scopes": ["read", "write", "admin"]}
        async with http.post("/api/api-keys", json=asked, headers={"Authorization": f"Bearer {token}"}) as answer:
            found = Keyed(started, tmp_path, (await answer.json())["key"])
        async with http.post("/api/init", headers=found.headers) as answer:
            assert answer.status == 200
        yield found
        assert "Traceback" not in started.log()


async def test_every_operation(keyed: Keyed) -> None:
    said = await keyed.explored("--phases", "examples,coverage,fuzzing", "--max-examples", "6")
    assert re.search(rf"Tested: +{len(operations()) - len(ENDLESS)}\b", said), said


async def test_along_the_links(keyed: Keyed) -> None:
    said = await keyed.explored("--phases", "stateful", "--max-time", "25")
    links = re.search(r"API Links: +(\d+) covered", said)
    assert links, said
    assert int(links[1]) >= 20
