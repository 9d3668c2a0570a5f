"""Texts become documents that can be searched, once each, and survive being stored by halves."""

import asyncio
import time

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.events.tables import Event
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.knowledge import queries, service, staging
from folkmoot.knowledge.queries import NoSuchDocument, Within
from folkmoot.knowledge.rules import MediaType
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.service import DocumentTooLarge, EmptyDocument
from folkmoot.knowledge.tables import Chunk
from folkmoot.knowledge.text_search import search_passages

LONG = "".join(f"# Sentence {number} tells of a run that was finished after the crash.\n\n" for number in range(1000))
FOREIGN = Scope(workspace_id=new_id(), project_id=new_id(), actor=SYSTEM)


def chunks(tx: Tx, document_id: str) -> list[Chunk]:
    statement = sa.select(*Chunk.__table__.c).where(Chunk.document_id == document_id).order_by(Chunk.seq)
    return tx.all(Chunk, statement)


def changes(tx: Tx, scope: Scope) -> list[tuple[str, object]]:
    statement = (
        sa.select(*Event.__table__.c)
        .where(Event.workspace_id == scope.workspace_id, Event.type == "resource_changed")
        .order_by(Event.seq)
    )
    return [(str(event.data["change"]), event.data["view"]) for event in tx.all(Event, statement)]


async def search(db: Database, scope: Scope, question: str, *only: str) -> list[str]:
    found = await db.read_long(search_passages, scope, question, 10, Within(document_ids=only or None))
    return [row.text for row in found]


async def test_a_text_is_kept_in_exact_chunks(db: Database, scope: Scope) -> None:
    document, is_new = await service.add_document(db, scope, NewDocument(title="Runs", text=LONG, tags=["a"]))
    assert is_new
    assert (document.status, document.title, document.size, document.tags) == ("ready", "Runs", len(LONG), ["a"])
    rows = await db.read(chunks, document.id)
    assert len(rows) > 2 * staging.BATCH
    assert [row.seq for row in rows] == list(range(len(rows)))
    assert all(LONG[row.start : row.end] == row.text for row in rows)


async def test_the_same_text_is_the_same_document(db: Database, scope: Scope) -> None:
    new = NewDocument(title="One", text="The same words.")
    first, _ = await service.add_document(db, scope, new)
    again, is_new = await service.add_document(db, scope, NewDocument(title="Two", text="The same words."))
    assert not is_new
    assert (again.id, again.title) == (first.id, "One")


