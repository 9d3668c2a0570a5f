"""The door: closed by default, and what opens it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from folkmoot.accounts.tokens import Claims
from folkmoot.http.paths import canonical
from tests.accounts.forging import forged
from tests.accounts.persons import PASSWORD, Person, api_key, first, operator, with_token
from tests.house.operations import operations
from tests.serving import client_of, listening

AGENTS = "/api/agents"
EVIL = {"Origin": "https://evil.example"}
NO_RUN = "/ws/runs/0190f0f0-0000-7000-8000-000000000000"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """A user ends local mode for the whole database."""
    return own_database_url


@pytest.fixture
async def ada(app: FastAPI) -> Person:
    return await first(app)


@pytest.fixture
async def browser(app: FastAPI, ada: Person) -> AsyncIterator[AsyncClient]:
    """Ada's: keeps cookies, and says where its calls come from only where a test makes it."""
    async with client_of(app) as opened:
        await opened.post("/api/login", json={"email": "ada@example.org", "password": PASSWORD})
        yield opened


async def test_local_mode_ends_with_the_first_user(app: FastAPI, client: AsyncClient) -> None:
    assert (await client.get(AGENTS)).status_code == 200
    ada = await first(app)
    refused = await client.get(AGENTS)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert (await ada.client.get(AGENTS)).status_code == 200


async def test_every_operation_is_closed_but_those_that_are_listed(app: FastAPI, ada: Person) -> None:
    client = client_of(app)
    let_in = set()
    for operation in operations():
        path = operation.path.replace("{", "").replace("}", "")
        answer = await client.request(operation.method, path)
        if answer.status_code != 401:
            let_in.add(canonical(path))
    assert let_in <= {
        "/",
        *("/api/health", "/api/health/live", "/api/health/ready", "/api/logout", "/api/register"),
        *("/api/login", "/api/login/access-token", "/api/login/token"),
    }


OPEN = ["/", "/health", "/api/v1/health/live", "/openapi.json", "/docs", "/redoc"]


async def test_open_paths(app: FastAPI, ada: Person) -> None:
    for path in OPEN:
        assert (await client_of(app).get(path)).status_code == 200


CLOSED = ["/nothing", "/api/loginx", "/api/health/status", "/metrics", "/docsx", "/api//login"]


async def test_what_nobody_listed_is_closed(app: FastAPI, ada: Person) -> None:
    for path in CLOSED:
        assert (await client_of(app).get(path)).status_code == 401


async def test_credentials(app: FastAPI, ada: Person) -> None:
    token = ada.client.headers["Authorization"].removeprefix("Bearer ")
    key = str((await api_key(ada))["key"])
    client = client_of(app)
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"bearer  {token}"},
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"Bearer {app.state.accounts.settings.admin_token}"},
        {"X-API-Key": key},
        {"Cookie": f"folkmoot_access={token}"},
        {"Authorization": "Basic eDp5", "Cookie": f"folkmoot_access={token}"},
    ):
        assert (await client.get(AGENTS, headers=headers)).status_code == 200, headers
    for headers in (
        {"Authorization": token},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {key}x"},
        {"Authorization": f"Bearer {key[:-1]}"},
        {"Authorization": f"Bearer {app.state.accounts.settings.admin_token[:-1]}"},
        {"Authorization": "Bearer nonsense", "Cookie": f"folkmoot_access={token}"},
        {"X-API-Key": token[:-3]},
        {"Cookie": f"folkmoot_access={key}"},
        {"Cookie": f"folkmoot_refresh={token}"},
        {"Cookie": f"__Host-folkmoot_access={token}"},
        {"Host": "folkmoot.example", "Cookie": f"folkmoot_access={token}"},
        {"X-Forwarded-User": "ada@example.org"},
    ):
        assert (await client.get(AGENTS, headers=headers)).status_code == 401, headers
    for query in (f"?access_token={token}", f"?token={token}", f"?api_key={key}", f"?ticket={token}"):
        assert (await client.get(AGENTS + query)).status_code == 401, query


async def test_forged_tokens_are_refused(app: FastAPI, ada: Person) -> None:
    claims = app.state.accounts.tokens.read(ada.client.headers["Authorization"].removeprefix("Bearer "))
    assert claims is not None
    client = client_of(app)
    key = app.state.secret_key.derive("access tokens")
    for name, token in forged(key, claims).items():
        answer = await client.get(AGENTS, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), name
    of_others = (Claims("local", claims.family_id), Claims(claims.subject, claims.subject))
    for other in of_others:
        token = app.state.accounts.tokens.make(other)
        assert (await with_token(app, token).get(AGENTS)).status_code == 401, other


