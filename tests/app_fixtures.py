"""Fixtures of the whole application: a folder's conftest imports those it wants."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from tests.databases import Kept
from tests.serving import client_of, running, settings_for


@pytest.fixture
async def app(database_url: str, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """Started, on the database of `database_url`."""
    async with running(settings_for(database_url, tmp_path)) as started:
        yield started


@pytest.fixture(scope="module")
async def kept_app() -> AsyncIterator[Kept[FastAPI]]:
    kept = Kept[FastAPI]()
    yield kept
    await kept.close()


@pytest.fixture
async def shared_app(database_url: str, kept_app: Kept[FastAPI], tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Started once for the tests of a module, each of which works in a workspace of its own and leaves it as it was."""
    return await kept_app.get(
        database_url, lambda: running(settings_for(database_url, tmp_path_factory.mktemp("data")))
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as opened:
        yield opened
