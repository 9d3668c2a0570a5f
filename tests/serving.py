"""The whole application for tests: in process over ASGI, and on a real port where a socket is the point."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr

from folkmoot.app import create_app
from folkmoot.cli.listener import bind, serving
from folkmoot.kernel.settings import Settings


def settings_for(database_url: str, data_dir: Path) -> Settings:
    """Settings that no environment and no `.env` reaches."""
    return _settings().model_copy(update={"given_database_url": SecretStr(database_url), "data_dir": data_dir})


@cache
def _settings() -> Settings:
    """Read once: what hundreds of applications have in common."""
    return Settings(_env_file=None, default_model="practice", log_level="WARNING")


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application between its start and its stop."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


def client_of(app: FastAPI) -> AsyncClient:
    """In process; what a handler raises is an answer, as it is behind a server."""
    return AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False), base_url="http://localhost")


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """The started application on a free port of the loopback address, as `folkmoot serve` does it: `127.0.0.1:port`."""
    place = bind("127.0.0.1", 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("uvicorn.server.asyncio", _HASTY)
        async with serving(app, nullcontext(), place):
            yield f"127.0.0.1:{place.getsockname()[1]}"
    place.close()


_HASTY = SimpleNamespace(**{**vars(asyncio), "sleep": lambda _: asyncio.sleep(0.005)})
"""uvicorn waits three times 0.1 s until it has ended, which was a quarter of a second of every test with a socket."""