async def test_unsafe_calls_by_cookie_come_from_our_own_pages(browser: AsyncClient) -> None:
    path = "/api/workspaces"
    token = browser.cookies["folkmoot_csrf"]
    allowed: list[dict[str, str]] = [
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "same-origin"},
        {"X-CSRF-Token": token},
        {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-site"},
    ]
    for headers in allowed:
        made = await browser.post(path, json={"name": "x"}, headers=headers)
        assert made.status_code == 201, headers
    refused: list[dict[str, str]] = [
        {},
        EVIL,
        {"Origin": "null"},
        {"Origin": "http://localhost:1234"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"X-CSRF-Token": "wrong"},
        {"X-CSRF-Token": ""},
    ]
    for headers in refused:
        answer = await browser.post(path, json={"name": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_refused"), headers
    assert (await browser.get(path, headers=EVIL)).status_code == 200, "which no page can read"


async def test_a_header_needs_no_origin(ada: Person) -> None:
    assert (await ada.client.post("/api/workspaces", json={"name": "x"}, headers=EVIL)).status_code == 201


async def test_foreign_pages_cannot_log_anybody_in(app: FastAPI, ada: Person) -> None:
    form = {"username": "ada@example.org", "password": PASSWORD}
    answer = await client_of(app).post("/login/access-token", data=form, headers=EVIL)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")
    assert "set-cookie" not in answer.headers


async def test_other_machines_need_nothing_but_an_account(app: FastAPI, ada: Person) -> None:
    headers = {"Host": "folkmoot.example", "X-Forwarded-For": "192.0.2.7"}
    transport = ASGITransport(app, client=("192.0.2.7", 1234))
    async with AsyncClient(transport=transport, base_url="http://folkmoot.example", headers=headers) as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get(AGENTS)).status_code == 401
        assert (await client.get(AGENTS, headers=dict(ada.client.headers))).status_code == 200


async def test_a_metrics_token_reads_the_state_and_nothing_else(app: FastAPI, ada: Person) -> None:
    app.state.accounts.settings = replace(app.state.accounts.settings, metrics_token="m" * 32)
    client = with_token(app, "m" * 32)
    assert (await client.get("/api/health/status")).status_code == 200
    assert (await client.get(AGENTS)).status_code == 401
    assert (await client.get("/api/users/me")).status_code == 401


async def test_sockets(app: FastAPI, ada: Person) -> None:
    bearer = ada.client.headers["Authorization"]
    token = bearer.removeprefix("Bearer ")
    cookie = {"Cookie": f"folkmoot_access={token}"}
    async with listening(app) as place:

        async def status(query: str = "", headers: dict[str, str] | None = None, origin: str | None = None) -> int:
            """404 for whoever was let in: there is no such run."""
            given = None if origin is None else Origin(origin)
            socket = connect(f"ws://{place}{NO_RUN}{query}", additional_headers=headers, origin=given)
            with pytest.raises(InvalidStatus) as refused:
                await socket.__aenter__()
            return refused.value.response.status_code

        async def ticket(client: AsyncClient) -> str:
            made = await client.post("/api/socket-tickets")
            assert (made.status_code, made.json()["expires_in"]) == (201, 30)
            return f"?ticket={made.json()['ticket']}"

        assert await status() == 401
        assert await status(headers={"Authorization": bearer}) == 404
        assert await status(headers={"X-API-Key": str((await api_key(ada))["key"])}) == 404
        assert await status(headers=cookie, origin=f"http://{place}") == 404
        assert await status(headers=cookie, origin="https://evil.example") == 403
        assert await status(headers=cookie) == 403
        for query in (f"?token={token}", f"?access_token={token}", f"?ticket={token}", "?ticket=", "?ticket=x"):
            assert await status(query) == 401, query
        for client in (ada.client, operator(app), with_token(app, str((await api_key(ada))["key"]))):
            query = await ticket(client)
            assert await status(query, origin="https://elsewhere.example") == 404
            assert await status(query) == 401, "once"
        late = await ticket(ada.client)
        together = await asyncio.gather(*(status(late) for _ in range(5)))
        assert sorted(together) == [401, 401, 401, 401, 404]
        lost = await ticket(ada.client)
        await ada.client.post("/api/logout")
        assert await status(lost) == 401, "a ticket is no better than the session it came from"


async def test_rest_takes_no_ticket(app: FastAPI, ada: Person) -> None:
    ticket = (await ada.client.post("/api/socket-tickets")).json()["ticket"]
    assert (await client_of(app).get(f"{AGENTS}?ticket={ticket}")).status_code == 401
