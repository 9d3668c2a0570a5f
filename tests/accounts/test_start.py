"""Who may come in before anybody has logged in: local mode, AUTH=required, and starts that are refused."""

import logging
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr

from folkmoot.accounts.exposure import ReachableByAll
from folkmoot.app import create_app
from folkmoot.kernel.settings import Settings, WrongSetting
from tests.accounts.persons import first, operator
from tests.serving import client_of, running, settings_for

AGENTS = "/api/agents"
OPEN_TO_ALL = "http://0.0.0.0:8000"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """A user ends local mode for the whole database."""
    return own_database_url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_for(database_url, tmp_path)


def stranger(app: FastAPI, **headers: str) -> AsyncClient:
    """On another machine."""
    transport = ASGITransport(app, client=("192.0.2.7", 1234))
    return AsyncClient(transport=transport, base_url="http://folkmoot.example", headers=headers)


async def test_required_is_never_local(settings: Settings) -> None:
    async with running(settings.model_copy(update={"auth": "required"})) as app:
        assert (await client_of(app).get(AGENTS)).status_code == 401
        assert (await client_of(app).post("/api/users", json={})).status_code == 401
        assert (await operator(app).get(AGENTS)).status_code == 200
        async with stranger(app) as client:
            assert (await client.get("/health")).status_code == 200


async def test_proxies_and_others_stay_outside_in_local_mode(app: FastAPI) -> None:
    client = client_of(app)
    for name in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything"):
        answer = await client.get(AGENTS, headers={name: "127.0.0.1"})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_local"), name
    async with stranger(app) as other:
        assert (await other.get("/health")).status_code == 401


async def test_a_start_for_others_is_refused_until_there_is_an_admin(settings: Settings) -> None:
    app = create_app(settings, OPEN_TO_ALL)
    with pytest.raises(ReachableByAll, match=r"0\.0\.0\.0"):
        await app.router.lifespan_context(app).__aenter__()
    async with running(settings) as app:
        await first(app)
    app = create_app(settings, OPEN_TO_ALL)
    async with app.router.lifespan_context(app), stranger(app) as client:
        assert (await client.get(AGENTS)).status_code == 401


async def test_without_any_door(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(settings, OPEN_TO_ALL, is_insecure=True)
    with caplog.at_level(logging.WARNING):
        async with app.router.lifespan_context(app), stranger(app) as client:
            assert "whoever reaches 0.0.0.0 owns everything" in caplog.text
            assert (await client.get(AGENTS)).status_code == 200
            page = {"Origin": "https://evil.example"}
            assert (await client.post("/api/workspaces", json={"name": "x"}, headers=page)).status_code == 403
            await first(app)
            assert (await client.get(AGENTS)).status_code == 401, "users end it too"


async def test_a_private_socket_is_its_owners(settings: Settings) -> None:
    async with running(settings) as app:
        await first(app)
    app = create_app(settings, works=False, is_private=True)
    async with app.router.lifespan_context(app):
        assert (await client_of(app).get("/api/users")).status_code == 200


@pytest.mark.parametrize(
    ("address", "more"),
    [(OPEN_TO_ALL, {}), (None, {"auth": "required"}), (None, {"api_host": "0.0.0.0"})],
)
def test_a_placeholder_is_refused_where_it_could_do_harm(
    tmp_path: Path, address: str | None, more: dict[str, object]
) -> None:
    given = settings_for(f"sqlite:///{tmp_path}/x.db", tmp_path).model_copy(
        update={"secret_key": SecretStr("dev_secret_key_change_me"), **more}
    )
    with pytest.raises(WrongSetting, match="SECRET_KEY"):
        create_app(given, address)
    assert list(tmp_path.iterdir()) == []


async def test_a_placeholder_is_replaced_where_it_cannot(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    given = settings.model_copy(update={"secret_key": SecretStr("dev_secret_key_change_me")})
    with caplog.at_level(logging.WARNING):
        async with running(given) as app:
            made = (settings.data_dir / "secret.key").read_text().strip()
            assert app.state.secret_key.current == made.encode()
    assert "SECRET_KEY is a placeholder" in caplog.text


async def test_the_files_of_a_start(settings: Settings) -> None:
    async with running(settings) as app:
        files = {name: settings.data_dir / name for name in ("secret.key", "admin.token")}
        assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
        assert app.state.accounts.settings.admin_token == files["admin.token"].read_text().strip()
