"""A room with agents in it, as a client meets it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.app import create_app
from tests.app_fixtures import app, client
from tests.databases import new_scope
from tests.rooms.lounge import Lounge
from tests.serving import client_of, settings_for

__all__ = ["app", "client"]


@pytest.fixture
async def lounge(app: FastAPI, client: AsyncClient) -> Lounge:
    """Where agents speak."""
    return await Lounge(app, client, await app.state.runtime.db.write(new_scope)).furnish()


@pytest.fixture
async def still_lounge(database_url: str, tmp_path: Path) -> AsyncIterator[Lounge]:
    """Where no process looks for what time has made due."""
    app = create_app(settings_for(database_url, tmp_path), works=False)
    async with app.router.lifespan_context(app), client_of(app) as opened:
        yield await Lounge(app, opened, await app.state.runtime.db.write(new_scope)).furnish()
