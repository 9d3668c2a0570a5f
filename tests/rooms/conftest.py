"""A room with agents in it, as a client meets it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.app import create_app
from folkmoot.kernel.scope import Role
from tests.app_fixtures import app, client
from tests.databases import new_scope
from tests.persons import Person, admit, enrol
from tests.rooms.lounge import Lounge, calm
from tests.serving import client_of, running, settings_for

__all__ = ["app", "client"]


@pytest.fixture
async def lounge(app: FastAPI, client: AsyncClient) -> AsyncIterator[Lounge]:
    """Where agents speak."""
    furnished = await Lounge(app, client, await app.state.runtime.db.write(new_scope)).furnish()
    yield furnished
    await furnished.db.write(calm)


@pytest.fixture
async def still_lounge(database_url: str, tmp_path: Path) -> AsyncIterator[Lounge]:
    """Where no process looks for what time has made due."""
    app = create_app(settings_for(database_url, tmp_path), works=False)
    async with app.router.lifespan_context(app), client_of(app) as opened:
        furnished = await Lounge(app, opened, await app.state.runtime.db.write(new_scope)).furnish()
        yield furnished
        await furnished.db.write(calm)


@pytest.fixture
async def pair(own_database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Lounge, Lounge, Person]]:
    """A workspace as Ada meets it and as Bob does, who are both owners of it."""
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        scope = await app.state.runtime.db.write(new_scope)
        ada, bob = await enrol(app, "ada"), await enrol(app, "bob")
        for person in (ada, bob):
            await admit(app, person, scope.workspace_id, Role.OWNER)
        lounge = Lounge(app, client, scope, headers=ada.by_key)
        await lounge.furnish()
        yield lounge, replace(lounge, headers={**bob.by_key, "X-Workspace-Id": scope.workspace_id}), bob
