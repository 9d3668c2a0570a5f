"""What is attached to a room is the room's: who is in it and its agents find it there, and nobody and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.events.queries import list_events
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import LOCAL_OWNER_ID, Actor, Role
from folkmoot.knowledge.tables import Chunk, Document
from folkmoot.knowledge.upkeep import tidy
from folkmoot.rooms.service import delete_room
from folkmoot.tools.registry import ToolContext
from tests.databases import new_scope
from tests.knowledge.files import pdf
from tests.persons import Person, admit, enrol
from tests.rooms.lounge import Lounge
from tests.serving import client_of, running, settings_for

pytestmark = pytest.mark.system  # each test starts an application

DOCUMENTS = "/api/knowledge/documents"
TEXT = "The zebra ferry leaves at nine."
LONG = "".join(f"# Part {number}\n\nA zebra crossed road {number} again.\n\n" for number in range(8000))


async def attach(lounge: Lounge, room: str, text: str = TEXT, **given: object) -> Any:
    body = {"title": "ferry.md", "text": text, **given}
    return await lounge.ask("POST", f"/api/rooms/{room}/attachments", body)


async def titles(lounge: Lounge, path: str, **query: str) -> list[str]:
    page = (await lounge.client.get(path, params=query, headers=lounge.headers)).json()
    found = page.get("documents", page.get("passages"))
    return [one["title"] for one in found]


async def system_text(lounge: Lounge, room: str, agent: str = "ada") -> str:
    prompt = await lounge.ask("GET", f"/api/rooms/{room}/agents/{agent}/prompt")
    return str(prompt["messages"][0]["text"])


async def test_a_message_names_what_is_attached_and_stays_when_that_goes(lounge: Lounge) -> None:
    room = await lounge.open()
    document = await attach(lounge, room)
    assert (document["room_id"], document["added_by"], document["status"]) == (room, "local", "ready")
    path = f"/api/rooms/{room}/attachments"
    assert (await lounge.ask("GET", path))["documents"] == [document]
    said = await lounge.say(room, "", attachments=[document["id"], document["id"]])
    shown = {name: document[name] for name in ("title", "media_type", "size", "status")}
    assert said["attachments"] == [{"document_id": document["id"], **shown}]
    await lounge.ask("DELETE", f"{path}/{document['id']}", status=204)
    assert (await lounge.ask("GET", path))["total"] == 0
    assert (await lounge.ask("DELETE", f"{path}/{document['id']}", status=404))["code"] == "no_such_attachment"
    [kept] = await lounge.log(room)
    assert kept == said
    await lounge.ask("DELETE", f"/api/rooms/{room}/messages/{said['id']}", status=204)
    [gone] = await lounge.log(room)
    assert (gone["content"], gone["attachments"]) == ("", [])


async def test_what_a_message_cannot_name(lounge: Lounge) -> None:
    room, other = await lounge.open(), await lounge.open()
    document, foreign = await attach(lounge, room), await attach(lounge, other)
    ours = await lounge.ask("POST", DOCUMENTS, {"title": "Ours", "text": TEXT}, 201)
    path = f"/api/rooms/{room}/messages"
    for wrong in (foreign["id"], ours["id"], new_id(), "nothing"):
        body = {"content": "Look", "attachments": [document["id"], wrong]}
        refused = await lounge.ask("POST", path, body, 404)
        assert (refused["code"], refused["detail"]) == (
            "no_such_attachment",
            "attachments[1] is not attached to the room",
        )
    many: dict[str, object] = {"content": "x", "attachments": [document["id"]] * 11}
    for said in ({"content": ""}, {"content": " \n", "attachments": []}, many):
        await lounge.ask("POST", path, said, 422)
    assert await lounge.log(room) == []


async def test_the_same_file_in_the_workspace_and_in_two_rooms_is_three_documents(lounge: Lounge) -> None:
    one, two = await lounge.open(), await lounge.open()
    ours = await lounge.ask("POST", DOCUMENTS, {"title": "ferry.md", "text": TEXT, "source": "a"}, 201)
    made = [await attach(lounge, room, source="a") for room in (one, two)]
    assert len({ours["id"], *(document["id"] for document in made)}) == 3
    assert await attach(lounge, one, source="a") == made[0]
    assert (await lounge.ask("POST", DOCUMENTS, {"title": "ferry.md", "text": TEXT}, 200))["id"] == ours["id"]
    changed = await attach(lounge, one, "Another zebra.", source="a")
    assert (changed["id"], changed["size"]) == (made[0]["id"], 14)
    assert (await lounge.ask("GET", f"{DOCUMENTS}/{ours['id']}"))["size"] == len(TEXT)
    assert (await lounge.ask("GET", f"{DOCUMENTS}/{made[1]['id']}"))["size"] == len(TEXT)


async def test_agents_find_it_in_the_room_and_nowhere_else(lounge: Lounge) -> None:
    """Also an agent whose tags narrow what it knows of the workspace."""
    config = {"tools": ["search_knowledge"], "knowledge_tags": ["boats"]}
    await lounge.ask("PATCH", f"/api/agents/{lounge.agents['Ada']['id']}", {"config": config})
    for title, tags in (("tagged.md", ["boats"]), ("hidden.md", [])):
        await lounge.ask("POST", DOCUMENTS, {"title": title, "text": f"A zebra in {title}", "tags": tags}, 201)
    room, other = await lounge.open("Ada", "Bea"), await lounge.open("Ada", "Bea")
    document = await attach(lounge, room)
    for one in (room, other):
        await lounge.say(one, "Where is the zebra?")
    here, elsewhere = await system_text(lounge, room), await system_text(lounge, other)
    assert (TEXT in here, "- ferry.md" in here, "tagged.md" in here, "hidden.md" in here) == (True, True, True, False)
    assert ("ferry" in elsewhere, "tagged.md" in elsewhere) == (False, True)
    assert "by its id in square brackets" in here
    for untagged in (await system_text(lounge, room, "bea"), await system_text(lounge, other, "bea")):
        assert "hidden.md" in untagged
    assert await _searched(lounge, room, ["boats"]) == {"ferry.md", "tagged.md"}
    assert await _searched(lounge, room, None) == {"ferry.md", "tagged.md", "hidden.md"}
    assert await _searched(lounge, other, ["nothing"]) == set()
    assert await _searched(lounge, room, ["nothing"]) == {"ferry.md"}
    assert await _searched(lounge, None, None) == {"tagged.md", "hidden.md"}
    task = {"description": "x", "config": {"documents": [document["id"]]}}
    assert (await lounge.ask("POST", "/api/tasks", task, 404))["code"] == "no_such_document"


async def _searched(lounge: Lounge, room: str | None, tags: list[str] | None) -> set[str]:
    """What the tool finds in a room's reply, of an agent with these tags."""
    ids = None
    if tags is not None:
        found = await lounge.ask("GET", f"{DOCUMENTS}?tag={tags[0]}")
        ids = tuple(one["id"] for one in found["documents"])
    tool = lounge.app.state.tools.tool("search_knowledge")
    context = ToolContext(scope=lounge.scope, db=lounge.db, document_ids=ids, room_id=room)
    value = await tool.call(context, {"query": "zebra", "limit": 20})
    return {passage["title"] for passage in value["passages"]}


