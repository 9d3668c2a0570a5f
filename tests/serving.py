"""The whole application for tests: in process over ASGI, and on a real port where a socket is the point."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr

from folkmoot.app import create_app
from folkmoot.cli.listener import bind, serving
from folkmoot.kernel.settings import Settings


def settings_for(database_url: str, data_dir: Path) -> Settings:
    """Settings that no environment and no `.env` reaches."""
    return Settings(
        _env_file=None,
        given_database_url=SecretStr(database_url),
        data_dir=data_dir,
        default_model="practice",
        log_level="WARNING",
    )


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
    async with serving(app, nullcontext(), place):
        yield f"127.0.0.1:{place.getsockname()[1]}"
    place.close()
