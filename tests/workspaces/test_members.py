"""Who is in a workspace: what each role may do, who may change whom, and that an owner is always left."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient

from folkmoot.accounts.rules import KeyScope
from folkmoot.audit.tables import AuditEntry
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Role
from folkmoot.workspaces.tables import Invitation, Membership
from tests.persons import Person, admit, enrol
from tests.serving import client_of

pytestmark = pytest.mark.system  # people, roles and sessions, call by call

WORKSPACES = "/api/workspaces"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """There are users: local mode is over."""
    return own_database_url


@dataclass
class Town:
    """A workspace with one member of each role, and somebody who is in none."""

    app: FastAPI
    client: AsyncClient
    id: str
    people: dict[str, Person]

    def __getattr__(self, name: str) -> Person:
        return self.people[name]

    @property
    def members(self) -> str:
        return f"{WORKSPACES}/{self.id}/members"

    async def roles(self) -> dict[str, str]:
        answer = await self.client.get(self.members, headers=self.owner.by_session)
        names = {person.id: name for name, person in self.people.items()}
        return {names[member["user_id"]]: member["role"] for member in answer.json()["members"]}

    async def change(self, who: str, whom: str, role: str) -> tuple[int, JsonObject]:
        answer = await self.client.patch(
            f"{self.members}/{self.people[whom].id}", json={"role": role}, headers=self.people[who].by_session
        )
        return answer.status_code, answer.json()

    async def remove(self, who: str, whom: str) -> tuple[int, str]:
        path = f"{self.members}/{self.people[whom].id}"
        answer = await self.client.delete(path, headers=self.people[who].by_session)
        return answer.status_code, answer.json()["code"] if answer.content else ""


@pytest.fixture
async def town(app: FastAPI) -> AsyncIterator[Town]:
    async with client_of(app) as client:
        people = {name: await enrol(app, name) for name in ("owner", "admin", "member", "viewer", "nobody")}
        made = await client.post(WORKSPACES, json={"name": "Harbour"}, headers=people["owner"].by_session)
        assert made.status_code == 201, made.text
        for name in ("admin", "member", "viewer"):
            await admit(app, people[name], made.json()["id"], Role[name.upper()])
        yield Town(app, client, made.json()["id"], people)


async def test_whoever_makes_a_workspace_owns_it_and_nobody_else_sees_it(town: Town) -> None:
    assert await town.roles() == {"owner": "owner", "admin": "admin", "member": "member", "viewer": "viewer"}
    for name, person in town.people.items():
        listed = (await town.client.get(WORKSPACES, headers=person.by_session)).json()
        assert [item["id"] for item in listed["workspaces"]] == ([] if name == "nobody" else [town.id])
        assert listed["total"] == len(listed["workspaces"])
    for path in ("/api/tasks", f"{WORKSPACES}/{town.id}", town.members):
        answer = await town.client.get(path, headers=town.nobody.by_session)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_workspace")


async def test_members_are_shown(town: Town) -> None:
    page = (await town.client.get(f"{town.members}?limit=2&skip=1", headers=town.viewer.by_key)).json()
    assert (page["total"], page["skip"], page["limit"]) == (4, 1, 2)
    assert [member["name"] for member in page["members"]] == ["member", "admin"]
    assert page["members"][0] | {"created_at": ""} == {
        "user_id": town.member.id,
        "email": town.member.email,
        "name": "member",
        "role": "member",
        "created_at": "",
    }


async def test_a_role_that_is_too_low_is_named(town: Town) -> None:
    answer = await town.client.post("/api/tasks", json={"description": "x"}, headers=town.viewer.by_session)
    body = answer.json()
    assert (answer.status_code, body["code"], body["needed"], body["role"]) == (
        403,
        "role_too_low",
        "member",
        "viewer",
    )
    answer = await town.client.delete(f"{WORKSPACES}/{town.id}?confirm=Harbour", headers=town.admin.by_session)
    assert (answer.status_code, answer.json()["needed"]) == (403, "owner")
    answer = await town.client.patch(f"{WORKSPACES}/{town.id}", json={"name": "X"}, headers=town.member.by_session)
    assert (answer.status_code, answer.json()["needed"]) == (403, "admin")


async def test_a_role_is_changed_and_counts_at_once(town: Town) -> None:
    async def give() -> int:
        new = {"description": "x"}
        return (await town.client.post("/api/tasks", json=new, headers=town.viewer.by_session)).status_code

    assert await give() == 403
    status, shown = await town.change("admin", "viewer", "member")
    assert (status, shown["role"], shown["user_id"]) == (200, "member", town.viewer.id)
    assert await give() == 201
    assert (await town.change("member", "viewer", "viewer"))[0] == 403
    assert (await town.change("admin", "admin", "viewer"))[0] == 200
    assert (await town.change("admin", "admin", "admin"))[0] == 403


async def test_only_owners_make_and_unmake_owners(town: Town) -> None:
    for whom, role in (("member", "owner"), ("admin", "owner"), ("owner", "member")):
        status, body = await town.change("admin", whom, role)
        assert (status, body["code"], body["needed"]) == (403, "role_too_low", "owner")
    assert await town.remove("admin", "owner") == (403, "role_too_low")
    assert (await town.change("owner", "admin", "owner"))[0] == 200
    assert (await town.change("admin", "owner", "viewer"))[0] == 200
    assert (await town.roles())["owner"] == "viewer"


async def test_the_last_owner_stays(town: Town) -> None:
    assert await town.remove("owner", "owner") == (409, "last_owner")
    status, body = await town.change("owner", "owner", "admin")
    assert (status, body["code"]) == (409, "last_owner")
    assert (await town.change("owner", "owner", "owner"))[0] == 200
    assert (await town.change("owner", "member", "owner"))[0] == 200
    assert await town.remove("owner", "owner") == (204, "")


async def test_two_owners_who_leave_at_once_leave_one_behind(town: Town) -> None:
    assert (await town.change("owner", "admin", "owner"))[0] == 200
    answers = await asyncio.gather(town.remove("owner", "owner"), town.remove("admin", "admin"))
    assert sorted(answers) == [(204, ""), (409, "last_owner")]


async def test_members_leave_and_are_sent_away(town: Town) -> None:
    assert await town.remove("viewer", "member") == (403, "role_too_low")
    assert await town.remove("viewer", "viewer") == (204, "")
    assert await town.remove("viewer", "viewer") == (404, "no_such_workspace")
    assert await town.remove("admin", "member") == (204, "")
    assert await town.remove("admin", "member") == (404, "no_such_member")
    assert await town.remove("admin", "nobody") == (404, "no_such_member")
    answer = await town.client.get("/api/tasks", headers={**town.member.by_session, "X-Workspace-Id": town.id})
    assert answer.status_code == 404
    assert await town.roles() == {"owner": "owner", "admin": "admin"}


async def test_a_key_lowers_the_role(town: Town, app: FastAPI) -> None:
    reader = await enrol(app, "reader", scopes=[KeyScope.READ])
    writer = await enrol(app, "writer", scopes=[KeyScope.READ, KeyScope.WRITE])
    for person in (reader, writer):
        await admit(app, person, town.id, Role.OWNER)
    for person, post, patch in ((reader, 403, 403), (writer, 201, 403)):
        answer = await town.client.post("/api/tasks", json={"description": "x"}, headers=person.by_key)
        assert answer.status_code == post
        answer = await town.client.patch(f"{WORKSPACES}/{town.id}", json={"name": "X"}, headers=person.by_key)
        assert answer.status_code == patch
        assert (await town.client.get("/api/tasks", headers=person.by_key)).status_code == 200
    for method, path in (("POST", WORKSPACES), ("POST", "/api/invitations/accept")):
        answer = await town.client.request(
            method, path, json={"name": "x"} if path == WORKSPACES else {"token": "x"}, headers=reader.by_key
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "key_is_narrow")
    gone = await town.client.delete(f"{town.members}/{reader.id}", headers=reader.by_key)
    assert (gone.status_code, gone.json()["code"]) == (403, "role_too_low")


async def test_a_key_for_one_workspace_knows_no_other(town: Town, app: FastAPI) -> None:
    one = await enrol(app, "one", key_for=town.id)
    answer = await town.client.post(WORKSPACES, json={"name": "Other"}, headers=one.by_session)
    other = answer.json()["id"]
    await admit(app, one, town.id, Role.MEMBER)
    assert (await town.client.get("/api/tasks", headers={**one.by_session, "X-Workspace-Id": other})).status_code == 200
    for headers, path in (({"X-Workspace-Id": other}, "/api/tasks"), ({}, f"{WORKSPACES}/{other}")):
        answer = await town.client.get(path, headers={**one.by_key, **headers})
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_workspace")
    listed = await town.client.get(WORKSPACES, headers=one.by_key)
    assert [item["id"] for item in listed.json()["workspaces"]] == [town.id]
    made = await town.client.post("/api/tasks", json={"description": "x"}, headers=one.by_key)
    assert made.status_code == 201
    assert (await town.client.get("/api/tasks", headers={**one.by_key, "X-Workspace-Id": town.id})).json()["total"] == 1
    assert (await town.client.post(WORKSPACES, json={"name": "x"}, headers=one.by_key)).status_code == 403


async def test_without_a_selector_it_is_the_oldest_membership(town: Town) -> None:
    newer = await town.client.post(WORKSPACES, json={"name": "Newer"}, headers=town.member.by_session)
    assert newer.status_code == 201
    await town.client.post("/api/tasks", json={"description": "x"}, headers=town.member.by_session)
    listed = await town.client.get("/api/tasks", headers=town.owner.by_session)
    assert listed.json()["total"] == 1


async def test_every_verb_is_told_and_recorded(town: Town) -> None:
    await town.change("owner", "viewer", "member")
    await town.remove("owner", "viewer")
    await town.remove("member", "member")

    def told(tx: Tx) -> list[tuple[object, ...]]:
        mine = sa.select(Event.data).where(Event.workspace_id == town.id).order_by(Event.seq)
        said = [row.data for row in tx.all(Event, mine)]
        return [(data["id"], data["change"]) for data in said if data["resource"] == "member"]

    def recorded(tx: Tx) -> list[tuple[object, ...]]:
        mine = sa.select(*AuditEntry.__table__.columns).where(AuditEntry.workspace_id == town.id)
        rows = tx.all(AuditEntry, mine.order_by(AuditEntry.id))
        return [(row.verb, row.actor_id, row.object_id, row.address) for row in rows if row.verb.endswith("_member")]

    people = ("owner", "admin", "member", "viewer")
    db = town.app.state.runtime.db
    assert await db.read(told) == [
        *((town.people[name].id, "created") for name in people),
        (town.viewer.id, "updated"),
        (town.viewer.id, "deleted"),
        (town.member.id, "deleted"),
    ]
    assert await db.read(recorded) == [
        ("change_member", town.owner.id, town.viewer.id, "127.0.0.1"),
        ("remove_member", town.owner.id, town.viewer.id, "127.0.0.1"),
        ("remove_member", town.member.id, town.member.id, "127.0.0.1"),
    ]


@pytest.mark.parametrize("path", ["x", "me", "%27", "0190f0f0-0000-7000-8000-000000000000"])
async def test_unknown_members(town: Town, path: str) -> None:
    for method in ("PATCH", "DELETE"):
        answer = await town.client.request(
            method, f"{town.members}/{path}", json={"role": "viewer"}, headers=town.owner.by_session
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_member")


async def test_the_audit_log_outlives_the_workspace(town: Town) -> None:
    path = f"{WORKSPACES}/{town.id}"
    await town.client.post(f"{path}/invitations", json={}, headers=town.owner.by_session)
    would = (await town.client.delete(path, headers=town.owner.by_session)).json()["would_delete"]
    assert would == {"invitations": 1, "memberships": 4, "projects": 1}
    assert (await town.client.delete(f"{path}?confirm=Harbour", headers=town.owner.by_session)).status_code == 204

    def verbs(tx: Tx) -> list[str]:
        mine = sa.select(AuditEntry.verb).where(AuditEntry.object_id == town.id).order_by(AuditEntry.id)
        return [row.verb for row in tx.all(AuditEntry, mine)]

    def left(tx: Tx) -> list[object]:
        return [tx.scalar(sa.select(sa.func.count()).select_from(table)) for table in (Membership, Invitation)]

    db = town.app.state.runtime.db
    assert await db.read(verbs) == ["create_workspace", "delete_workspace"]
    assert await db.read(left) == [0, 0]