async def test_what_came_with_the_question_is_shown_from_its_beginning(lounge: Lounge) -> None:
    """Also where none of its words was asked for."""
    room = await lounge.open("Ada", settings={"passages": 2})
    await lounge.ask("POST", DOCUMENTS, {"title": "a.md", "text": "Look, a paper.\n\nLook at it."}, 201)
    document = await attach(lounge, room, "Nine o'clock. " * 200)
    await lounge.say(room, "Look at this!", attachments=[document["id"]])
    prompt = await lounge.ask("GET", f"/api/rooms/{room}/agents/ada/prompt")
    system, question = prompt["messages"]
    assert question["text"] == "local owner: Look at this!\n(Attached: ferry.md)"
    assert len(prompt["passage_ids"]) == 2
    assert "Nine o'clock. Nine" in system["text"]
    await lounge.say(room, "@ada and?")
    await lounge.quiet(room)
    assert await lounge.speakers(room) == ["-", "-", "Ada"]


@pytest.mark.system
async def test_a_file_is_taken_in_by_a_run_of_the_room(lounge: Lounge) -> None:
    room = await lounge.open()
    path = f"/api/rooms/{room}/attachments"
    answer = await lounge.client.post(
        f"{path}?wait=30", files={"file": ("a.pdf", pdf("Swarms leave in May."))}, headers=lounge.headers
    )
    document = answer.json()
    assert (answer.status_code, document["status"], document["title"]) == (201, "ready", "a.pdf")
    events = await lounge.db.read(list_events, lounge.scope.workspace_id, 0, 1000)
    told = [event for event in events if document["id"] in str(event.data) or document["run_id"] == event.run_id]
    assert {event.room_id for event in told} == {room}
    assert {"resource_changed", "progress", "completion"} <= {event.type for event in told}
    found = await lounge.ask("GET", f"{DOCUMENTS}/{document['id']}/passages")
    assert found["passages"][0]["text"] == "Swarms leave in May."
    for files in ({"file": ("a.bin", b"\x00\x01")}, {"file": ("a.txt", b"")}):
        refused = await lounge.client.post(path, files=files, headers=lounge.headers)
        assert refused.status_code in (415, 422)
    large = await lounge.client.post(path, files={"file": ("a.txt", b"x" * 50_200_001)}, headers=lounge.headers)
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    accepted = await lounge.client.post(path, files={"file": ("a.txt", b"bees " * 500_000)}, headers=lounge.headers)
    assert accepted.status_code == 202
    elsewhere = {"title": "x", "text": "y", "project_id": lounge.scope.project_id}
    await lounge.ask("POST", path, elsewhere, 422)


