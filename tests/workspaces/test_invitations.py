"""Invitations: accepted once, in time and by whom they are for; all else is one answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from folkmoot.audit.tables import AuditEntry
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import Json, JsonObject
from folkmoot.kernel.scope import Role
from folkmoot.workspaces.tables import Invitation
from tests.persons import Person, admit, enrol
from tests.serving import client_of

pytestmark = pytest.mark.system  # people, roles and sessions, call by call

ACCEPT = "/api/invitations/accept"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """There are users: local mode is over."""
    return own_database_url


@dataclass
class House:
    """A workspace with an owner, and a guest who is not in it yet."""

    app: FastAPI
    client: AsyncClient
    id: str
    owner: Person
    guest: Person

    @property
    def path(self) -> str:
        return f"/api/workspaces/{self.id}/invitations"

    async def invite(self, **given: Json) -> JsonObject:
        answer = await self.client.post(self.path, json=given, headers=self.owner.by_session)
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "no-store"
        made: JsonObject = answer.json()
        return made

    async def accept(self, made: JsonObject, who: Person | None = None) -> Response:
        return await self.client.post(ACCEPT, json={"token": made["token"]}, headers=(who or self.guest).by_session)

    async def listed(self) -> list[JsonObject]:
        page = (await self.client.get(self.path, headers=self.owner.by_session)).json()
        assert page["total"] == len(page["invitations"])
        found: list[JsonObject] = page["invitations"]
        return found


@pytest.fixture
async def house(app: FastAPI) -> AsyncIterator[House]:
    async with client_of(app) as client:
        owner, guest = await enrol(app, "owner"), await enrol(app, "guest")
        made = await client.post("/api/workspaces", json={"name": "House"}, headers=owner.by_session)
        yield House(app, client, made.json()["id"], owner, guest)


def is_unknown(answer: Response) -> bool:
    return (answer.status_code, answer.json()["code"]) == (404, "no_such_invitation")


async def test_invited_listed_accepted_once(house: House) -> None:
    made = await house.invite(role="admin")
    assert str(made["token"]).startswith("fminvite_")
    assert await house.listed() == [{name: value for name, value in made.items() if name != "token"}]

    joined = await house.accept(made)
    assert (joined.status_code, joined.json()) == (200, {"workspace_id": house.id, "role": "admin"})
    assert await house.listed() == []
    assert is_unknown(await house.accept(made, await enrol(house.app, "late")))
    answer = await house.client.get("/api/tasks", headers=house.guest.by_session)
    assert answer.status_code == 200


async def test_the_token_is_kept_nowhere(house: House) -> None:
    made = await house.invite()

    def rows(tx: Tx) -> str:
        tables = (Invitation, Event, AuditEntry)
        return repr([tx.all(table, sa.select(*table.__table__.columns)) for table in tables])

    kept = await house.app.state.runtime.db.read(rows)
    assert str(made["id"]) in kept
    assert str(made["token"]) not in kept
    assert str(made["token"]).removeprefix("fminvite_") not in kept


async def test_whoever_is_not_meant_does_not_know_it(house: House) -> None:
    made = await house.invite(email=house.guest.email.upper())
    assert is_unknown(await house.accept(made, await enrol(house.app, "other")))
    assert (await house.accept(made)).status_code == 200


async def test_unknown_expired_and_taken_back_are_one_answer(house: House) -> None:
    expired, gone = await house.invite(), await house.invite()

    def expire(tx: Tx) -> None:
        past = now() - timedelta(seconds=1)
        tx.write(sa.update(Invitation).where(Invitation.id == expired["id"]).values(expires_at=past))

    await house.app.state.runtime.db.write(expire)
    path = f"{house.path}/{gone['id']}"
    assert (await house.client.delete(path, headers=house.owner.by_session)).status_code == 204
    for answer in (
        await house.client.delete(path, headers=house.owner.by_session),
        await house.client.delete(f"{house.path}/{expired['id']}", headers=house.owner.by_session),
        await house.client.delete(f"{house.path}/x", headers=house.owner.by_session),
        await house.accept(gone),
        await house.accept(expired),
        await house.accept({"token": "fminvite_x"}),
        await house.accept({"token": str(expired["id"])}),
    ):
        assert is_unknown(answer)
    assert await house.listed() == []


async def test_one_place_is_taken_by_one_of_many(house: House) -> None:
    made = await house.invite()
    crowd = [await enrol(house.app, f"guest-{number}") for number in range(5)]
    answers = await asyncio.gather(*(house.accept(made, person) for person in crowd))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404, 404]


async def test_members_keep_their_role_and_the_invitation(house: House) -> None:
    made = await house.invite(role="viewer")
    refused = await house.accept(made, house.owner)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_member")
    assert (await house.accept(made)).status_code == 200


async def test_admins_invite_no_owners(house: House) -> None:
    await admit(house.app, house.guest, house.id, Role.ADMIN)
    for role, status in (("owner", 403), ("admin", 201)):
        answer = await house.client.post(house.path, json={"role": role}, headers=house.guest.by_session)
        assert answer.status_code == status
    assert (await house.invite(role="owner"))["role"] == "owner"


async def test_the_operator_is_no_user(house: House) -> None:
    token = house.app.state.accounts.settings.admin_token
    made = await house.invite()
    answer = await house.client.post(
        ACCEPT, json={"token": made["token"]}, headers={"Authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "no_account")


@pytest.mark.parametrize(
    "given",
    [
        {"role": "king"},
        {"role": None},
        {"email": "x"},
        {"expires_in_seconds": 59},
        {"expires_in_seconds": 90 * 86_400 + 1},
        {"token": "mine"},
    ],
)
async def test_what_cannot_be_invited(house: House, given: JsonObject) -> None:
    answer = await house.client.post(house.path, json=given, headers=house.owner.by_session)
    assert answer.status_code == 422


async def test_an_invitation_of_another_workspace_is_unknown(house: House) -> None:
    made = await house.invite()
    other = await house.client.post("/api/workspaces", json={"name": "Other"}, headers=house.guest.by_session)
    path = f"/api/workspaces/{other.json()['id']}/invitations"
    for invitation_id in (made["id"], new_id()):
        assert is_unknown(await house.client.delete(f"{path}/{invitation_id}", headers=house.guest.by_session))
    assert len(await house.listed()) == 1


async def test_a_workspace_that_is_going_takes_nobody_in(house: House) -> None:
    made = await house.invite()
    path = f"/api/workspaces/{house.id}?confirm=House"
    assert (await house.client.delete(path, headers=house.owner.by_session)).status_code == 204
    assert is_unknown(await house.accept(made))


async def test_every_verb_is_told_and_recorded(house: House) -> None:
    made, taken_back = await house.invite(), await house.invite()
    await house.accept(made)
    await house.client.delete(f"{house.path}/{taken_back['id']}", headers=house.owner.by_session)

    def told(tx: Tx) -> list[tuple[object, ...]]:
        mine = sa.select(Event.data).where(Event.workspace_id == house.id).order_by(Event.seq)
        said = [row.data for row in tx.all(Event, mine)]
        return [(data["id"], data["change"]) for data in said if data["resource"] == "invitation"]

    def recorded(tx: Tx) -> list[tuple[object, ...]]:
        mine = sa.select(*AuditEntry.__table__.columns).where(AuditEntry.object_kind == "invitation")
        return [(row.verb, row.actor_id, row.object_id) for row in tx.all(AuditEntry, mine.order_by(AuditEntry.id))]

    db = house.app.state.runtime.db
    assert await db.read(told) == [
        (made["id"], "created"),
        (taken_back["id"], "created"),
        (made["id"], "deleted"),
        (taken_back["id"], "deleted"),
    ]
    assert await db.read(recorded) == [
        ("create_invitation", house.owner.id, made["id"]),
        ("create_invitation", house.owner.id, taken_back["id"]),
        ("accept_invitation", house.guest.id, made["id"]),
        ("delete_invitation", house.owner.id, taken_back["id"]),
    ]
