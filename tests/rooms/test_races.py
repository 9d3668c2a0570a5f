"""What another process does between a unit's looking and its locking, on PostgreSQL, where reads wait for nobody."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import pytest

from folkmoot.knowledge.queries import NoSuchDocument, get_shown_document
from tests.rooms.lounge import Lounge

pytestmark = pytest.mark.postgres

DOCUMENTS = "/api/knowledge/documents"
_WAITS = "select exists (select 1 from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid)))"

Meanwhile = Callable[[str], AbstractAsyncContextManager[None]]


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def meanwhile(postgres_url: str) -> Meanwhile:
    """Another process's statement, which is committed once what is begun inside has come to wait for it."""

    @asynccontextmanager
    async def committed(statement: str) -> AsyncIterator[None]:
        connection = await asyncpg.connect(postgres_url)
        try:
            async with asyncio.timeout(20), connection.transaction():
                await connection.execute(statement)
                yield
                while not await connection.fetchval(_WAITS):
                    continue
        finally:
            await connection.close()

    return committed


async def test_a_document_that_goes_while_it_is_changed(lounge: Lounge, meanwhile: Meanwhile) -> None:
    gone, going = [await lounge.ask("POST", DOCUMENTS, {"title": text, "text": text}, 201) for text in ("a b", "c d")]
    for document, statement in (
        (gone, f"delete from documents where id = '{gone['id']}'"),
        (going, f"update documents set status = 'deleting', source = null where id = '{going['id']}'"),
    ):
        path = f"{DOCUMENTS}/{document['id']}"
        async with meanwhile(statement):
            asked = asyncio.create_task(lounge.ask("PATCH", path, {"title": "Other"}, 404))
        assert (await asked)["code"] == "no_such_document", statement


async def test_a_document_that_goes_before_its_vectors_are_made(lounge: Lounge, meanwhile: Meanwhile) -> None:
    made = await lounge.ask("POST", DOCUMENTS, {"title": "a", "text": "a b"}, 201)
    document = await lounge.db.read(get_shown_document, lounge.scope, made["id"])
    async with meanwhile(f"delete from documents where id = '{document.id}'"):
        library = lounge.app.state.library
        asked = asyncio.create_task(lounge.db.write(library._make_vectors, lounge.scope, document))
    with pytest.raises(NoSuchDocument):
        await asked
    runs = await lounge.ask("GET", "/api/runs?kind=ingest")
    assert runs["total"] == 0


async def test_an_attachment_that_is_deleted_twice_at_once(lounge: Lounge, meanwhile: Meanwhile) -> None:
    room = await lounge.open()
    path = f"/api/rooms/{room}/attachments"
    made = await lounge.ask("POST", path, {"title": "a", "text": "a b"}, 201)
    async with meanwhile(f"delete from documents where id = '{made['id']}'"):
        asked = asyncio.create_task(lounge.ask("DELETE", f"{path}/{made['id']}", status=404))
    assert (await asked)["code"] == "no_such_attachment"


async def test_an_agent_that_begins_to_speak_while_it_is_removed(lounge: Lounge, meanwhile: Meanwhile) -> None:
    room = await lounge.open("Ada", "Bea")
    await lounge.say(room, "@ada hello")
    await lounge.quiet(room)
    ada, run_id = lounge.agents["Ada"]["id"], (await lounge.log(room))[-1]["run_id"]
    speaks = f"update rooms set speaking_agent_id = '{ada}', speaking_run_id = '{run_id}' where id = '{room}'"
    async with meanwhile(speaks):
        asked = asyncio.create_task(lounge.ask("DELETE", f"/api/rooms/{room}/members/{ada}", status=204))
    await asked
    after = await lounge.look(room)
    assert (after["speaking_agent_id"], after["speaking_run_id"]) == (None, None)


async def test_two_texts_that_come_from_one_source_at_once(lounge: Lounge, meanwhile: Meanwhile) -> None:
    """The later one is what the source holds."""
    first = await lounge.ask("POST", DOCUMENTS, {"title": "a", "text": "a b"}, 201)
    second = await lounge.ask("POST", DOCUMENTS, {"title": "b", "text": "c d"}, 201)
    async with meanwhile(f"update documents set source = 'S' where id = '{second['id']}'"):
        body = {"title": "a", "text": "a b", "source": "S"}
        asked = asyncio.create_task(lounge.ask("POST", DOCUMENTS, body, 200))
    assert (await asked)["source"] == "S"
    left = await lounge.ask("GET", f"{DOCUMENTS}?source=S")
    assert [one["id"] for one in left["documents"]] == [first["id"]]