async def test_a_room_that_is_deleted_takes_all_of_it_along(lounge: Lounge) -> None:
    room, other = await lounge.open(), await lounge.open()
    small, kept = await attach(lounge, room), await attach(lounge, other)
    long = await attach(lounge, room, LONG)
    assert (long["status"], long["run_id"] is not None) == ("ingesting", True)
    await lounge.ask("DELETE", f"/api/rooms/{room}", status=204)
    for document in (small, long):
        await lounge.ask("GET", f"{DOCUMENTS}/{document['id']}", status=404)
    assert await lounge.db.read(_counted, lounge.scope.workspace_id) == [(kept["id"], 1)]
    await lounge.ask("GET", f"/api/runs/{long['run_id']}", status=404)
    run = await lounge.engine.wait(lounge.scope, long["run_id"], 20)
    assert run.status == "cancelled"


async def test_what_is_attached_while_the_room_is_deleted_goes_too(lounge: Lounge) -> None:
    room = await lounge.open()

    async def attach_one(number: int) -> tuple[int, str]:
        body = {"title": "x", "text": f"A zebra crossed road {number // 2}."}  # each of them twice at once
        answer = await lounge.client.post(f"/api/rooms/{room}/attachments", json=body, headers=lounge.headers)
        return answer.status_code, str(answer.json().get("code"))

    before = await asyncio.gather(*map(attach_one, range(8)))
    assert sorted(before) == [(200, "None")] * 4 + [(201, "None")] * 4
    assert len(await lounge.db.read(_counted, lounge.scope.workspace_id)) == 4
    *during, _ = await asyncio.gather(
        *map(attach_one, range(10, 30)), lounge.ask("DELETE", f"/api/rooms/{room}", status=204)
    )
    allowed = {(200, "None"), (201, "None"), (404, "no_such_room"), (409, "document_deleted")}
    assert {*during} <= allowed
    await tidy(lounge.db)
    assert await lounge.db.read(_counted, lounge.scope.workspace_id) == []


async def test_a_deletion_of_a_room_that_was_interrupted_is_finished_later(still_lounge: Lounge) -> None:
    lounge = still_lounge
    room = await lounge.open()
    await attach(lounge, room)
    owner = replace(lounge.scope, actor=Actor("user", LOCAL_OWNER_ID, "Owner"))
    await lounge.db.write(delete_room, lounge.engine, owner, room)
    assert len(await lounge.db.read(_counted, lounge.scope.workspace_id)) == 1
    await tidy(lounge.db)
    assert await lounge.db.read(_counted, lounge.scope.workspace_id) == []


def _counted(tx: Tx, workspace_id: str) -> list[tuple[str, int]]:
    """The workspace's documents, with how many passages each has."""
    found = (
        sa.select(Document.id, sa.func.count(Chunk.id).label("number"))
        .outerjoin(Chunk, Chunk.document_id == Document.id)
        .where(Document.workspace_id == workspace_id)
        .group_by(Document.id)
    )
    return [(row.id, row.number) for row in tx.all(Document, found)]  # type: ignore[attr-defined]


