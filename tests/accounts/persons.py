"""People for tests: made, and logged in with a client of their own each."""

from typing import NamedTuple

from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.kernel.json import Json, JsonObject
from tests.serving import client_of

PASSWORD = "nine lives of a cat"


class Person(NamedTuple):
    """Somebody who is logged in; the client sends his access token and keeps no cookies."""

    client: AsyncClient
    view: JsonObject

    @property
    def id(self) -> str:
        return str(self.view["id"])

    @property
    def path(self) -> str:
        return f"/api/users/{self.id}"


def with_token(app: FastAPI, token: str) -> AsyncClient:
    """A client that sends this access token, API key or admin token."""
    client = client_of(app)
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def operator(app: FastAPI) -> AsyncClient:
    """Whoever has the admin token."""
    return with_token(app, app.state.accounts.settings.admin_token)


async def login(app: FastAPI, email: str, password: str = PASSWORD) -> Person:
    answer = await client_of(app).post("/api/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return Person(with_token(app, answer.json()["access_token"]), answer.json()["user"])


async def first(app: FastAPI, email: str = "ada@example.org") -> Person:
    """The first user, who is the admin and owns all there is."""
    made = await client_of(app).post("/api/register", json={"email": email, "password": PASSWORD})
    assert made.status_code == 201, made.text
    return await login(app, email)


async def another(app: FastAPI, admin: Person, email: str, **more: Json) -> Person:
    """A user whom the admin makes."""
    made = await admin.client.post("/api/users", json={"email": email, "password": PASSWORD, **more})
    assert made.status_code == 201, made.text
    return await login(app, email)


async def api_key(person: Person, **how: Json) -> JsonObject:
    made = await person.client.post("/api/api-keys", json={"name": "test", "scopes": ["read", "write"], **how})
    assert made.status_code == 201, made.text
    found: JsonObject = made.json()
    return found
