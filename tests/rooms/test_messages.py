"""What stands in a room and for whom it is new: read markers, what is unread, replies, and what is kept how long."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from folkmoot.conversations.tables import Message
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.rooms import messages
from folkmoot.rooms.messages import prune
from tests.persons import Person
from tests.rooms.lounge import Lounge

UNKNOWN = "01a1fdeb-4f1c-7e24-8a48-bf93d8189c23"


def _age(tx: Tx, room_id: str, upto: int, days: int) -> None:
    """What was said up to a seq was said so long ago."""
    old = sa.update(Message).where(Message.conversation_id == room_id, Message.seq <= upto)
    tx.write(old.values(created_at=now() - timedelta(days=days)))


async def unread(lounge: Lounge, room: str) -> int:
    return int((await lounge.ask("GET", "/api/rooms"))["unread"][room])


async def test_unread_is_what_others_have_said_and_still_stands(pair: tuple[Lounge, Lounge, Person]) -> None:
    ada, bob, person = pair
    room = await ada.open(settings={"retention_days": 7})
    await ada.say(room, "Before he came")
    await ada.ask("POST", f"/api/rooms/{room}/members", {"user_id": person.id}, 201)
    assert await unread(bob, room) == 0
    said = [await ada.say(room, f"Number {number}") for number in range(4)]
    await bob.say(room, "My own")
    assert (await unread(ada, room), await unread(bob, room)) == (1, 4)
    await ada.ask("PATCH", f"/api/rooms/{room}/messages/{said[0]['id']}", {"content": "Number nought"})
    assert await unread(bob, room) == 4
    await ada.ask("DELETE", f"/api/rooms/{room}/messages/{said[1]['id']}", status=204)
    assert await unread(bob, room) == 3
    await bob.ask("POST", f"/api/rooms/{room}/read", {"seq": said[0]["seq"]})
    await ada.ask("PATCH", f"/api/rooms/{room}/messages/{said[0]['id']}", {"content": "Number none"})
    assert await unread(bob, room) == 2
    await ada.db.write(_age, room, said[2]["seq"], 8)
    await prune(ada.db)
    assert await unread(bob, room) == 1
    await bob.ask("POST", f"/api/rooms/{room}/read", {})
    assert await unread(bob, room) == 0


async def test_a_read_marker_stays_within_what_was_said(pair: tuple[Lounge, Lounge, Person]) -> None:
    ada, bob, person = pair
    room = await ada.open()
    path = f"/api/rooms/{room}/read"
    assert (await ada.ask("POST", path, {}))["last_read_seq"] == 0
    assert (await ada.ask("POST", path, {"seq": 9}))["last_read_seq"] == 0
    await ada.ask("POST", f"/api/rooms/{room}/members", {"user_id": person.id, "role": "viewer"}, 201)
    for _ in range(3):
        last = await ada.say(room, "Hello")
    for seq, stands in ((0, 0), (2, 2), (1, 2), (2**53, 3), (0, 3)):
        assert (await bob.ask("POST", path, {"seq": seq}))["last_read_seq"] == stands, seq
    for wrong in (-1, 2**53 + 1, "last", 1.5):
        assert (await bob.ask("POST", path, {"seq": wrong}, 422))["code"] == "invalid", wrong
    await ada.ask("DELETE", f"/api/rooms/{room}/messages/{last['id']}", status=204)
    assert (await ada.ask("POST", path, {}))["last_read_seq"] == 3, "a deleted message keeps its place"
    await ada.ask("DELETE", f"/api/rooms/{room}/members/{person.id}", status=204)
    assert (await bob.ask("POST", path, {}, 404))["code"] == "no_such_room"


async def test_what_one_may_reply_to(lounge: Lounge) -> None:
    room, other = await lounge.open(settings={"retention_days": 7}), await lounge.open()
    path = f"/api/rooms/{room}/messages"
    said, foreign = await lounge.say(room, "Hello"), await lounge.say(other, "Elsewhere")
    for strange in (foreign["id"], UNKNOWN, "no id", lounge.agents["Ada"]["id"]):
        refused = await lounge.ask("POST", path, {"content": "x", "reply_to": strange}, 404)
        assert refused["code"] == "no_such_room_message", strange
    for wrong in ("", "a" * 256, 7):
        await lounge.ask("POST", path, {"content": "x", "reply_to": wrong}, 422)
    await lounge.ask("DELETE", f"{path}/{said['id']}", status=204)
    answer = await lounge.say(room, "To what was there", reply_to=said["id"].upper())
    assert answer["reply_to"] == said["id"], "who was writing while it was deleted loses nothing"
    await lounge.db.write(_age, room, said["seq"], 8)
    await prune(lounge.db)
    await lounge.ask("POST", path, {"content": "x", "reply_to": said["id"]}, 404)
    assert [(one["content"], one["reply_to"]) for one in await lounge.log(room)] == [("To what was there", said["id"])]


async def test_messages_are_kept_as_long_as_their_room_says(lounge: Lounge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_PRUNED", 2)
    room, forever = await lounge.open("Ada", settings={"retention_days": 7}), await lounge.open()
    await lounge.say(room, "@ada hello")
    await lounge.quiet(room)
    for number in range(4):
        said = await lounge.say(room, f"Number {number}")
        await lounge.ask("PUT", f"/api/rooms/{room}/messages/{said['id']}/reactions/👍")
    await lounge.say(forever, "Of old")
    await lounge.db.write(_age, room, 5, 8)
    await lounge.db.write(_age, room, 1, 80)
    await lounge.db.write(_age, forever, 1, 800)
    await prune(lounge.db)
    assert [one["seq"] for one in await lounge.log(room)] == [6]
    assert [one["content"] for one in await lounge.log(forever)] == ["Of old"]
    assert (await lounge.say(room, "And on"))["seq"] == 7
    await lounge.ask("PATCH", f"/api/rooms/{room}", {"settings": {}})
    await lounge.db.write(_age, room, 7, 8)
    await prune(lounge.db)
    assert len(await lounge.log(room)) == 2
