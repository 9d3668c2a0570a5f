"""The application as a client meets it."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from tests.app_fixtures import app, client
from tests.databases import new_scope
from tests.realtime.wire import Wire
from tests.serving import listening

__all__ = ["app", "client"]


@pytest.fixture
async def wire(app: FastAPI, client: AsyncClient) -> AsyncIterator[Wire]:
    scope = await app.state.runtime.db.write(new_scope)
    client.headers["X-Workspace-Id"] = scope.workspace_id
    async with listening(app) as place:
        yield Wire(app, client, place, scope)
