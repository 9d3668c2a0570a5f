"""Logging in, staying in, logging out: what each answers, what it ends, and what is written down about it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from folkmoot.accounts.logins import prune
from folkmoot.accounts.passwords import Passwords
from folkmoot.accounts.tables import LoginAttempts, SocketTicket, User, UserSession
from folkmoot.accounts.tokens import hash_of
from folkmoot.audit.tables import AuditEntry
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from tests.accounts.persons import PASSWORD, Person, another, first, login, operator, with_token
from tests.serving import client_of, running, settings_for

pytestmark = pytest.mark.system  # people, roles and sessions, call by call

ME = "/api/users/me"
EMAIL = "ada@example.org"
OUR_PAGE = {"Origin": "http://localhost"}
RIGHT = {"email": EMAIL, "password": PASSWORD}
WRONG = {"email": EMAIL, "password": "eight lives of a cat"}


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Users are of the whole installation."""
    return own_database_url


@pytest.fixture
async def ada(app: FastAPI) -> Person:
    return await first(app)


@pytest.fixture
async def browser(app: FastAPI, ada: Person) -> AsyncIterator[AsyncClient]:
    """Ada's, logged in by cookies."""
    async with client_of(app) as opened:
        assert (await opened.post("/api/login", json=RIGHT)).status_code == 200
        opened.headers.update(OUR_PAGE)
        yield opened


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def audited(tx: Tx) -> list[tuple[str, str, str | None, JsonObject]]:
    rows = tx.all(AuditEntry, sa.select(*AuditEntry.__table__.columns).order_by(AuditEntry.id))
    verbs = ("login", "login_by_token", "logout", "refresh_login")
    return [(row.verb, row.actor_id, row.object_id, row.detail) for row in rows if row.verb in verbs]


@pytest.mark.parametrize("path", ["/api/login", "/api/v1/login", "/login", "/login/"])
async def test_by_json(app: FastAPI, ada: Person, path: str) -> None:
    for said in (RIGHT, {"username": "ADA@example.org", "password": PASSWORD}):
        answer = await client_of(app).post(path, json=said)
        assert answer.status_code == 200
        assert answer.json().keys() == {"access_token", "token_type", "expires_in", "user"}
        assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 900)
        assert answer.json()["user"] == ada.view
        assert answer.headers["cache-control"] == "no-store"
        shown = await with_token(app, answer.json()["access_token"]).get(ME)
        assert shown.json() == ada.view


async def test_by_the_form_of_oauth(app: FastAPI, ada: Person) -> None:
    form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD, "scope": ""}
    answer = await client_of(app).post("/api/v1/login/access-token", data=form)
    assert answer.status_code == 200
    assert answer.json()["user"] == ada.view
    as_text = await client_of(app).post(
        "/login/access-token", content="username=a&password=b", headers={"Content-Type": "text/plain"}
    )
    assert as_text.status_code == 422


async def test_cookies(app: FastAPI, ada: Person) -> None:
    answer = await client_of(app).post("/api/login", json=RIGHT)
    plain = {cookie.partition("=")[0]: cookie.lower() for cookie in answer.headers.get_list("set-cookie")}
    assert plain.keys() == {"folkmoot_access", "folkmoot_refresh", "folkmoot_csrf"}
    assert ["httponly" in cookie for cookie in plain.values()] == [True, True, False]
    assert all("samesite=lax" in cookie and "path=/" in cookie for cookie in plain.values())
    assert not any("secure" in cookie or "domain" in cookie for cookie in plain.values())
    for base in ("https://localhost", "https://folkmoot.example", "http://folkmoot.example"):
        async with AsyncClient(transport=ASGITransport(app), base_url=base) as client:
            answer = await client.post("/api/login", json=RIGHT)
        secure = {cookie.partition("=")[0]: cookie.lower() for cookie in answer.headers.get_list("set-cookie")}
        assert secure.keys() == {f"__Host-{name}" for name in plain}
        assert all("; secure" in cookie and "path=/" in cookie for cookie in secure.values())


