"""Passages and where they are kept."""

import pytest


@pytest.fixture
def database_url(request: pytest.FixtureRequest, kind_of_database: str) -> str:
    """As everywhere, but on SQLite the test's own: how rare a word is, is counted over all that the file holds."""
    return str(request.getfixturevalue("postgres_url" if kind_of_database == "postgresql" else "sqlite_url"))
