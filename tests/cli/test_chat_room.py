"""A room followed over a line that breaks: every message once and in order, and what is said is said once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from folkmoot.cli.chat_face import PlainFace
from folkmoot.cli.chat_room import ChatRoom
from folkmoot.cli.client import client_at
from folkmoot.cli.problems import Refused
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.json import loads
from folkmoot.kernel.supervisor import Supervisor
from tests.app_fixtures import app
from tests.client.proxy import cuts_of, line_to
from tests.rooms.conftest import lounge
from tests.rooms.lounge import Lounge
from tests.serving import listening

__all__ = ["app", "lounge"]

pytestmark = pytest.mark.system  # it lives of connections and of the time that passes


@pytest.fixture
def shared_app(app: FastAPI) -> FastAPI:
    """The test's own: it listens on a port."""
    return app


@asynccontextmanager
async def followed(lounge: Lounge, address: str, room_id: str, last: int = 20) -> AsyncIterator[ChatRoom]:
    supervisor = Supervisor()
    async with client_at(address) as client:
        chat = ChatRoom(client.within(lounge.headers), room_id, PlainFace(is_json=True))
        await chat.enter(last)
        supervisor.start(chat.follow(), "follow")
        yield chat
        await supervisor.stop()


def seqs(printed: str) -> list[object]:
    found = [loads(line) for line in printed.splitlines()]
    return [one["seq"] for one in found if isinstance(one, dict)]


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_missed_and_nothing_shown_twice(
    app: FastAPI, lounge: Lounge, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    room_id = await lounge.open("Ada")
    await lounge.say(room_id, "Before")
    async with (
        asyncio.timeout(60),
        listening(app) as place,
        line_to(f"http://{place}") as line,
        followed(lounge, line.address, room_id) as chat,
    ):
        line.budget = cuts_of(seed, 2500, 25)
        for number in range(8):
            await lounge.say(room_id, f"@ada {number}" if number % 3 == 0 else f"{number}")
            line.cut()
            await chat.say(f"said {number}")
        await lounge.quiet(room_id)
        await chat.until_quiet()
    log = await lounge.log(room_id)
    assert line.cuts > 8
    assert seqs(capsys.readouterr().out) == [one["seq"] for one in log] == list(range(1, len(log) + 1))
    said = [one["content"] for one in log if one["content"].startswith("said")]
    assert said == [f"said {number}" for number in range(8)], "once each"


async def test_the_last_messages_are_shown_and_long_ones_whole(
    app: FastAPI, lounge: Lounge, capsys: pytest.CaptureFixture[str]
) -> None:
    room_id = await lounge.open()
    for number in range(5):
        await lounge.say(room_id, f"{number}")
    async with asyncio.timeout(30), listening(app) as place:
        async with followed(lounge, f"http://{place}", room_id, last=2) as chat:
            long = "long " * 5000  # longer than what an event may hold
            await lounge.say(room_id, long)
            await lounge.say(room_id, "last")
            await chat.until_quiet()
            told = capsys.readouterr().out
            assert seqs(told) == [4, 5, 6, 7]
            assert long.strip() in told
        async with followed(lounge, f"http://{place}", room_id, last=0) as chat:
            await chat.until_quiet()
            assert capsys.readouterr().out == ""
    unread = (await lounge.ask("GET", "/api/rooms"))["unread"]
    assert unread == {room_id: 0}


async def test_who_chats_is_in_the_room(app: FastAPI, lounge: Lounge) -> None:
    room_id = await lounge.open()

    async def until_there(*people: str) -> None:
        async with asyncio.timeout(15):
            while await present() != [*people]:  # noqa: ASYNC110 a row of the database sets no event
                await asyncio.sleep(0.02)

    async def present() -> list[str]:
        shown = await lounge.ask("GET", f"/api/rooms/{room_id}/presence")
        return [one["user_id"] for one in shown["people"]]

    async with asyncio.timeout(30), listening(app) as place:
        async with followed(lounge, f"http://{place}", room_id):
            await until_there("local")
        await until_there()


async def test_a_room_one_is_not_in_is_refused(app: FastAPI, lounge: Lounge) -> None:
    async with asyncio.timeout(30), listening(app) as place, client_at(f"http://{place}") as client:
        with pytest.raises(Refused, match="Room not found"):
            await ChatRoom(client.within(lounge.headers), new_id(), PlainFace(is_json=True)).enter(5)
        room_id = await lounge.open()
        chat = ChatRoom(client.within(lounge.headers), room_id, PlainFace(is_json=True))
        await chat.enter(5)
        await lounge.ask("DELETE", f"/api/rooms/{room_id}", status=204)
        with pytest.raises(Refused, match="Room not found"):
            await chat.say("Hello?")
        with pytest.raises(Refused, match="Room not found"):
            await chat.follow()
