"""The application as a client meets it, on a database of its own: what is due is looked for in all of it."""

import pytest

from tests.app_fixtures import app, client

__all__ = ["app", "client"]


@pytest.fixture
def database_url(own_database_url: str) -> str:
    return own_database_url
