"""What is said with an Idempotency-Key is said once, however often and wherever it is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from tests.databases import new_scope
from tests.persons import Person
from tests.rooms.lounge import Lounge
from tests.serving import client_of, running, settings_for


async def send(lounge: Lounge, room: str, key: str, **body: object) -> Response:
    headers = {**lounge.headers, "Idempotency-Key": key}
    return await lounge.client.post(f"/api/rooms/{room}/messages", json={"content": "Hello", **body}, headers=headers)


async def said(lounge: Lounge, room: str, key: str, **body: object) -> Any:
    answer = await send(lounge, room, key, **body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def refused(lounge: Lounge, room: str, key: str, **body: object) -> tuple[int, str]:
    answer = await send(lounge, room, key, **body)
    return answer.status_code, answer.json()["code"]


async def test_the_same_key_is_the_same_message(lounge: Lounge) -> None:
    room, other = await lounge.open(), await lounge.open()
    first = await said(lounge, room, "k1")
    assert await said(lounge, room, "k1") == first
    assert await refused(lounge, room, "k1", content="Else") == (409, "key_reused")
    assert await refused(lounge, other, "k1") == (409, "key_reused")
    assert (await said(lounge, room, "k2"))["seq"] == 2
    reacted = await lounge.ask("PUT", f"/api/rooms/{room}/messages/{first['id']}/reactions/👍")
    assert await said(lounge, room, "k1") == reacted, "it is answered as it is now"
    await lounge.ask("DELETE", f"/api/rooms/{room}/messages/{first['id']}", status=204)
    assert (await said(lounge, room, "k1"))["content"] == ""
    assert [one["seq"] for one in await lounge.log(room)] == [1, 2]
    for wrong in ("", "x" * 256):
        assert (await refused(lounge, room, wrong))[0] == 422


async def test_at_the_same_moment_too(lounge: Lounge) -> None:
    room = await lounge.open()
    found = await asyncio.gather(*(said(lounge, room, "k1") for _ in range(8)))
    assert [one["id"] for one in found] == [found[0]["id"]] * 8
    assert len(await lounge.log(room)) == 1


async def test_what_follows_of_it_follows_once(lounge: Lounge) -> None:
    room = await lounge.open("Ada", approval=True)
    for _ in range(2):
        await said(lounge, room, "k1", content="@ada hello")
    run_id = (await lounge.look(room))["speaking_run_id"]
    await said(lounge, room, "k1", content="@ada hello")
    assert (await lounge.look(room))["speaking_run_id"] == run_id, "who answers it is not cut off by it"
    begun = [await said(lounge, room, "k2", content="/task Tell of the harbour") for _ in range(2)]
    assert begun[0] == begun[1]
    assert (await lounge.ask("GET", "/api/tasks"))["total"] == 1


async def test_a_key_of_what_was_refused_is_free(lounge: Lounge) -> None:
    room = await lounge.open()
    unknown = lounge.agents["Ada"]["id"]
    assert await refused(lounge, room, "k1", reply_to=unknown) == (404, "no_such_room_message")
    assert (await said(lounge, room, "k1"))["seq"] == 1


async def test_a_key_is_one_persons_and_opens_no_room(pair: tuple[Lounge, Lounge, Person]) -> None:
    ada, bob, person = pair
    room = await ada.open()
    await ada.ask("POST", f"/api/rooms/{room}/members", {"user_id": person.id}, 201)
    assert (await said(ada, room, "k1"))["id"] != (await said(bob, room, "k1"))["id"]
    member = f"/api/rooms/{room}/members/{person.id}"
    await ada.ask("PATCH", member, {"role": "viewer"})
    assert await refused(bob, room, "k1") == (403, "room_role_too_low")
    await ada.ask("DELETE", member, status=204)
    assert await refused(bob, room, "k1") == (404, "no_such_room")


@pytest.fixture
async def two(own_postgres_url: str, tmp_path: Path) -> AsyncIterator[tuple[Lounge, Lounge]]:
    """One workspace by two applications, which share nothing but the database."""
    async with AsyncExitStack() as stack:
        settings = [settings_for(own_postgres_url, tmp_path / name) for name in ("one", "other")]
        apps = [await stack.enter_async_context(running(each)) for each in settings]
        scope = await apps[0].state.runtime.db.write(new_scope)
        one, other = [Lounge(app, await stack.enter_async_context(client_of(app)), scope) for app in apps]
        await one.furnish()
        other.headers |= one.headers
        yield one, other


async def until_said(lounge: Lounge, room: str, key: str) -> Any:
    while (answer := await send(lounge, room, key)).status_code == 409:
        assert answer.json()["code"] == "key_in_use"
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@pytest.mark.postgres
@pytest.mark.system
async def test_at_two_servers(two: tuple[Lounge, Lounge]) -> None:
    room = await two[0].open()
    for number in range(10):
        key = f"k{number}"
        found = await asyncio.gather(*(until_said(lounge, room, key) for lounge in two * 4))
        assert len(set(found)) == 1
    assert len(await two[0].log(room)) == 10
