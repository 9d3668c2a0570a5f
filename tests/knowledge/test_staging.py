"""A text takes another's place all at once, whoever crashes, hurries or interferes."""

import asyncio

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.tx import Tx
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import queries, service, staging
from folkmoot.knowledge.queries import NoSuchDocument
from folkmoot.knowledge.schemas import DocumentChange, NewDocument
from folkmoot.knowledge.staging import TextSuperseded
from folkmoot.knowledge.tables import Chunk, Document
from folkmoot.knowledge.text_search import search_passages
from folkmoot.knowledge.upkeep import tidy
from tests.databases import new_scope

OLD = "".join(f"Old sentence {number} tells of a pangolin in the garden.\n\n" for number in range(400))
NEW = "".join(f"New sentence {number} tells of an armadillo in the cellar.\n\n" for number in range(600))
SOURCE = "file:/animals.txt"


def given(text: str, source: str | None = SOURCE, **more: str) -> NewDocument:
    return NewDocument(title="Animals", text=text, source=source, **more)  # type: ignore[arg-type]


async def words(db: Database, scope: Scope) -> set[str]:
    """Which of the animals a search finds."""
    rows = await db.read_long(search_passages, scope, "pangolin armadillo", 50)
    return {animal for row in rows for animal in ("pangolin", "armadillo") if animal in row.text}


