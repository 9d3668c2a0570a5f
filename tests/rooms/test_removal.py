"""A room that is deleted is gone at once; what was said in it follows in small units, also after a crash."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from folkmoot.app import create_app
from folkmoot.conversations.tables import Conversation, Message
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import LOCAL_OWNER_ID, Actor
from folkmoot.rooms import removal
from folkmoot.rooms.removal import finish_removals
from folkmoot.rooms.service import delete_room
from folkmoot.rooms.tables import Room, RoomMember, RoomReaction, RoomText
from tests.agents.crowd import crowd
from tests.databases import new_scope
from tests.rooms.lounge import Lounge
from tests.serving import client_of, running, settings_for

TABLES = (Conversation, Message, Room, RoomMember, RoomReaction, RoomText)


@pytest.fixture(autouse=True)
def _small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_SOME", 2)


def rows_of(tx: Tx, room_id: str) -> dict[str, int]:
    """How many rows each table has of a room."""
    messages = sa.select(Message.id).where(Message.conversation_id == room_id)
    here = {
        Conversation: Conversation.id == room_id,
        Message: Message.conversation_id == room_id,
        Room: Room.id == room_id,
        RoomMember: RoomMember.room_id == room_id,
        RoomReaction: RoomReaction.message_id.in_(messages),
        RoomText: RoomText.room_id == room_id,
    }
    counts = {
        table.__tablename__: tx.scalar(sa.select(sa.func.count()).select_from(table).where(here[table]))
        for table in TABLES
    }
    return {name: int(count) for name, count in counts.items() if count}


async def lively(lounge: Lounge) -> str:
    """A room with five messages, one of which was reacted to."""
    room = await lounge.open("Ada")
    for number in range(5):
        said = await lounge.say(room, f"The zebra ferry {number}")
    await lounge.ask("PUT", f"/api/rooms/{room}/messages/{said['id']}/reactions/👍")
    return room


async def cut_short(lounge: Lounge, room: str) -> None:
    """Delete it as a server does that is killed after the first unit."""
    owner = replace(lounge.scope, actor=Actor("user", LOCAL_OWNER_ID, "Owner"))
    await lounge.db.write(delete_room, lounge.engine, owner, room)


async def test_all_of_it_goes_and_nothing_else(lounge: Lounge) -> None:
    room, other = await lively(lounge), await lively(lounge)
    before = await lounge.db.read(rows_of, other)
    assert (before["messages"], before["room_texts"], before["room_reactions"]) == (5, 5, 1)
    await lounge.ask("DELETE", f"/api/rooms/{room}", status=204)
    assert await lounge.db.read(rows_of, room) == {}
    assert await lounge.db.read(rows_of, other) == before
    assert (await lounge.ask("DELETE", f"/api/rooms/{room}", status=404))["code"] == "no_such_room"


async def test_it_is_gone_for_everybody_while_its_messages_go(still_lounge: Lounge) -> None:
    lounge = still_lounge
    room, other = await lively(lounge), await lively(lounge)
    await cut_short(lounge, room)
    assert (await lounge.db.read(rows_of, room))["messages"] == 5
    for path in ("", "/messages", "/members", "/presence", "/attachments"):
        assert (await lounge.ask("GET", f"/api/rooms/{room}{path}", status=404))["code"] == "no_such_room", path
    await lounge.ask("POST", f"/api/rooms/{room}/messages", {"content": "Hello?"}, 404)
    assert [one["id"] for one in (await lounge.ask("GET", "/api/rooms"))["rooms"]] == [other]
    assert {hit["room_id"] for hit in (await lounge.ask("GET", "/api/rooms/search?q=zebra"))["hits"]} == {other}
    assert (await lounge.ask("GET", "/api/conversations"))["total"] == 0
    await finish_removals(lounge.db)
    assert await lounge.db.read(rows_of, room) == {}
    assert (await lounge.db.read(rows_of, other))["messages"] == 5


async def test_the_next_server_finishes_it(own_database_url: str, tmp_path: Path) -> None:
    settings = settings_for(own_database_url, tmp_path)
    app = create_app(settings, works=False)
    async with app.router.lifespan_context(app), client_of(app) as client:
        lounge = await Lounge(app, client, await app.state.runtime.db.write(new_scope)).furnish()
        room = await lively(lounge)
        await cut_short(lounge, room)
        assert (await lounge.db.read(rows_of, room))["messages"] == 5
    async with asyncio.timeout(15), running(settings) as app:
        while await app.state.runtime.db.read(rows_of, room):  # noqa: ASYNC110 a row of the database sets no event
            await asyncio.sleep(0.02)


async def test_two_that_finish_it_at_once(still_lounge: Lounge) -> None:
    lounge = still_lounge
    rooms = [await lively(lounge) for _ in range(3)]
    for room in rooms:
        await cut_short(lounge, room)
    await asyncio.gather(*(finish_removals(lounge.db) for _ in range(4)))
    assert [await lounge.db.read(rows_of, room) for room in rooms] == [{}, {}, {}]


def plan_of_search(tx: Tx) -> str:
    """How the database looks for what deletions have left."""
    how = "explain query plan" if tx.dialect == "sqlite" else "explain"
    statement = removal._LEFT_BEHIND.compile(dialect=tx._connection.dialect)
    return "\n".join(str(row) for row in tx.all(sa.Row, sa.text(f"{how} {statement}")))


async def test_it_is_looked_for_among_rooms_and_not_among_chats(still_lounge: Lounge) -> None:
    lounge = still_lounge
    await crowd(lounge.db, lounge.scope, 1000, first=100)
    for _ in range(3):
        await lounge.open()
    if lounge.db.dialect == "postgresql":
        await lounge.db.write(lambda tx: tx.write(sa.text("analyze conversations, rooms")))
    plan = await lounge.db.read(plan_of_search)
    assert "ix_conversations_of_rooms" in plan, plan
    assert "Seq Scan on conversations" not in plan, plan
