"""API keys over HTTP: shown once, good for what they say, gone when they are revoked."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import Response

from folkmoot.accounts.tables import ApiKey
from folkmoot.audit.tables import AuditEntry
from folkmoot.kernel.clock import iso, now
from folkmoot.kernel.ids import new_id
from tests.accounts.persons import Person, another, api_key, first, operator, with_token
from tests.serving import client_of

KEYS = "/api/api-keys"
NEW = {"name": "nightly", "scopes": ["read"]}


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Users are of the whole installation."""
    return own_database_url


@pytest.fixture
async def ada(app: FastAPI) -> Person:
    return await first(app)


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_key_is_shown_once(app: FastAPI, ada: Person) -> None:
    later = iso(now() + timedelta(days=1))
    made = await api_key(ada, name="nightly", scopes=["write", "read", "write"], expires_at=later)
    text = str(made.pop("key"))
    assert text.startswith(f"{made['prefix']}_")
    assert len(text.removeprefix(f"{made['prefix']}_")) == 43
    assert (made["name"], made["scopes"], made["expires_at"]) == ("nightly", ["write", "read"], later)
    assert (made["workspace_id"], made["last_used_at"], made["revoked_at"]) == (None, None, None)
    page = await ada.client.get(KEYS)
    assert page.json() == {"api_keys": [made], "total": 1, "skip": 0, "limit": 50}
    row = await app.state.runtime.db.read(lambda tx: tx.first(ApiKey, sa.select(*ApiKey.__table__.columns)))
    assert text not in repr(row)
    assert text.removeprefix(f"{made['prefix']}_") not in repr(row)


async def test_a_key_lets_in_until_it_is_revoked(app: FastAPI, ada: Person) -> None:
    made = await api_key(ada)
    client = with_token(app, str(made["key"]))
    by_header = await client_of(app).get("/api/users/me", headers={"X-API-Key": str(made["key"])})
    assert by_header.json() == (await client.get("/api/users/me")).json() == ada.view
    assert (await ada.client.delete(f"{KEYS}/{made['id']}")).status_code == 204
    assert (await client.get("/api/users/me")).status_code == 401
    [shown] = (await ada.client.get(KEYS)).json()["api_keys"]
    assert shown["revoked_at"] is not None
    assert (await ada.client.delete(f"{KEYS}/{str(made['id']).upper()}")).status_code == 204
    assert (await ada.client.get(KEYS)).json()["api_keys"] == [shown]


async def test_keys_of_others_are_unknown(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org")
    key = await api_key(bob)
    answers = [await ada.client.delete(f"{KEYS}/{key_id}") for key_id in (key["id"], new_id(), "x")]
    bodies = [
        {name: value for name, value in answer.json().items() if name not in ("timestamp", "request_id", "instance")}
        for answer in answers
    ]
    assert bodies[0] == bodies[1] == bodies[2]
    assert problem(answers[0]) == (404, "no_such_api_key")
    assert (await ada.client.get(KEYS)).json()["total"] == 0
    assert (await with_token(app, str(key["key"])).get("/api/users/me")).json() == bob.view


async def test_a_key_for_one_workspace_of_ones_own(app: FastAPI, ada: Person) -> None:
    bob = await another(app, ada, "bob@example.org")
    [theirs] = (await bob.client.get("/api/workspaces")).json()["workspaces"]
    for workspace_id in (theirs["id"], new_id(), "x"):
        refused = await ada.client.post(KEYS, json={**NEW, "workspace_id": workspace_id})
        assert problem(refused) == (404, "no_such_workspace")
    made = await api_key(bob, workspace_id=theirs["id"].upper())
    assert made["workspace_id"] == theirs["id"]
    other = (await bob.client.post("/api/workspaces", json={"name": "Other"})).json()
    client = with_token(app, str(made["key"]))
    assert (await client.get("/api/tasks")).status_code == 200
    assert (await client.get("/api/tasks", headers={"X-Workspace-Id": other["id"]})).status_code == 404


async def test_a_key_makes_and_revokes_no_keys(app: FastAPI, ada: Person) -> None:
    made = await api_key(ada, scopes=["admin"])
    client = with_token(app, str(made["key"]))
    assert problem(await client.post(KEYS, json=NEW)) == (403, "session_needed")
    assert problem(await client.delete(f"{KEYS}/{made['id']}")) == (403, "session_needed")
    assert (await client.get(KEYS)).json()["total"] == 1


async def test_who_has_no_account_has_no_keys(app: FastAPI, ada: Person) -> None:
    async with operator(app) as client:
        for answer in (await client.get(KEYS), await client.post(KEYS, json=NEW), await client.delete(f"{KEYS}/x")):
            assert problem(answer) == (409, "no_account")


WRONG: list[dict[str, object]] = [
    {"scopes": []},
    {"scopes": ["root"]},
    {"name": " "},
    {"expires_at": "2020-01-01T00:00:00Z"},
    {"expires_at": "2030-01-01T00:00:00"},
    {"expires_at": "9999-12-31T23:59:59-12:00"},
    {"expires_at": "0001-01-01T00:00:00+14:00"},
    {"key": "mine"},
]


async def test_keys_that_will_not_do(ada: Person) -> None:
    for wrong in WRONG:
        assert (await ada.client.post(KEYS, json={**NEW, **wrong})).status_code == 422


async def test_a_key_that_is_made_while_its_user_is_sent_away_is_no_good(app: FastAPI, ada: Person) -> None:
    for number in range(4):
        bob = await another(app, ada, f"bob{number}@example.org")
        *made, _ = await asyncio.gather(
            *(bob.client.post(KEYS, json=NEW) for _ in range(5)), ada.client.patch(bob.path, json={"is_active": False})
        )
        assert {answer.status_code for answer in made} <= {201, 401}
        await ada.client.patch(bob.path, json={"is_active": True})
        for answer in made:
            if answer.status_code == 201:
                assert (await with_token(app, answer.json()["key"]).get("/api/users/me")).status_code == 401


async def test_keys_are_audited(app: FastAPI, ada: Person) -> None:
    made = await api_key(ada, scopes=["read"])
    await ada.client.delete(f"{KEYS}/{made['id']}")
    await ada.client.delete(f"{KEYS}/{made['id']}")
    found = sa.select(*AuditEntry.__table__.columns).where(AuditEntry.object_kind == "api_key").order_by(AuditEntry.id)
    rows = await app.state.runtime.db.read(lambda tx: tx.all(AuditEntry, found))
    assert [(row.verb, row.object_id, row.actor_id, row.detail) for row in rows] == [
        ("create_api_key", made["id"], ada.id, {"scopes": ["read"]}),
        ("revoke_api_key", made["id"], ada.id, {}),
    ]
