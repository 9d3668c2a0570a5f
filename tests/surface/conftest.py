"""The whole application on a database of its own: what other software registers is seen by all workspaces."""

import pytest

from tests.app_fixtures import app, client

__all__ = ["app", "client"]


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url