async def test_whoever_is_unknown_hears_what_a_known_one_hears(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org")
    await ada.client.patch(bob.path, json={"is_active": False})
    heard = []
    for said in (WRONG, {**RIGHT, "email": "nobody@example.org"}, {**RIGHT, "email": "bob@example.org"}):
        answer = await client_of(app).post("/api/login", json=said)
        assert problem(answer) == (401, "wrong_credentials")
        assert "set-cookie" not in answer.headers
        told = answer.json()
        heard.append({name: told[name] for name in told.keys() - {"timestamp", "request_id"}})
        assert said["email"] not in answer.text
    assert heard[0] == heard[1] == heard[2]


@pytest.mark.usefixtures("costly_passwords")
async def test_whoever_is_unknown_waits_as_long() -> None:
    passwords = Passwords()
    kept = await passwords.hash(PASSWORD)
    assert not await passwords.is_right("once", None)

    async def seconds(hash: str | None) -> float:
        began = perf_counter()
        assert not await passwords.is_right("wrong", hash)
        return perf_counter() - began

    known, unknown = [min([await seconds(hash) for _ in range(5)]) for hash in (kept, None)]
    assert 0.2 < unknown / known < 5


@pytest.mark.usefixtures("costly_passwords")
async def test_passwords_are_taken_whole(app: FastAPI, ada: Person) -> None:
    long = "é" * 127 + "x"
    await another_with(ada, "long@example.org", long)
    for wrong in (long[:-1], long[:-1] + "y", long[:72]):
        answer = await client_of(app).post("/api/login", json={"email": "long@example.org", "password": wrong})
        assert problem(answer) == (401, "wrong_credentials")
    await login(app, "long@example.org", long)
    row = await app.state.runtime.db.read(lambda tx: tx.first(User, sa.select(*User.__table__.columns)))
    assert row.password_hash.startswith("$argon2id$v=19$m=19968,t=2,p=1$")


async def another_with(admin: Person, email: str, password: str) -> None:
    made = await admin.client.post("/api/users", json={"email": email, "password": password})
    assert made.status_code == 201, made.text


async def test_what_is_no_login(app: FastAPI) -> None:
    wrong: tuple[JsonObject, ...] = (
        {},
        {"password": PASSWORD},
        {"email": EMAIL},
        {"email": EMAIL, "password": ""},
        {"email": EMAIL, "password": 1},
        {"email": "x" * 256, "password": PASSWORD},
        {"email": EMAIL, "password": "x" * 1025},
        {"email": [], "password": {}},
    )
    for said in wrong:
        answer = await client_of(app).post("/api/login", json=said)
        assert answer.status_code == 422, said
        assert PASSWORD not in answer.text


async def test_refreshing(browser: AsyncClient) -> None:
    before = dict(browser.cookies)
    answer = await browser.post("/login/refresh")
    assert answer.status_code == 200
    assert answer.json()["user"]["email"] == EMAIL
    assert {name: browser.cookies[name] != before[name] for name in before} == dict.fromkeys(before, True)
    assert (await browser.get(ME)).status_code == 200
    assert (await browser.post("/api/v1/login/refresh")).status_code == 200


async def test_refreshing_without_cookies(app: FastAPI, browser: AsyncClient) -> None:
    client = client_of(app)
    said = {"refresh_token": browser.cookies["folkmoot_refresh"]}
    answer = await client.post("/api/login/refresh", json=said)
    assert answer.status_code == 200
    assert (await with_token(app, answer.json()["access_token"]).get(ME)).status_code == 200


async def test_a_refresh_token_that_comes_twice_ends_its_session(app: FastAPI, browser: AsyncClient) -> None:
    elsewhere = await login(app, EMAIL)
    stolen = browser.cookies["folkmoot_refresh"]
    assert (await browser.post("/api/login/refresh")).status_code == 200
    assert (await browser.get(ME)).status_code == 200
    again = await client_of(app).post("/api/login/refresh", json={"refresh_token": stolen})
    assert problem(again) == (401, "wrong_credentials")
    assert (await browser.get(ME)).status_code == 401
    assert (await browser.post("/api/login/refresh")).status_code == 401
    assert (await elsewhere.client.get(ME)).status_code == 200, "another login goes on"
    last = (await app.state.runtime.db.read(audited))[-1]
    assert (last[0], last[1], last[2], last[3]["outcome"]) == ("refresh_login", "unknown", elsewhere.id, "reused")


async def test_what_refreshes_nothing(app: FastAPI, ada: Person, browser: AsyncClient) -> None:
    token = ada.client.headers["Authorization"].removeprefix("Bearer ")
    for said in ({}, {"refresh_token": "x"}, {"refresh_token": token}, {"refresh_token": None}):
        assert problem(await client_of(app).post("/api/login/refresh", json=said)) == (401, "wrong_credentials")
    await app.state.runtime.db.write(_expire, hash_of(browser.cookies["folkmoot_refresh"]))
    assert (await browser.post("/api/login/refresh")).status_code == 401


async def test_a_refresh_by_cookie_comes_from_our_own_page(browser: AsyncClient) -> None:
    for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert (await browser.post("/api/login/refresh", headers=origin)).status_code == 403
        assert (await browser.post("/api/logout", headers=origin)).status_code == 403
    del browser.headers["Origin"]
    assert problem(await browser.post("/api/login/refresh")) == (403, "csrf_refused")
    assert problem(await browser.post("/api/logout")) == (403, "csrf_refused")
    token = {"X-CSRF-Token": browser.cookies["folkmoot_csrf"]}
    assert (await browser.post("/api/login/refresh", headers=token)).status_code == 200
    assert (await browser.post("/api/login", json=RIGHT)).status_code == 200, "which uses no cookie"


async def test_logging_out(app: FastAPI, browser: AsyncClient) -> None:
    kept = dict(browser.cookies)
    answer = await browser.post("/logout")
    assert (answer.status_code, answer.content) == (204, b"")
    assert dict(browser.cookies) == {}
    assert (await with_token(app, kept["folkmoot_access"]).get(ME)).status_code == 401
    gone = await client_of(app).post("/api/login/refresh", json={"refresh_token": kept["folkmoot_refresh"]})
    assert gone.status_code == 401
    assert (await browser.post("/api/logout")).status_code == 204


async def test_logging_out_with_an_expired_access_token(app: FastAPI, browser: AsyncClient) -> None:
    kept = dict(browser.cookies)
    browser.cookies.delete("folkmoot_access")
    assert (await browser.post("/api/logout")).status_code == 204
    assert (await with_token(app, kept["folkmoot_access"]).get(ME)).status_code == 401


async def test_logging_out_by_header(app: FastAPI, ada: Person) -> None:
    elsewhere = await login(app, EMAIL)
    assert (await ada.client.post("/api/logout")).status_code == 204
    assert (await ada.client.get(ME)).status_code == 401
    assert (await elsewhere.client.get(ME)).status_code == 200
    assert (await operator(app).post("/api/logout")).status_code == 204
    assert (await operator(app).get("/api/agents")).status_code == 200, "the admin token is no session"


async def test_the_admin_token_opens_a_session(app: FastAPI, ada: Person) -> None:
    client = client_of(app)
    answer = await client.post("/login/token", json={"token": app.state.accounts.settings.admin_token})
    assert answer.status_code == 200
    assert answer.json()["user"] is None
    session = with_token(app, answer.json()["access_token"])
    assert (await session.get("/api/users")).status_code == 200
    client.headers.update(OUR_PAGE)
    assert (await client.post("/api/login/refresh")).status_code == 200
    assert (await client.post("/api/logout")).status_code == 204
    assert (await session.get("/api/users")).status_code == 401
    for wrong in ("fmadmin_x", PASSWORD, ada.client.headers["Authorization"].removeprefix("Bearer ")):
        assert problem(await client.post("/login/token", json={"token": wrong})) == (401, "wrong_credentials")


async def test_ten_failures_shut_the_account_for_that_address_alone(
    app: FastAPI, ada: Person, database_url: str, tmp_path: Path
) -> None:
    transport = ASGITransport(app, client=("192.0.2.7", 1))
    async with AsyncClient(transport=transport, base_url="http://folkmoot.example") as stranger:
        for _ in range(5):
            assert (await stranger.post("/api/login", json=WRONG)).status_code == 401
        if app.state.runtime.db.dialect == "postgresql":  # a second process beside the first
            async with running(settings_for(database_url, tmp_path / "other")) as other:
                beside = ASGITransport(other, client=("192.0.2.7", 1))
                async with AsyncClient(transport=beside, base_url="http://folkmoot.example") as same:
                    for _ in range(5):
                        assert (await same.post("/api/login", json=WRONG)).status_code == 401
        else:
            for _ in range(5):
                assert (await stranger.post("/api/login", json=WRONG)).status_code == 401
        for said in (WRONG, RIGHT):
            answer = await stranger.post("/api/login", json=said)
            assert problem(answer) == (429, "too_many_logins")
            assert 290 <= int(answer.headers["retry-after"]) <= 300
        assert (await stranger.post("/api/login", json={**RIGHT, "email": "x@y.z"})).status_code == 401
    assert (await client_of(app).post("/api/login", json=RIGHT)).status_code == 200, "from elsewhere"


async def test_failures_are_remembered_over_a_restart(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path)) as app:
        await first(app)
        for _ in range(10):
            assert (await client_of(app).post("/api/login", json=WRONG)).status_code == 401
    async with running(settings_for(database_url, tmp_path)) as app:
        assert (await client_of(app).post("/api/login", json=RIGHT)).status_code == 429
        assert (await client_of(app).get("/api/agents")).status_code == 401, "nor is it local again"


