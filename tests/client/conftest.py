"""The application behind a real port, for clients that are blocked and clients that await."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from tests.app_fixtures import app
from tests.serving import listening

__all__ = ["app"]


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Agents are called by the slugs that their names give them where nobody else has them."""
    return own_database_url


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines break often here, and nobody needs to be spared."""
    monkeypatch.setattr("folkmoot.client.session.LONGEST_DELAY_SECONDS", 0.01)


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with listening(app) as place:
        yield f"http://{place}"
