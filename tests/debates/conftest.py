"""Debates as a client meets them, and a hall with agents in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.app import create_app
from tests.app_fixtures import app, client
from tests.databases import new_scope
from tests.debates.hall import Hall
from tests.serving import client_of, settings_for

__all__ = ["app", "client"]


@pytest.fixture
async def hall(app: FastAPI, client: AsyncClient) -> Hall:
    """Where debates are worked on."""
    return await Hall(app, client, await app.state.runtime.db.write(new_scope)).furnish()


@pytest.fixture
async def still_hall(database_url: str, tmp_path: Path) -> AsyncIterator[Hall]:
    """Where nobody works on what is started."""
    app = create_app(settings_for(database_url, tmp_path), works=False)
    async with app.router.lifespan_context(app), client_of(app) as opened:
        yield await Hall(app, opened, await app.state.runtime.db.write(new_scope)).furnish()
