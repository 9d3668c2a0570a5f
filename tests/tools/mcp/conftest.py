"""An application that may call the stub on this machine, and a client of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from tests.serving import client_of, running, settings_for
from tests.stubs.mcp_stub import McpStub


@pytest.fixture
async def stub() -> AsyncIterator[McpStub]:
    async with McpStub() as started:
        yield started


@pytest.fixture
async def app(own_database_url: str, tmp_path: Path, stub: McpStub) -> AsyncIterator[FastAPI]:
    settings = settings_for(own_database_url, tmp_path).model_copy(update={"outgoing_allowed_hosts": [stub.address]})
    async with running(settings) as started:
        yield started


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as opened:
        yield opened
