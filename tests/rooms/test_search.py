"""What was said in rooms is found by its words, by who is in the room, as long as it stands there."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.conversations.tables import Message
from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.knowledge import full_text
from folkmoot.migrations.upgrade import downgrade, upgrade
from folkmoot.rooms import messages
from folkmoot.rooms.excerpts import EXCERPT, excerpt_of, spans_in
from folkmoot.rooms.messages import prune
from folkmoot.rooms.tables import RoomText
from tests.databases import new_scope
from tests.persons import Person
from tests.rooms.lounge import Lounge
from tests.serving import client_of, running, settings_for

pytestmark = pytest.mark.system  # each test starts an application

BEFORE = "0017"
"""The revision before there was a search in rooms."""


@pytest.fixture
async def shared_app(own_database_url: str, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """Of the test's own: on SQLite, how rare a word is, is counted over all that the file holds."""
    async with running(settings_for(own_database_url, tmp_path)) as app:
        yield app


async def look(lounge: Lounge, q: str, status: int = 200, **more: Any) -> Any:
    given = {"q": q, **{name: str(value) for name, value in more.items()}}
    answer = await lounge.client.get("/api/rooms/search", params=given, headers=lounge.headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def find(lounge: Lounge, q: str, **more: Any) -> list[str]:
    """What was found, in order."""
    found = await look(lounge, q, **more)
    scores = [hit["score"] for hit in found["hits"]]
    assert all(score > 0 for score in scores)
    assert scores == sorted(scores, reverse=True)
    return [hit["message"]["content"] for hit in found["hits"]]


def _indexed(tx: Tx) -> list[str]:
    """Every text in the index of this database, once the index was found to hold these and no others."""
    if tx.dialect == "sqlite":
        tx.write(sa.text("insert into room_texts_fts(room_texts_fts, rank) values ('integrity-check', 1)"))
    return [row.text for row in tx.all(RoomText, sa.select(RoomText.text).order_by(RoomText.number))]


async def indexed(db: Database) -> list[str]:
    return await db.write(_indexed)


async def test_a_hit_says_where_it_was_said_and_by_which_words(lounge: Lounge) -> None:
    room = await lounge.open()
    said = await lounge.say(room, "Nothing is lost <b>when</b> it crashes & burns.")
    await lounge.ask("PUT", f"/api/rooms/{room}/messages/{said['id']}/reactions/👍")
    found = await look(lounge, "What of a crash?")
    assert (found["total"], found["skip"], found["limit"]) == (1, 0, 50)
    [hit] = found["hits"]
    [shown] = await lounge.log(room)
    assert (hit["room_id"], hit["room_name"], hit["message"]) == (room, "Harbour", shown)
    assert (hit["text"], hit["start"], hit["end"]) == (said["content"], 0, len(said["content"]))
    [match] = hit["matches"]
    assert said["content"][match["start"] : match["end"]] == "crashes"


async def test_what_agents_say_is_found_and_what_is_reported_is_not(lounge: Lounge) -> None:
    room = await lounge.open("Ada", "Bea")
    await lounge.say(room, "@ada zebra")
    await lounge.quiet(room)
    assert {hit["message"]["sender_name"] for hit in (await look(lounge, "zebra"))["hits"]} == {"Ada", "local owner"}
    await lounge.say(room, "/task count giraffes")
    for run in (await lounge.ask("GET", "/api/runs"))["runs"]:
        await lounge.engine.wait(lounge.scope, run["id"], 30)
    assert any(one["sender_type"] == "system" and "giraffes" in one["content"] for one in await lounge.log(room))
    assert await find(lounge, "giraffes") == ["/task count giraffes"]


async def test_the_best_come_first_and_among_equals_the_newest(lounge: Lounge) -> None:
    first, second = await lounge.open(), await lounge.open()
    for room, text in ((first, "harbour"), (second, "harbour"), (first, "harbour lights"), (second, "boat")):
        await lounge.say(room, text)
    same = [hit["message"] for hit in (await look(lounge, "harbour"))["hits"] if hit["message"]["content"] == "harbour"]
    assert [one["room_id"] for one in same] == [second, first]
    for number in range(20):
        await lounge.say(first, f"The harbour is number {number}")
    assert (await find(lounge, "which harbour has lights?"))[0] == "harbour lights"


async def test_a_page_is_a_part_of_all_that_was_found(lounge: Lounge) -> None:
    room = await lounge.open()
    for letter in "abcdefg":
        await lounge.say(room, f"tide {letter}{letter}")
    whole = await find(lounge, "tide")
    assert whole == [f"tide {letter}{letter}" for letter in "gfedcba"]
    pages = [await look(lounge, "tide", skip=skip, limit=3) for skip in (0, 3, 6, 9)]
    assert [page["total"] for page in pages] == [7] * 4
    assert [hit["message"]["content"] for page in pages for hit in page["hits"]] == whole


async def test_where_too_many_have_a_word_the_rare_ones_choose(lounge: Lounge, monkeypatch: pytest.MonkeyPatch) -> None:
    room, other = await lounge.open(), await lounge.open()
    for text in ("harbour one", "harbour two", "harbour lights", "lights", "harbour three"):
        await lounge.say(room, text)
    await lounge.say(other, "harbour, lights, harbour")
    whole = await find(lounge, "harbour lights")
    assert (len(whole), {*whole[:2]}, whole[2]) == (6, {"harbour lights", "harbour, lights, harbour"}, "lights")
    monkeypatch.setattr(full_text, "CANDIDATES", 4)
    assert {*await find(lounge, "lights of a harbour")} == {*whole[:3]}
    behind = await look(lounge, "lights of a harbour", skip=3)
    assert (behind["hits"], behind["total"]) == ([], 3)
    assert await find(lounge, "harbour lights", room_id=other) == ["harbour, lights, harbour"]
    for question in ("harbour", "harbour nothingness"):
        assert (await look(lounge, question))["total"] == 5, "one word is asked for, however common it is"


async def test_an_edited_message_is_found_by_its_new_words_and_a_deleted_one_by_none(lounge: Lounge) -> None:
    room = await lounge.open()
    said = await lounge.say(room, "The anchor is up")
    path = f"/api/rooms/{room}/messages/{said['id']}"
    await lounge.ask("PATCH", path, {"content": "The sail is up"})
    assert (await find(lounge, "anchor"), await find(lounge, "sail")) == ([], ["The sail is up"])
    assert "The sail is up" in await indexed(lounge.db)
    await lounge.ask("DELETE", path, status=204)
    assert await find(lounge, "sail") == []
    assert "The sail is up" not in await indexed(lounge.db)


async def test_with_a_room_goes_what_was_said_in_it(lounge: Lounge) -> None:
    room, other = await lounge.open(), await lounge.open()
    await lounge.say(room, "The rudder of one")
    await lounge.say(other, "The rudder of another")
    await lounge.ask("DELETE", f"/api/rooms/{room}", status=204)
    assert await find(lounge, "rudder") == ["The rudder of another"]
    assert [text for text in await indexed(lounge.db) if "rudder" in text] == ["The rudder of another"]


async def test_what_was_kept_long_enough_is_found_no_more(lounge: Lounge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_PRUNED", 2)
    room = await lounge.open(settings={"retention_days": 7})
    kept = await lounge.open()
    for number in range(5):
        await lounge.say(room, f"compass {number}")
    await lounge.say(kept, "compass in another room")
    await lounge.db.write(_age, 3, 8)
    await prune(lounge.db)
    assert set(await find(lounge, "compass")) == {"compass 4", "compass 3", "compass in another room"}
    assert [one["seq"] for one in await lounge.log(room)] == [4, 5]
    assert len([text for text in await indexed(lounge.db) if "compass" in text]) == 3


def _age(tx: Tx, upto: int, days: int) -> None:
    """Messages up to a seq, in every room, were said so long ago."""
    old = sa.update(Message).where(Message.seq <= upto, Message.text.like("compass%"))
    tx.write(old.values(created_at=now() - timedelta(days=days)))


async def test_what_is_refused_is_not_found(lounge: Lounge) -> None:
    room = await lounge.open("Ada")
    body = {"content": "/debate Which albatross?"}
    await lounge.ask("POST", f"/api/rooms/{room}/messages", body, 409)
    assert await find(lounge, "albatross") == []


async def test_chats_are_not_in_it(lounge: Lounge) -> None:
    await lounge.ask("POST", f"/api/agents/{lounge.agents['Ada']['id']}/message?wait=20", {"message": "a pelican"})
    assert await find(lounge, "pelican") == []
    assert [text for text in await indexed(lounge.db) if "pelican" in text] == []


async def test_a_long_message_is_shown_where_its_words_are(lounge: Lounge) -> None:
    room = await lounge.open()
    text = "Ünïcödé \U0001f4a5 first. " * 400 + "Here the walrus meets another walrus. " + "And then more. " * 400
    await lounge.say(room, text)
    [hit] = (await look(lounge, "WALRUS"))["hits"]
    assert hit["text"] == text[hit["start"] : hit["end"]]
    assert 100 < len(hit["text"]) <= 240
    assert [text[match["start"] : match["end"]] for match in hit["matches"]] == ["walrus", "walrus"]


async def test_marks_of_ones_own_confuse_nobody(lounge: Lounge) -> None:
    room = await lounge.open()
    text = "\ufdd0 <crab> \ufdd1 \x01\x02\x03 crab"
    await lounge.say(room, text)
    [hit] = (await look(lounge, "crab"))["hits"]
    assert hit["text"] == text
    assert {text[match["start"] : match["end"]] for match in hit["matches"]} <= {"crab"}


@pytest.mark.parametrize(("q", "code"), [("", "invalid"), ("a" * 2001, "invalid"), ("crash\x00", "nul_in_request")])
async def test_what_is_no_question_is_refused(lounge: Lounge, q: str, code: str) -> None:
    assert (await look(lounge, q, status=422))["code"] == code


@pytest.mark.parametrize(
    "q",
    [
        'crash" OR "1"="1',
        "crash AND NOT (",
        "crash NEAR/3 *",
        "text:crash ^crash cra*",
        "crash'); drop table room_texts; --",
        "crash & | ! <-> :* \\ ' ''",
        "{crash} [crash] -crash +crash %00",
        "crash \U0001f4a5 ﷐",
        "crash ² \u0130",
        "crash " + "x1 " * 600,
    ],
)
async def test_hostile_syntax_is_only_words(lounge: Lounge, q: str) -> None:
    await lounge.say(await lounge.open(), "After a crash all goes on")
    assert await find(lounge, q) == ["After a crash all goes on"]


async def test_a_question_without_a_word_finds_nothing(lounge: Lounge) -> None:
    await lounge.say(await lounge.open(), 'the of and ?! "')
    for q in ("the of and", "?!", '"', "   ", "²"):
        assert await find(lounge, q) == []


async def test_rooms_from_before_the_search_are_in_it(own_database_url: str, tmp_path: Path) -> None:
    settings = settings_for(own_database_url, tmp_path)
    async with running(settings) as app, client_of(app) as client:
        lounge = await Lounge(app, client, await app.state.runtime.db.write(new_scope)).furnish()
        room = await lounge.open("Ada")
        await lounge.say(room, "@ada one porpoise")
        await lounge.quiet(room)
        gone = await lounge.say(room, "another porpoise")
        await lounge.ask("DELETE", f"/api/rooms/{room}/messages/{gone['id']}", status=204)
        await lounge.ask("POST", f"/api/agents/{lounge.agents['Ada']['id']}/message?wait=20", {"message": "porpoise"})
        was = await find(lounge, "porpoise"), await indexed(lounge.db)
    await asyncio.to_thread(downgrade, own_database_url, BEFORE)
    await asyncio.to_thread(upgrade, own_database_url)
    async with running(settings) as app, client_of(app) as client:
        again = replace(lounge, app=app, client=client)
        assert (await find(again, "porpoise"), await indexed(again.db)) == was
        assert len(was[1]) == 2


async def test_only_who_is_in_a_room_finds_what_was_said_there(pair: tuple[Lounge, Lounge, Person]) -> None:
    ada, bob, person = pair
    room, own = await ada.open(), await bob.open(name="Bob's")
    await ada.say(room, "The lighthouse is out")
    await bob.say(own, "My lighthouse")
    assert await find(ada, "lighthouse") == ["The lighthouse is out"]
    assert await find(bob, "lighthouse") == ["My lighthouse"]
    hidden = await look(bob, "lighthouse", status=404, room_id=room)
    unknown = await look(bob, "lighthouse", status=404, room_id="01a1fdeb-4f1c-7e24-8a48-bf93d8189c23")
    senseless = await look(bob, "lighthouse", status=404, room_id="no id'")
    assert hidden["code"] == unknown["code"] == senseless["code"] == "no_such_room"

    await ada.ask("POST", f"/api/rooms/{room}/members", {"user_id": person.id, "role": "viewer"}, 201)
    assert set(await find(bob, "lighthouse")) == {"My lighthouse", "The lighthouse is out"}
    assert await find(bob, "lighthouse", room_id=room) == ["The lighthouse is out"]
    assert await find(bob, "lighthouse", room_id=own.upper()) == ["My lighthouse"]

    await ada.ask("DELETE", f"/api/rooms/{room}/members/{person.id}", status=204)
    found = await look(bob, "lighthouse")
    assert ([hit["room_id"] for hit in found["hits"]], found["total"]) == ([own], 1)
    await look(bob, "lighthouse", status=404, room_id=room)


@given(
    words=st.lists(st.tuples(st.text("aé\U0001f4a5", min_size=1, max_size=90), st.booleans()), max_size=120),
    space=st.sampled_from((" ", "\n\n", "")),
)
def test_an_excerpt_is_a_short_part_that_holds_a_match(words: list[tuple[str, bool]], space: str) -> None:
    text, spans = "", []
    for word, is_match in words:
        if is_match:
            spans.append((len(text), len(text) + len(word)))
        text += word + space
    start, end = excerpt_of(text, spans)
    assert 0 <= start <= end <= len(text)
    assert end - start <= EXCERPT
    assert (start, end) == (0, len(text)) or len(text) > EXCERPT
    assert not spans or any(start <= one and other <= end for one, other in spans)


def test_marks_are_read_in_characters() -> None:
    assert spans_in("postgresql", "é <crash> <crashes>!", 16) == [(2, 7), (8, 15)]
    assert spans_in("sqlite", "\U0001f4a5 \ufdd0crash\ufdd1", 7) == [(2, 7)]
    assert spans_in("sqlite", "\ufdd0 \ufdd0crash\ufdd1", 7) == [], "one of these is the text's own"
