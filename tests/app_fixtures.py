"""Fixtures of the whole application: a folder's conftest imports those it wants."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from tests.serving import client_of, running, settings_for


@pytest.fixture
async def app(database_url: str, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """Started, on a migrated database of its own; on PostgreSQL on the worker's."""
    async with running(settings_for(database_url, tmp_path)) as started:
        yield started


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as opened:
        yield opened
