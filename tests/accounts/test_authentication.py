"""Who a credential is is remembered, for at most a second: what another process changed is soon seen."""

import asyncio
from time import monotonic

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.accounts.queries import note_use
from folkmoot.accounts.tables import ApiKey, User, UserSession
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from tests.accounts.persons import Person, another, api_key, first, with_token
from tests.serving import client_of

ME = "/api/users/me"
SOON_SECONDS = 1.5


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Users are of the whole installation."""
    return own_database_url


@pytest.fixture
async def ada(app: FastAPI) -> Person:
    return await first(app)


async def until_refused(client: AsyncClient) -> float:
    """Seconds until the credential is no longer good."""
    began = monotonic()
    async with asyncio.timeout(10):
        while (await client.get(ME)).status_code != 401:  # noqa: ASYNC110 as somebody outside sees it
            await asyncio.sleep(0.01)
    return monotonic() - began


@pytest.mark.system
async def test_what_another_process_ended_is_over_within_a_second(app: FastAPI, ada: Person) -> None:
    db = app.state.runtime.db
    bob = await another(app, ada, "bob@example.org")
    by_key = with_token(app, str((await api_key(ada))["key"]))
    for client in (ada.client, bob.client, by_key):
        assert (await client.get(ME)).status_code == 200

    def end(tx: Tx) -> None:
        at = now()
        tx.write(sa.update(ApiKey).values(revoked_at=at))
        tx.write(sa.update(UserSession).where(UserSession.user_id == ada.id).values(revoked_at=at))
        tx.write(sa.update(User).where(User.id == bob.id).values(is_active=False))

    await db.write(end)
    took = await asyncio.gather(*(until_refused(client) for client in (ada.client, bob.client, by_key)))
    assert max(took) < SOON_SECONDS


@pytest.mark.system
async def test_the_first_user_of_another_process_is_seen_within_a_second(app: FastAPI) -> None:
    client = client_of(app)
    assert (await client.get("/api/agents")).status_code == 200
    at = now()
    person = {"email": "a@b.c", "email_key": "a@b.c", "password_hash": "x", "is_admin": True, "is_active": True}
    row = {**person, "id": "0190f0f0-0000-7000-8000-000000000001", "created_at": at, "updated_at": at}
    await app.state.runtime.db.write(lambda tx: tx.write(sa.insert(User), row))
    assert await until_refused(client) < SOON_SECONDS


async def test_the_use_of_a_key_is_noted_once_a_minute(app: FastAPI, ada: Person) -> None:
    db = app.state.runtime.db
    made = await api_key(ada)
    client = with_token(app, str(made["key"]))

    async def last_used() -> object:
        [shown] = (await ada.client.get("/api/api-keys")).json()["api_keys"]
        return shown["last_used_at"]

    assert await last_used() is None
    assert (await client.get(ME)).status_code == 200
    async with asyncio.timeout(5):
        while (noted := await last_used()) is None:
            continue
    await db.write(note_use, str(made["id"]), now())
    app.state.accounts.forget()
    assert (await client.get(ME)).status_code == 200
    assert await last_used() == noted


async def test_what_is_known_is_not_asked_again(app: FastAPI, ada: Person) -> None:
    accounts = app.state.accounts
    token = ada.client.headers["Authorization"].removeprefix("Bearer ")
    one = await accounts.identify(token, "127.0.0.1")
    assert one is await accounts.identify(token, "127.0.0.1")
    elsewhere = await accounts.identify(token, "192.0.2.7")
    assert (one.actor.address, elsewhere.actor.address) == ("127.0.0.1", "192.0.2.7")
    accounts.forget()
    assert one is not await accounts.identify(token, "127.0.0.1")
    assert one == await accounts.identify(token, "127.0.0.1")