@pytest.fixture
async def house(own_database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Lounge, Lounge, Person]]:
    """Ada and Bob of one workspace, each as a client, and who Bob is."""
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        scope = await app.state.runtime.db.write(new_scope)
        people = [await enrol(app, name) for name in ("ada", "bob")]
        for person in people:
            await admit(app, person, scope.workspace_id, Role.OWNER)
        ada, bob = (Lounge(app, client, scope, headers={**person.by_key}) for person in people)
        await ada.furnish()
        bob.headers["X-Workspace-Id"] = scope.workspace_id
        yield ada, bob, people[1]


@pytest.mark.system
async def test_who_is_not_in_the_room_sees_nothing_of_it(house: tuple[Lounge, Lounge, Person]) -> None:
    ada, bob, person = house
    room = await ada.open()
    members, path = f"/api/rooms/{room}/members", f"/api/rooms/{room}/attachments"
    document = await attach(ada, room, tags=["boats"])
    await ada.ask("POST", members, {"user_id": person.id}, 201)
    there = f"{DOCUMENTS}/{document['id']}"
    searched: dict[str, str] = {"q": "zebra"}
    assert await titles(bob, DOCUMENTS, tag="boats") == ["ferry.md"]
    assert await titles(bob, "/api/knowledge/search", **searched) == ["ferry.md"]
    assert await titles(bob, "/api/knowledge/search", **searched, document_id=document["id"]) == ["ferry.md"]
    assert (await bob.ask("GET", there))["id"] == document["id"]
    for method, body in (("PATCH", {"title": "Mine"}), ("DELETE", None)):
        assert (await bob.ask(method, there, body, 409))["code"] == "attached_to_room"
    long = await attach(bob, room, LONG, title="long.md")
    run = f"/api/runs/{long['run_id']}"
    assert (await bob.ask("GET", run))["kind"] == "ingest"

    await ada.ask("DELETE", f"{members}/{person.id}", status=204)
    assert await titles(bob, DOCUMENTS) == []
    assert await titles(bob, "/api/knowledge/search", **searched) == []
    assert document["id"] not in str(await bob.ask("GET", "/api/events?after=0&limit=200"))
    for gone in (there, f"{there}/passages", run, path, f"/api/knowledge/search?q=zebra&document_id={document['id']}"):
        refused = await bob.ask("GET", gone, status=404)
        unknown = await bob.ask("GET", gone.replace(document["id"], new_id()), status=404)
        assert (refused["code"], refused["detail"]) == (unknown["code"], unknown["detail"])
    for method, body in (("PATCH", {"title": "Mine"}), ("DELETE", None)):
        assert (await bob.ask(method, there, body, 404))["code"] == "no_such_document"
    await bob.ask("POST", path, {"title": "x", "text": "y"}, 404)
    await bob.ask("DELETE", f"{path}/{document['id']}", status=404)
    assert (await bob.ask("GET", "/api/runs"))["total"] == 0
    assert (await ada.ask("GET", path))["total"] == 2


@pytest.mark.system
async def test_who_may_attach_replace_and_delete(house: tuple[Lounge, Lounge, Person]) -> None:
    ada, bob, person = house
    room = await ada.open()
    members, path = f"/api/rooms/{room}/members", f"/api/rooms/{room}/attachments"
    await ada.ask("POST", members, {"user_id": person.id}, 201)
    hers = await attach(ada, room, source="a", title="hers")
    his = await attach(bob, room, "Another zebra.", title="his")
    assert (his["added_by"], hers["added_by"] != person.id) == (person.id, True)
    for text in ("A third zebra.", "Another zebra."):  # the second would put his in the place of hers
        taken = await bob.ask("POST", path, {"title": "x", "text": text, "source": "a"}, 403)
        assert taken["code"] == "not_your_attachment"
    assert (await attach(bob, room, TEXT))["id"] == hers["id"]
    assert (await bob.ask("DELETE", f"{path}/{hers['id']}", status=403))["code"] == "not_your_attachment"
    await bob.ask("DELETE", f"{path}/{his['id']}", status=204)
    his = await attach(bob, room, "Another zebra.")
    await ada.ask("DELETE", f"{path}/{his['id']}", status=204)
    his = await attach(bob, room, "Another zebra.")
    await ada.ask("PATCH", f"{members}/{person.id}", {"role": "viewer"})
    assert (await bob.ask("GET", path))["total"] == 2
    for method, there, body in (("POST", path, {"title": "x", "text": "y"}), ("DELETE", f"{path}/{his['id']}", None)):
        assert (await bob.ask(method, there, body, 403))["code"] == "room_role_too_low"
