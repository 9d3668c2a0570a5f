"""A room with agents in it, as a client meets it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from folkmoot.app import create_app
from folkmoot.kernel.scope import Role
from tests.app_fixtures import app, client, kept_app, shared_app
from tests.databases import Kept, new_scope
from tests.persons import Person, admit, enrol
from tests.rooms.lounge import Lounge, calm
from tests.serving import client_of, running, settings_for

__all__ = ["app", "client", "kept_app", "shared_app"]


@pytest.fixture
async def lounge(shared_app: FastAPI) -> AsyncIterator[Lounge]:
    """Where agents speak."""
    async with client_of(shared_app) as opened:
        furnished = await Lounge(shared_app, opened, await shared_app.state.runtime.db.write(new_scope)).furnish()
        yield furnished
        await furnished.db.write(calm)


@pytest.fixture
async def still_lounge(database_url: str, tmp_path: Path, kept_app: Kept[FastAPI]) -> AsyncIterator[Lounge]:
    """Where no process looks for what time has made due."""
    await kept_app.close()
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
