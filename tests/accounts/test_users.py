"""Users over HTTP: who may see, change and send away whom, and what that ends."""

import asyncio

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from folkmoot.accounts.tables import User
from folkmoot.audit.tables import AuditEntry
from folkmoot.db.tx import Tx
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import JsonObject
from tests.accounts.persons import PASSWORD, Person, another, api_key, first, login, operator, with_token
from tests.serving import client_of

pytestmark = pytest.mark.system  # people, roles and sessions, call by call

USERS, ME = "/api/users", "/api/users/me"
OTHER = "ten lives of a dog"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Users are of the whole installation."""
    return own_database_url


@pytest.fixture
async def ada(app: FastAPI) -> Person:
    return await first(app)


async def is_in(client: AsyncClient) -> bool:
    """Whether its credential is still good."""
    status = (await client.get("/api/users/me")).status_code
    assert status in (200, 401)
    return status == 200


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def audited(tx: Tx) -> list[tuple[str, str | None, JsonObject]]:
    rows = tx.all(AuditEntry, sa.select(*AuditEntry.__table__.columns).order_by(AuditEntry.id))
    return [(row.verb, row.object_id, row.detail) for row in rows if row.object_kind == "user"]


async def test_a_view_holds_what_it_says_and_nothing_else(ada: Person) -> None:
    shown = (await ada.client.get(ME)).json()
    assert shown == ada.view
    assert shown.keys() == {"id", "email", "full_name", "is_admin", "is_active", "created_at"}
    assert (shown["email"], shown["full_name"], shown["is_admin"]) == ("ada@example.org", None, True)


async def test_a_list_for_admins(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org", full_name="Bob")
    page = (await ada.client.get(USERS)).json()
    assert page == {"users": [bob.view, ada.view], "total": 2, "skip": 0, "limit": 50}
    assert (await ada.client.get(f"{USERS}?skip=1&limit=1")).json()["users"] == [ada.view]
    assert (await ada.client.get(bob.path)).json() == bob.view
    async with operator(app) as client:
        assert (await client.get(USERS)).json() == page


async def test_what_only_admins_may(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org")
    new = {"email": "eve@example.org", "password": PASSWORD}
    for user_id in (ada.id, bob.id, new_id(), "x"):
        for answer in (
            await bob.client.get(USERS),
            await bob.client.get(f"{USERS}/{user_id}"),
            await bob.client.post(USERS, json=new),
            await bob.client.patch(f"{USERS}/{user_id}", json={"is_admin": True}),
            await bob.client.delete(f"{USERS}/{user_id}"),
        ):
            assert problem(answer) == (403, "admins_only")
    assert (await ada.client.get(USERS)).json()["total"] == 2
    assert (await client_of(app).get(USERS)).status_code == 401


async def test_unknown_users(ada: Person) -> None:
    for user_id in (new_id(), "x", "%27"):
        for answer in (
            await ada.client.get(f"{USERS}/{user_id}"),
            await ada.client.patch(f"{USERS}/{user_id}", json={"full_name": "x"}),
            await ada.client.patch(f"{USERS}/{user_id}", json={"is_active": False}),
            await ada.client.delete(f"{USERS}/{user_id}"),
        ):
            assert (answer.status_code, answer.json()["detail"]) == (404, "User not found")


async def test_a_name_of_ones_own(app: FastAPI, ada: Person) -> None:
    changed = (await ada.client.patch(ME, json={"full_name": "Ada Lovelace"})).json()
    assert changed == {**ada.view, "full_name": "Ada Lovelace"}
    assert (await ada.client.patch(ME, json={})).json() == changed
    assert (await ada.client.patch(ME, json={"is_admin": True})).status_code == 422
    bob = await another(app, ada, "bob@example.org")
    changed = (await ada.client.patch(bob.path.upper().replace("/API/USERS", USERS), json={"full_name": "Bob"})).json()
    assert changed == {**bob.view, "full_name": "Bob"}
    assert (await bob.client.get(ME)).json() == changed


async def test_passwords_are_changed_by_who_knows_them(app: FastAPI, ada: Person) -> None:
    elsewhere = await login(app, "ada@example.org")
    wrong = await ada.client.post(f"{ME}/password", json={"current_password": OTHER, "new_password": OTHER})
    assert problem(wrong) == (403, "wrong_password")
    assert await is_in(elsewhere.client)
    change = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await ada.client.post(f"{ME}/password", json=change)).status_code == 204
    assert (await is_in(ada.client), await is_in(elsewhere.client)) == (True, False)
    refused = await client_of(app).post("/api/login", json={"email": "ada@example.org", "password": PASSWORD})
    assert refused.status_code == 401
    await login(app, "ada@example.org", OTHER)


@pytest.mark.parametrize("password", ["seven77", "x" * 129])
async def test_passwords_that_will_not_do(ada: Person, password: str) -> None:
    new = {"email": "bob@example.org", "password": password}
    change = {"current_password": PASSWORD, "new_password": password}
    assert (await ada.client.post(USERS, json=new)).status_code == 422
    assert (await ada.client.patch(ada.path, json={"password": password})).status_code == 422
    refused = await ada.client.post(f"{ME}/password", json=change)
    assert (refused.status_code, password in refused.text) == (422, False)


async def test_guessing_the_current_password_is_throttled(ada: Person) -> None:
    change = {"current_password": OTHER, "new_password": OTHER}
    guesses = [(await ada.client.post(f"{ME}/password", json=change)).status_code for _ in range(12)]
    assert guesses[-1] == 429
    assert guesses.index(429) <= 10


async def test_a_reset_ends_the_sessions(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org")
    assert (await ada.client.patch(bob.path, json={"password": OTHER})).json() == bob.view
    assert not await is_in(bob.client)
    await login(app, "bob@example.org", OTHER)


async def test_logging_out_everywhere(app: FastAPI, ada: Person) -> None:
    elsewhere, key = await login(app, "ada@example.org"), await api_key(ada)
    assert (await ada.client.post(f"{ME}/logout-everywhere")).status_code == 204
    assert (await is_in(ada.client), await is_in(elsewhere.client)) == (False, False)
    assert await is_in(with_token(app, str(key["key"])))


async def test_who_is_deactivated_is_out_for_good(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org")
    key = with_token(app, str((await api_key(bob))["key"]))
    assert await is_in(key)
    assert (await ada.client.patch(bob.path, json={"is_active": False})).json() == {**bob.view, "is_active": False}
    assert (await is_in(bob.client), await is_in(key)) == (False, False)
    refused = await client_of(app).post("/api/login", json={"email": "bob@example.org", "password": PASSWORD})
    assert refused.status_code == 401
    assert (await ada.client.patch(bob.path, json={"is_active": True})).status_code == 200
    assert (await is_in(bob.client), await is_in(key)) == (False, False)
    await login(app, "bob@example.org")


async def test_the_last_admin_stays(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org")
    for answer in (
        await ada.client.patch(ada.path, json={"is_admin": False}),
        await ada.client.patch(ada.path.upper().replace("/API/USERS", USERS), json={"is_active": False}),
        await ada.client.delete(ada.path),
    ):
        assert problem(answer) == (409, "last_admin")
    assert (await ada.client.patch(bob.path, json={"is_admin": True})).status_code == 200
    assert (await ada.client.patch(bob.path, json={"is_active": False})).status_code == 200
    assert problem(await ada.client.delete(ada.path)) == (409, "last_admin")
    assert (await ada.client.patch(bob.path, json={"is_active": True})).status_code == 200
    assert (await ada.client.delete(ada.path)).status_code == 204
    assert not await is_in(ada.client)


async def test_of_admins_who_send_each_other_away_one_stays(app: FastAPI, ada: Person) -> None:
    for number in range(4):
        bob = await another(app, ada, f"bob{number}@example.org", is_admin=True)
        answers = await asyncio.gather(
            ada.client.patch(bob.path, json={"is_admin": False}), bob.client.patch(ada.path, json={"is_admin": False})
        )
        assert sorted(answer.status_code for answer in answers)[0] == 200
        async with operator(app) as client:
            users = (await client.get(USERS)).json()["users"]
            assert len([user for user in users if user["is_admin"]]) == 1
            assert (await client.patch(ada.path, json={"is_admin": True})).status_code == 200


async def test_a_change_takes_no_other_change_back(app: FastAPI, ada: Person) -> None:
    """Names that are changed while somebody is deactivated do not make him active again."""
    for number in range(4):
        bob = await another(app, ada, f"bob{number}@example.org")
        await asyncio.gather(
            *(bob.client.patch(ME, json={"full_name": f"Bob {n}"}) for n in range(5)),
            ada.client.patch(bob.path, json={"is_active": False}),
        )
        found = (await ada.client.get(USERS)).json()["users"][0]
        assert (found["id"], found["is_active"]) == (bob.id, False)


async def test_the_operator_has_no_account(app: FastAPI, ada: Person) -> None:
    async with operator(app) as client:
        for answer in (
            await client.get(ME),
            await client.patch(ME, json={"full_name": "x"}),
            await client.post(f"{ME}/logout-everywhere"),
            await client.post(f"{ME}/password", json={"current_password": PASSWORD, "new_password": OTHER}),
        ):
            assert problem(answer) == (409, "no_account")
            assert "create-admin" in answer.json()["hint"]


async def test_a_key_changes_no_password_and_makes_no_admin(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org")
    client = with_token(app, str((await api_key(ada, scopes=["read", "write", "admin"]))["key"]))
    assert (await client.get(ME)).json() == ada.view
    new = {"email": "eve@example.org", "password": PASSWORD}
    for answer in (
        await client.patch(ME, json={"full_name": "x"}),
        await client.post(f"{ME}/logout-everywhere"),
        await client.post(f"{ME}/password", json={"current_password": PASSWORD, "new_password": OTHER}),
        await client.patch(bob.path, json={"password": OTHER}),
        await client.patch(bob.path, json={"is_admin": True}),
        await client.post(USERS, json={**new, "is_admin": True}),
    ):
        assert problem(answer) == (403, "session_needed")
    assert (await client.post(USERS, json=new)).status_code == 201
    for scope in ("read", "write"):
        client = with_token(app, str((await api_key(ada, scopes=[scope]))["key"]))
        assert problem(await client.get(USERS)) == (403, "admins_only")


async def test_every_verb_is_audited_without_secrets(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org")
    await ada.client.patch(bob.path, json={"full_name": "Bob", "is_active": True, "password": OTHER})
    await ada.client.patch(ME, json={"full_name": "Ada"})
    await ada.client.post(f"{ME}/password", json={"current_password": PASSWORD, "new_password": OTHER})
    await ada.client.delete(bob.path)
    await ada.client.post(f"{ME}/logout-everywhere")
    entries = await app.state.runtime.db.read(audited)
    assert [entry for entry in entries if entry[0] != "login"] == [
        ("register", ada.id, {"is_admin": True}),
        ("create_user", bob.id, {"is_admin": False}),
        ("change_user", bob.id, {"changed": ["full_name", "is_active", "password"], "is_active": True}),
        ("change_me", ada.id, {"changed": ["full_name"]}),
        ("change_password", ada.id, {}),
        ("delete_user", bob.id, {}),
        ("logout_everywhere", ada.id, {}),
    ]


async def test_what_is_kept_is_a_hash(app: FastAPI, ada: Person) -> None:
    row = await app.state.runtime.db.read(lambda tx: tx.first(User, sa.select(*User.__table__.columns)))
    assert row.password_hash.startswith("$argon2id$")
    assert PASSWORD not in repr(row)