async def count_chunks(db: Database) -> int:
    return int(await db.read(lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(Chunk))))


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Rows are counted, of all workspaces."""
    return own_database_url


@pytest.fixture
async def old(db: Database, scope: Scope) -> Document:
    document, is_new = await service.add_document(db, scope, given(OLD))
    assert is_new
    return document


async def test_a_new_text_from_the_same_source_is_the_same_document(db: Database, scope: Scope, old: Document) -> None:
    document, is_new = await service.add_document(db, scope, given(NEW, media_type="text/markdown"))
    assert not is_new
    assert (document.id, document.status, document.media_type) == (old.id, "ready", "text/markdown")
    assert document.sha256 != old.sha256
    assert await words(db, scope) == {"armadillo"}
    rows, total = await db.read(queries.list_passages, scope, old.id, 0, 10_000)
    assert total == document.passages == len(rows) == await count_chunks(db)
    assert [NEW[row.start : row.end] for row in rows] == [row.text for row in rows]


async def test_a_search_sees_the_old_text_or_the_new_one(db: Database, scope: Scope, old: Document) -> None:
    seen = []
    replacing = asyncio.ensure_future(service.add_document(db, scope, given(NEW)))
    while not replacing.done():
        seen.append(await words(db, scope))
    assert {"pangolin", "armadillo"} not in seen
    assert set() not in seen
    assert await words(db, scope) == {"armadillo"}


async def test_a_crash_leaves_the_old_text_and_the_next_attempt_goes_on(
    db: Database, scope: Scope, old: Document
) -> None:
    for text in (NEW, NEW + "More.", NEW):
        cut = service.cut_text(given(text))
        begun = await db.write(staging.begin, scope, cut.incoming)
        assert begun.document.id == old.id
        await db.write(staging.add_chunks, scope, old.id, cut.incoming.mark, cut.passages[:16], 0)
        assert await words(db, scope) == {"pangolin"}
    document, _ = await service.add_document(db, scope, given(NEW))
    rows, _ = await db.read(queries.list_passages, scope, old.id, 0, 10_000)
    assert [NEW[row.start : row.end] for row in rows] == [row.text for row in rows]
    assert len(rows) == document.passages == len(service.cut_text(given(NEW)).passages)
    assert await count_chunks(db) == document.passages


async def test_the_later_of_two_texts_at_once_wins_and_the_other_is_told(
    db: Database, scope: Scope, old: Document
) -> None:
    first, second = service.cut_text(given(NEW)), service.cut_text(given(NEW + "More."))
    await db.write(staging.begin, scope, first.incoming)
    await db.write(staging.begin, scope, second.incoming)
    with pytest.raises(TextSuperseded):
        await service.store(db, scope, old.id, first)
    assert await words(db, scope) == {"pangolin"}
    assert (await service.store(db, scope, old.id, second)).sha256 == second.incoming.sha256


async def test_many_at_once_leave_one_whole_text(db: Database, scope: Scope) -> None:
    texts = [NEW, OLD, NEW + "More.", NEW]
    answers = await asyncio.gather(
        *(service.add_document(db, scope, given(text)) for text in texts), return_exceptions=True
    )
    assert all(isinstance(answer, tuple | TextSuperseded) for answer in answers), answers
    (document,), _ = await db.read(queries.list_documents, scope, {"status": "ready"}, 0, 50)
    rows, _ = await db.read(queries.list_passages, scope, document.id, 0, 10_000)
    (text,) = (text for text in set(texts) if service.cut_text(given(text)).incoming.sha256 == document.sha256)
    assert [text[row.start : row.end] for row in rows] == [row.text for row in rows]
    assert len(rows) == len(service.cut_text(given(text)).passages)


async def test_a_text_that_is_there_already_makes_the_sources_old_document_go(
    db: Database, scope: Scope, old: Document
) -> None:
    other, _ = await service.add_document(db, scope, given(NEW, source=None))
    found, is_new = await service.add_document(db, scope, given(NEW))
    assert (found.id, is_new, found.source) == (other.id, False, SOURCE)
    with pytest.raises(NoSuchDocument):
        await db.read(queries.get_document, scope, old.id)
    assert await words(db, scope) == {"armadillo"}
    assert await count_chunks(db) == other.passages


async def test_a_text_that_came_to_be_another_document_meanwhile(db: Database, scope: Scope, old: Document) -> None:
    cut = service.cut_text(given(NEW))
    await db.write(staging.begin, scope, cut.incoming)
    other, _ = await service.add_document(db, scope, given(NEW, source=None))
    assert (await service.store(db, scope, old.id, cut)).id == other.id
    with pytest.raises(NoSuchDocument):
        await db.read(queries.get_document, scope, old.id)
    assert await count_chunks(db) == other.passages


async def test_publishing_again_changes_nothing(db: Database, scope: Scope, old: Document) -> None:
    cut = service.cut_text(given(OLD))
    again = await db.write(staging.publish, scope, old.id, cut.incoming, len(cut.passages), cut.size)
    assert (again.updated_at, again.first_seq) == (old.updated_at, old.first_seq)


async def test_the_same_source_in_another_project_is_another_source(db: Database, scope: Scope, old: Document) -> None:
    elsewhere = await db.write(new_scope)
    document, is_new = await service.add_document(db, elsewhere, given(NEW))
    assert is_new
    assert document.id != old.id


async def test_title_and_tags_are_changed_and_filtered_by(db: Database, scope: Scope, old: Document) -> None:
    change = DocumentChange(title="Beasts", tags=["b_st", 'q"uote', "b_st"])
    changed = await db.write(service.change_document, scope, old.id, change)
    assert (changed.title, changed.tags) == ("Beasts", ["b_st", 'q"uote'])
    for filters, expected in (
        ({"tag": "b_st"}, 1),
        ({"tag": 'q"uote'}, 1),
        ({"tag": "bxst"}, 0),
        ({"tag": "b_"}, 0),
        ({"status": "ready", "project_id": scope.project_id, "source": SOURCE}, 1),
        ({"status": "failed"}, 0),
        ({"source": "file:/other"}, 0),
        ({"tag": None, "status": None}, 1),
    ):
        chosen: dict[str, str | None] = {**filters}
        assert (await db.read(queries.list_documents, scope, chosen, 0, 50))[1] == expected, filters
    for tag, expected in (("b_st", True), ('q"uote', True), ("bxst", False), ("%", False)):
        rows = await db.read_long(search_passages, scope, "pangolin", 1, queries.Within(tag=tag))
        assert bool(rows) is expected, tag
    within = queries.Within(project_id=scope.project_id, tag="b_st", document_ids=[old.id])
    assert len(await db.read_long(search_passages, scope, "pangolin", 5, within)) == 5
    assert await db.read_long(search_passages, scope, "pangolin", 5, queries.Within(project_id="x")) == []


async def test_the_upkeep_finishes_what_a_crash_has_left(db: Database, scope: Scope, old: Document) -> None:
    await db.write(staging.begin_delete, scope, old.id)
    await db.write(staging.remove_chunks, scope, old.id)
    await tidy(db)
    assert await count_chunks(db) == 0
    assert await db.read(_documents) == 0


def _documents(tx: Tx) -> int:
    return int(tx.scalar(sa.select(sa.func.count()).select_from(Document)))
