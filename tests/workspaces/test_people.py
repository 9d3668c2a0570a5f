"""Users come and go with their places: who is first, who owns what, who may register, and what goes with whom."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Role
from folkmoot.workspaces.tables import Membership
from tests.accounts.persons import PASSWORD, another, api_key, first, login, operator, with_token
from tests.serving import client_of, running, settings_for

pytestmark = pytest.mark.system  # people, roles and sessions, call by call

REGISTER, USERS, WORKSPACES = "/api/register", "/api/users", "/api/workspaces"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Users are of the whole installation."""
    return own_database_url


def person(email: str, **more: object) -> dict[str, object]:
    return {"email": email, "password": PASSWORD, **more}


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def memberships(tx: Tx) -> list[tuple[str, str, str]]:
    rows = tx.all(Membership, sa.select(*Membership.__table__.columns).order_by(Membership.id))
    return [(row.workspace_id, row.user_id, row.role) for row in rows]


def member_events(tx: Tx) -> list[tuple[str, str, str]]:
    rows = tx.all(Event, sa.select(*Event.__table__.columns).where(Event.type == "resource_changed"))
    about = [(row.workspace_id, row.data) for row in rows if row.data["resource"] == "member"]
    return sorted((workspace_id, str(data["id"]), str(data["change"])) for workspace_id, data in about)


async def slugs(client: AsyncClient) -> list[str]:
    return [workspace["slug"] for workspace in (await client.get(WORKSPACES)).json()["workspaces"]]


@pytest.mark.parametrize("path", [USERS, REGISTER])
async def test_the_first_user_is_admin_and_owns_all_there_is(app: FastAPI, client: AsyncClient, path: str) -> None:
    older = (await client.post(WORKSPACES, json={"name": "Older"})).json()
    made = await client.post(path, json=person(" Ada@Example.org ", full_name="Ada"))
    assert made.status_code == 201, made.text
    assert made.json().keys() == {"id", "email", "full_name", "is_admin", "is_active", "created_at"}
    assert (made.json()["email"], made.json()["is_admin"]) == ("Ada@Example.org", True)
    for closed in (WORKSPACES, "/api/tasks", USERS):
        assert (await client.get(closed)).status_code == 401
    ada = await login(app, "ada@example.org")
    assert await slugs(ada.client) == ["older", "default"]
    roles = {(workspace, role) for workspace, _, role in await app.state.runtime.db.read(memberships)}
    [default] = [
        one["id"] for one in (await ada.client.get(WORKSPACES)).json()["workspaces"] if one["slug"] == "default"
    ]
    assert roles == {(default, Role.OWNER.word), (older["id"], Role.OWNER.word)}
    assert (await ada.client.post("/api/tasks", json={"description": "x"})).json()["workspace_id"] == default


async def test_each_later_user_gets_a_workspace_of_his_own(app: FastAPI, client: AsyncClient) -> None:
    ada = await first(app)
    bob = await another(app, ada, "bob@example.org")
    eve = await another(app, ada, "eve@example.org", full_name="Bob")
    assert (await slugs(bob.client), await slugs(eve.client)) == (["bob"], ["bob-2"])
    assert await slugs(ada.client) == ["default"]
    assert (bob.view["is_admin"], bob.view["is_active"]) == (False, True)
    [own] = (await bob.client.get(WORKSPACES)).json()["workspaces"]
    assert own["name"] == "bob"
    assert (await bob.client.post("/api/tasks", json={"description": "x"})).json()["workspace_id"] == own["id"]
    assert (own["id"], bob.id, "owner") in await app.state.runtime.db.read(memberships)
    assert (own["id"], bob.id, "created") in await app.state.runtime.db.read(member_events)


async def test_addresses_are_taken_once(app: FastAPI, client: AsyncClient) -> None:
    ada = await first(app)
    for email in ("ada@example.org", "ADA@Example.org", " ada@example.org"):
        assert problem(await ada.client.post(USERS, json=person(email))) == (409, "email_taken")
    answers = await asyncio.gather(
        *(ada.client.post(USERS, json=person(email)) for email in ["bob@example.org", "BOB@example.org"] * 3)
    )
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert (await ada.client.get(USERS)).json()["total"] == 2
    assert (await ada.client.post(USERS, json=person("nobody"))).status_code == 422