async def test_sessions_outlive_a_restart(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path)) as app:
        ada = await first(app)
        token = ada.client.headers["Authorization"].removeprefix("Bearer ")
    async with running(settings_for(database_url, tmp_path)) as app:
        assert (await with_token(app, token).get(ME)).status_code == 200
    async with running(settings_for(database_url, tmp_path / "with another key")) as app:
        assert (await with_token(app, token).get(ME)).status_code == 401


async def test_what_is_written_down(app: FastAPI, ada: Person) -> None:
    stranger = {"email": "my password", "password": PASSWORD}
    for said in (WRONG, stranger, RIGHT):
        await client_of(app).post("/api/login", json=said)
    await ada.client.post("/api/logout")
    await client_of(app).post("/login/token", json={"token": app.state.accounts.settings.admin_token})
    await client_of(app).post("/login/token", json={"token": "x"})
    found = await app.state.runtime.db.read(audited)
    assert found == [
        ("login", ada.id, ada.id, {"outcome": "ok"}),
        ("login", "unknown", ada.id, {"outcome": "failed"}),
        ("login", "unknown", None, {"outcome": "failed"}),
        ("login", ada.id, ada.id, {"outcome": "ok"}),
        ("logout", ada.id, ada.id, {}),
        ("login_by_token", "local", "local", {"outcome": "ok"}),
        ("login_by_token", "unknown", "local", {"outcome": "failed"}),
    ]


