"""Debates as a client meets them, and a hall with agents in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from folkmoot.app import create_app
from tests.app_fixtures import kept_app, shared_app
from tests.databases import Kept, new_scope
from tests.debates.hall import Hall
from tests.serving import client_of, settings_for

__all__ = ["kept_app", "shared_app"]


@pytest.fixture
async def hall(shared_app: FastAPI) -> AsyncIterator[Hall]:
    """Where debates are worked on."""
    async with client_of(shared_app) as opened:
        yield await Hall(shared_app, opened, await shared_app.state.runtime.db.write(new_scope)).furnish()


@pytest.fixture
async def still_hall(database_url: str, tmp_path: Path, kept_app: Kept[FastAPI]) -> AsyncIterator[Hall]:
    """Where nobody works on what is started."""
    await kept_app.close()
    app = create_app(settings_for(database_url, tmp_path), works=False)
    async with app.router.lifespan_context(app), client_of(app) as opened:
        yield await Hall(app, opened, await app.state.runtime.db.write(new_scope)).furnish()