async def test_two_that_store_one_text_at_once_make_one_document(db: Database, scope: Scope) -> None:
    new = NewDocument(title="Runs", text=LONG)
    answers = await asyncio.gather(*(service.add_document(db, scope, new) for _ in range(4)))
    assert len({document.id for document, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1
    rows = await db.read(chunks, answers[0][0].id)
    assert len({row.seq for row in rows}) == len(rows)
    assert [change for change, _ in await db.read(changes, scope)] == ["created", "updated"]


async def half_store(db: Database, scope: Scope, new: NewDocument) -> str:
    """As a crash in the middle leaves it; the document's id."""
    cut = service.cut_text(new)
    begun = await db.write(staging.begin, scope, cut.incoming)
    batch = cut.passages[: staging.BATCH]
    await db.write(staging.add_chunks, scope, begun.document.id, cut.incoming.mark, batch, 0)
    return begun.document.id


@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown"])
async def test_what_a_crash_left_half_stored_is_hidden_and_repaired_by_storing_it_again(
    db: Database, scope: Scope, media_type: MediaType
) -> None:
    new = NewDocument(title="Runs", text=LONG)
    begun_id = await half_store(db, scope, new)
    assert await search(db, scope, "crash") == []
    new = new.model_copy(update={"media_type": media_type})
    repaired, is_new = await service.add_document(db, scope, new)
    assert not is_new
    assert (repaired.id, repaired.status, repaired.media_type) == (begun_id, "ready", media_type)
    visible, total = await db.read(queries.list_passages, scope, begun_id, 0, 10_000)
    cut = service.cut_text(new)
    assert [(row.start, row.end) for row in visible] == [(passage.start, passage.end) for passage in cut.passages]
    assert total == repaired.passages == len(visible) == len(await db.read(chunks, begun_id))
    assert await search(db, scope, "Sentence 999") != []


async def test_a_deleted_document_is_gone_from_everywhere(db: Database, scope: Scope) -> None:
    document, _ = await service.add_document(db, scope, NewDocument(title="Runs", text=LONG))
    await service.delete_document(db, scope, document.id)
    with pytest.raises(NoSuchDocument):
        await db.read(queries.get_document, scope, document.id)
    with pytest.raises(NoSuchDocument):
        await service.delete_document(db, scope, document.id)
    assert await db.read(chunks, document.id) == []
    assert await search(db, scope, "crash") == []
    assert await db.read(queries.list_documents, scope, {}, 0, 50) == ([], 0)
    made_again, is_new = await service.add_document(db, scope, NewDocument(title="Runs", text=LONG))
    assert is_new
    assert made_again.id != document.id


async def test_what_a_crash_left_half_deleted_is_hidden_and_can_be_stored_or_deleted_again(
    db: Database, scope: Scope
) -> None:
    new = NewDocument(title="Runs", text=LONG)
    first, _ = await service.add_document(db, scope, new)
    await db.write(staging.begin_delete, scope, first.id)
    await db.write(staging.remove_chunks, scope, first.id)
    with pytest.raises(NoSuchDocument):
        await db.read(queries.get_document, scope, first.id)
    assert await search(db, scope, "crash") == []
    second, is_new = await service.add_document(db, scope, new)
    assert is_new
    await db.write(staging.begin_delete, scope, second.id)
    await service.delete_document(db, scope, second.id)
    assert await db.read(chunks, second.id) == []
    assert [change for change, _ in await db.read(changes, scope)] == ["created", "updated", "deleted"] * 2


async def test_every_change_is_told_with_the_view(db: Database, scope: Scope) -> None:
    document, _ = await service.add_document(db, scope, NewDocument(title="One", text="Words."))
    await service.delete_document(db, scope, document.id)
    (created, made), (updated, ready), (deleted, gone) = await db.read(changes, scope)
    assert (created, updated, deleted, gone) == ("created", "updated", "deleted", None)
    assert isinstance(made, dict)
    assert isinstance(ready, dict)
    assert (made["id"], made["status"], ready["status"]) == (document.id, "ingesting", "ready")


async def test_another_workspace_sees_nothing(db: Database, scope: Scope) -> None:
    document, _ = await service.add_document(db, scope, NewDocument(title="One", text="A rare zebra."))
    assert await search(db, FOREIGN, "zebra") == []
    assert await search(db, FOREIGN, "zebra", document.id) == []
    assert await db.read(queries.list_documents, FOREIGN, {}, 0, 50) == ([], 0)
    with pytest.raises(NoSuchDocument):
        await db.read(queries.get_document, FOREIGN, document.id)
    with pytest.raises(NoSuchDocument):
        await service.delete_document(db, FOREIGN, document.id)
    with pytest.raises(NoSuchDocument):
        await service.check_all(db, FOREIGN, [document.id])
    assert await search(db, scope, "zebra") == ["A rare zebra."]


async def test_texts_that_cannot_be_kept(db: Database, scope: Scope) -> None:
    with pytest.raises(DocumentTooLarge):
        await service.add_document(db, scope, NewDocument(title="Big", text="é" * 800_000))
    with pytest.raises(EmptyDocument):
        await service.add_document(db, scope, NewDocument.model_construct(title="", text=" \n", tags=[]))


async def test_lists_are_newest_first_and_paged(db: Database, scope: Scope) -> None:
    for number in range(3):
        await service.add_document(db, scope, NewDocument(title=str(number), text=f"Text {number}"))
    documents, total = await db.read(queries.list_documents, scope, {}, 1, 1)
    assert ([document.title for document in documents], total) == (["1"], 3)


async def test_a_unit_of_a_long_text_is_short(db: Database, scope: Scope) -> None:
    cut = service.cut_text(NewDocument(title="Runs", text=LONG))
    document = (await db.write(staging.begin, scope, cut.incoming)).document
    seconds = []
    for first in range(0, len(cut.passages), staging.BATCH):

        def timed(tx: Tx, scope: Scope, first: int = first) -> None:
            began = time.perf_counter()
            batch = cut.passages[first : first + staging.BATCH]
            staging.add_chunks(tx, scope, document.id, cut.incoming.mark, batch, first)
            seconds.append(time.perf_counter() - began)

        await db.write(timed, scope)
    assert sorted(seconds)[len(seconds) // 2] < 0.05
