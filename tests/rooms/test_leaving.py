"""Who leaves a workspace leaves its rooms with it, and the first user finds those that were opened before."""

from pathlib import Path
from typing import Any

import pytest

from folkmoot.kernel.scope import Role
from tests.accounts.persons import operator
from tests.persons import Person, admit
from tests.rooms.lounge import Lounge
from tests.serving import client_of, running, settings_for

Pair = tuple[Lounge, Lounge, Person]


async def roles(lounge: Lounge, room: str) -> dict[str, Any]:
    members = (await lounge.ask("GET", f"/api/rooms/{room}/members"))["members"]
    return {one["member_id"]: one["role"] for one in members if one["member_kind"] == "user"}


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_a_seat_is_lost_with_the_place_in_the_workspace(pair: Pair, is_deleted: bool) -> None:
    ada, bob, person = pair
    room = await bob.open()
    me = (await ada.ask("GET", "/api/users/me"))["id"]
    await bob.ask("POST", f"/api/rooms/{room}/members", {"user_id": me, "role": "viewer"}, 201)
    if is_deleted:
        async with operator(ada.app) as admin:
            assert (await admin.delete(f"/api/users/{person.id}")).status_code == 204
    else:
        await ada.ask("DELETE", f"/api/workspaces/{ada.scope.workspace_id}/members/{person.id}", status=204)
    assert await roles(ada, room) == {me: "owner"}, "a room keeps an owner"
    await ada.say(room, "He is gone")
    if not is_deleted:
        await admit(ada.app, person, ada.scope.workspace_id, Role.MEMBER)
        await bob.ask("GET", f"/api/rooms/{room}", status=404)


async def test_the_first_user_owns_what_was_there(own_database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        room = (await client.post("/api/rooms", json={"name": "Before"})).json()["id"]
        account = {"email": "nora@example.org", "password": "nine lives of a cat"}
        made = await client.post("/api/register", json=account)
        token = (await client.post("/api/login", json=account)).json()["access_token"]
        client.cookies.clear()
        bearer = {"Authorization": f"Bearer {token}"}
        members = (await client.get(f"/api/rooms/{room}/members", headers=bearer)).json()["members"]
        assert {one["member_id"]: one["role"] for one in members} == {"local": "owner", made.json()["id"]: "owner"}