@pytest.mark.parametrize("path", [USERS, REGISTER])
async def test_of_many_who_are_first_one_is(app: FastAPI, client: AsyncClient, path: str) -> None:
    answers = await asyncio.gather(*(client.post(path, json=person(f"u{n}@example.org")) for n in range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 201
    assert set(statuses[1:]) <= {401, 403}
    async with operator(app) as holder:
        users = (await holder.get(USERS)).json()["users"]
    assert [user["is_admin"] for user in users] == [True]


@pytest.mark.postgres
async def test_of_two_servers_one_makes_the_first_user(
    own_postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = [tmp_path_factory.mktemp(name) for name in "ab"]
    one, two = (settings_for(own_postgres_url, folder) for folder in folders)
    async with running(one) as here, running(two) as there:
        asked = [
            client.post(REGISTER, json=person(f"u{number}@example.org"))
            for number, client in enumerate([client_of(here), client_of(there)] * 4)
        ]
        answers = await asyncio.gather(*asked)
        assert sorted(answer.status_code for answer in answers)[0] == 201
        async with operator(here) as holder:
            users = (await holder.get(USERS)).json()["users"]
    assert [user["is_admin"] for user in users] == [True]


async def test_where_auth_is_required_the_operator_makes_the_first(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path).model_copy(update={"auth": "required"})
    async with running(settings) as app, operator(app) as holder:
        anybody = client_of(app)
        assert problem(await anybody.post(REGISTER, json=person("eve@example.org"))) == (403, "registration_closed")
        assert (await anybody.post(USERS, json=person("eve@example.org"))).status_code == 401
        for email in ("ada@example.org", "bob@example.org"):
            assert (await holder.post(USERS, json=person(email))).status_code == 201
        ada, bob = [await login(app, email) for email in ("ada@example.org", "bob@example.org")]
        assert (ada.view["is_admin"], bob.view["is_admin"]) == (True, False)
        assert (await slugs(ada.client), await slugs(bob.client)) == (["default"], ["bob"])


async def test_later_ones_register_by_invitation(app: FastAPI, client: AsyncClient) -> None:
    ada = await first(app)
    assert problem(await client.post(REGISTER, json=person("bob@example.org"))) == (403, "registration_closed")
    [default] = (await ada.client.get(WORKSPACES)).json()["workspaces"]
    path = f"{WORKSPACES}/{default['id']}/invitations"
    invited = {"role": "viewer", "email": "Bob@example.org"}
    token = (await ada.client.post(path, json=invited)).json()["token"]
    for wrong in (person("bob@example.org", invitation="x"), person("eve@example.org", invitation=token)):
        assert problem(await client.post(REGISTER, json=wrong)) == (404, "no_such_invitation")
    made = await client.post(REGISTER, json=person("bob@example.org", invitation=token))
    assert (made.status_code, made.json()["is_admin"]) == (201, False)
    bob = await login(app, "bob@example.org")
    assert await slugs(bob.client) == ["default"]
    assert problem(await bob.client.post("/api/tasks", json={"description": "x"})) == (403, "role_too_low")
    again = await client.post(REGISTER, json=person("bob2@example.org", invitation=token))
    assert problem(again) == (404, "no_such_invitation")


async def test_an_invitation_is_used_once(app: FastAPI, client: AsyncClient) -> None:
    ada = await first(app)
    [default] = (await ada.client.get(WORKSPACES)).json()["workspaces"]
    token = (await ada.client.post(f"{WORKSPACES}/{default['id']}/invitations", json={})).json()["token"]
    answers = await asyncio.gather(
        *(client.post(REGISTER, json=person(f"u{n}@example.org", invitation=token)) for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [201, *[404] * 5]
    assert (await ada.client.get(USERS)).json()["total"] == 2


async def test_nobody_learns_by_registering_who_is_there(app: FastAPI, client: AsyncClient) -> None:
    await first(app)
    for token in (None, "fminvite_x"):
        answers = [
            await client.post(REGISTER, json=person(email, invitation=token))
            for email in ("ada@example.org", "eve@example.org")
        ]
        known, unknown = (
            {name: value for name, value in answer.json().items() if name not in ("timestamp", "request_id")}
            for answer in answers
        )
        assert known == unknown


async def test_the_first_user_is_not_an_invited_one(app: FastAPI, client: AsyncClient) -> None:
    [default] = (await client.get(WORKSPACES)).json()["workspaces"]
    token = (await client.post(f"{WORKSPACES}/{default['id']}/invitations", json={})).json()["token"]
    refused = await client.post(REGISTER, json=person("bob@example.org", invitation=token))
    assert problem(refused) == (409, "first_needs_no_invitation")
    await first(app)
    assert (await client.post(REGISTER, json=person("bob@example.org", invitation=token))).status_code == 201


async def test_what_a_user_wrote_outlives_him(app: FastAPI, client: AsyncClient) -> None:
    ada = await first(app)
    bob = await another(app, ada, "bob@example.org")
    key = with_token(app, str((await api_key(bob))["key"]))
    [own] = (await bob.client.get(WORKSPACES)).json()["workspaces"]
    task: JsonObject = (await bob.client.post("/api/tasks", json={"description": "Summarise"})).json()
    assert (await key.get("/api/tasks")).status_code == 200
    assert (await ada.client.delete(bob.path)).status_code == 204
    assert (await ada.client.delete(bob.path)).status_code == 404
    assert [(await one.get("/api/tasks")).status_code for one in (bob.client, key)] == [401, 401]
    assert all(user_id != bob.id for _, user_id, _ in await app.state.runtime.db.read(memberships))
    assert (own["id"], bob.id, "deleted") in await app.state.runtime.db.read(member_events)
    async with operator(app) as holder:
        kept = await holder.get(f"/api/tasks/{task['id']}", headers={"X-Workspace-Id": str(own["id"])})
        assert kept.json() == task
    again = await another(app, ada, "bob@example.org")
    assert again.id != bob.id
    assert await slugs(again.client) == ["bob-2"]