async def test_the_database_holds_no_secret(app: FastAPI, ada: Person, browser: AsyncClient) -> None:
    ticket = (await browser.post("/api/socket-tickets")).json()["ticket"]
    secrets = [PASSWORD, ticket, app.state.accounts.settings.admin_token, *dict(browser.cookies).values()]
    kept = await app.state.runtime.db.read(_all_rows)
    assert "session" in kept
    assert [secret for secret in secrets if secret in kept] == []


async def test_what_has_expired_is_pruned(app: FastAPI, browser: AsyncClient) -> None:
    db = app.state.runtime.db
    await browser.post("/api/socket-tickets")
    await prune(db)
    assert await db.read(_counts) == (2, 1)
    await db.write(_expire, None)
    await prune(db)
    assert await db.read(_counts) == (0, 0)


def _all_rows(tx: Tx) -> str:
    tables = (User, UserSession, LoginAttempts, SocketTicket, AuditEntry)
    return repr([tx.all(table, sa.select(*table.__table__.columns)) for table in tables])


def _counts(tx: Tx) -> tuple[int, int]:
    sessions, tickets = (tx.scalar(sa.select(sa.func.count()).select_from(of)) for of in (UserSession, SocketTicket))
    return sessions, tickets


def _expire(tx: Tx, refresh_hash: str | None) -> None:
    """One refresh token, or all there is."""
    at = now() - timedelta(seconds=1)
    if refresh_hash is not None:
        tx.write(sa.update(UserSession).where(UserSession.refresh_hash == refresh_hash).values(expires_at=at))
        return
    tx.write(sa.update(UserSession).values(expires_at=at))
    tx.write(sa.update(SocketTicket).values(expires_at=at))
