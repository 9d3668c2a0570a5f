"""Contexts are tested as units on both databases and, for the wire, in the whole application."""

from collections.abc import AsyncIterator

import pytest

from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from tests.app_fixtures import kept_app, shared_app

__all__ = ["kept_app", "shared_app"]


@pytest.fixture
async def second(database_url: str, hooks: Hooks) -> AsyncIterator[Database]:
    """Another way into the same database, with lanes and connections of its own, as another process has."""
    database = connect(database_url, hooks)
    await database.open()
    yield database
    await database.close()
