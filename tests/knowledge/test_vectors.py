"""Vectors are made once, searched exactly, and never in the way: without them a search is by text and says so."""

import random
from array import array

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.events.log import store
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import search as searching
from folkmoot.knowledge import service, vectors
from folkmoot.knowledge.queries import EVERYTHING, Within
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.search import Search
from folkmoot.knowledge.tables import Chunk, ChunkVector
from folkmoot.llm.faults import CredentialsRefused, ModelUnreachable, RateLimited
from folkmoot.runs.moves import number_events
from folkmoot.usage.tables import UsageRecord
from tests.databases import new_scope
from tests.knowledge.embedder import StubEmbedder, vector_of
from tests.knowledge.stage import stage

MODEL = "stub:letters"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Rows are counted, of all workspaces."""
    return own_database_url


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(before_commit=(number_events,), store=store)


async def count(db: Database, model: str | None = None) -> int:
    statement = sa.select(sa.func.count()).select_from(ChunkVector)
    if model is not None:
        statement = statement.where(ChunkVector.model == model)
    return int(await db.read(lambda tx: tx.scalar(statement)))


def floats(*values: float) -> "array[float]":
    return array("f", values)


async def store_random(db: Database, scope: Scope, sizes: list[int], dimensions: int = 8) -> dict[str, "array[float]"]:
    """Documents of so many passages each, with random vectors; those by passage."""
    chance, found = random.Random(1), {}
    for number, size in enumerate(sizes):
        text = "\n\n".join(f"{'word ' * 190}{number} {passage}" for passage in range(size))
        await service.add_document(db, scope, NewDocument(title=str(number), text=text, tags=[f"t{number % 2}"]))
    while chunks := await db.read(vectors.missing, scope, MODEL, ("", -1), 100, None):
        made = [floats(*(chance.gauss(0, 1) for _ in range(dimensions))) for _ in chunks]
        await vectors.keep(db, scope, chunks, made, MODEL)
        found.update({chunk.id: vector for chunk, vector in zip(chunks, made, strict=True)})
    return found


def cosine(one: "array[float]", other: "array[float]") -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return float(product / (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5)


async def test_the_search_is_exact_however_it_is_divided(
    db: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await store_random(db, scope, [1, 5, 2, 9, 1, 3])
    question = floats(*range(1, 9))
    expected = sorted(known, key=lambda id: -cosine(question, known[id]))
    for block in (1, 2, 4, 100):
        monkeypatch.setattr(vectors, "BLOCK", block)
        assert await vectors.nearest(db, scope, question, MODEL, 7) == expected[:7]
    assert await vectors.nearest(db, scope, question, MODEL, 100) == expected
    assert await vectors.nearest(db, scope, question, "another:model", 7) == []
    assert await vectors.nearest(db, scope, floats(1, 2), MODEL, 7) == [], "of another length"
    assert await vectors.nearest(db, scope, question, MODEL, 7, Within(document_ids=[])) == []
    assert await vectors.nearest(db, await db.write(new_scope), question, MODEL, 7) == []
    odd = await db.read_long(lambda tx: {c.id for c in tx.all(Chunk, sa.select(Chunk.id).where(Chunk.text.like("%")))})
    tagged = await vectors.nearest(db, scope, question, MODEL, 100, Within(tag="t1", project_id=scope.project_id))
    assert 0 < len(tagged) < len(odd)
    assert tagged == [id for id in expected if id in set(tagged)]


def test_a_vector_is_kept_with_length_one() -> None:
    kept = array("f", vectors.normal(floats(3, 4)))
    assert [round(value, 6) for value in kept] == [0.6, 0.8]
    assert array("f", vectors.normal(floats(0, 0))).tolist() == [0, 0]


async def test_a_document_gets_its_vectors_by_a_run_and_loses_them_with_its_text(db: Database, scope: Scope) -> None:
    embedder = StubEmbedder()
    text = "\n\n".join(f"Paragraph {number}. {'zebra ' * 100}" for number in range(30))
    async with stage(db, embedder) as staged:
        kept = await staged.add(scope, NewDocument(title="Zoo", text=text, source="s"))
        run = await staged.engine.wait(scope, str(kept.document.run_id), 5)
        assert (run.status, run.stop_reason) == ("completed", "embedded")
        assert run.result is not None
        assert run.result["vectors"] == kept.document.passages == await count(db)
        assert run.input_tokens > 0
        assert {request.purpose for request in embedder.asked} == {"document"}
        await staged.add(scope, NewDocument(title="Zoo", text="One armadillo.", source="s"))
        assert await count(db) == 1
        await service.delete_document(db, scope, kept.document.id)
        assert await count(db) == 0


async def test_a_hybrid_search_finds_what_the_words_do_not(db: Database, scope: Scope) -> None:
    async with stage(db, StubEmbedder()) as staged:
        for text in ("Electrification of railways.", "Railway timetables.", "Bread and butter."):
            await staged.add(scope, NewDocument(title=text, text=text))
        search = staged.library.search
        assert (await search.find(scope, "electrical trains", 5, mode="text")).passages == []
        found = await search.find(scope, "electrical trains", 1)
        assert ([row.text for row in found.passages], found.mode) == (["Electrification of railways."], "hybrid")
        both = await search.find(scope, "railway electrification", 5)
        assert both.passages[0].text == "Electrification of railways."
        assert both.passages[0].score == pytest.approx(2 / 61)
        assert (await search.find(scope, "railway", 5, Within(document_ids=[]))).passages == []
    assert await db.read(lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(UsageRecord))) >= 4


async def test_a_provider_that_fails_leaves_the_search_by_text(db: Database, scope: Scope) -> None:
    await service.add_document(db, scope, NewDocument(title="Z", text="A zebra."))
    found = await Search(db, StubEmbedder(faults=[ModelUnreachable()])).find(scope, "zebra", 5)
    assert ([row.text for row in found.passages], found.mode) == (["A zebra."], "text")
    assert "cannot be reached" in str(found.note)


async def test_without_numpy_everything_is_by_text(db: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (searching, vectors):
        monkeypatch.setattr(module, "can_search", lambda tx: False)
    embedder = StubEmbedder()
    async with stage(db, embedder) as staged:
        kept = await staged.add(scope, NewDocument(title="Z", text="A zebra."))
        assert kept.document.run_id is None
        found = await staged.library.search.find(scope, "zebra", 5)
        assert (len(found.passages), found.mode) == (1, "text")
        assert "folkmoot[vectors]" in str(found.note)
    assert embedder.asked == []


async def test_a_provider_that_fails_leaves_the_text_and_a_later_run_makes_the_vectors(
    db: Database, scope: Scope
) -> None:
    embedder = StubEmbedder(faults=[CredentialsRefused()])
    async with stage(db, embedder) as staged:
        kept = await staged.add(scope, NewDocument(title="Z", text="A zebra."))
        run = await staged.engine.wait(scope, str(kept.document.run_id), 5)
        assert (run.status, run.stop_reason, run.error_code) == ("failed", "no_vectors", "credentials_refused")
        assert (kept.document.status, await count(db)) == ("ready", 0)
        again = await staged.library.reindex(scope)
        run = await staged.engine.wait(scope, again.id, 5)
        assert (run.status, await count(db)) == ("completed", 1)


async def test_a_provider_that_asks_for_a_pause_gets_it(db: Database, scope: Scope) -> None:
    embedder = StubEmbedder(faults=[RateLimited(retry_after=1)])
    async with stage(db, embedder) as staged:
        kept = await staged.library.add(scope, NewDocument(title="Z", text="A zebra."))
        run = await staged.engine.wait(scope, str(kept.document.run_id), 0.5)
        assert run.waiting_for == "time"


async def test_another_model_makes_all_vectors_again_and_the_old_ones_go(db: Database, scope: Scope) -> None:
    for number in range(5):
        await service.add_document(db, scope, NewDocument(title="Z", text=f"Zebra {number}."))
    foreign = await db.write(new_scope)
    await service.add_document(db, foreign, NewDocument(title="Z", text="Their zebra."))
    for model in ("stub:one", "stub:two"):
        async with stage(db, StubEmbedder(model)) as staged:
            run = await staged.library.reindex(scope)
            run = await staged.engine.wait(scope, run.id, 5)
            assert (run.status, run.result) == ("completed", {"document_id": None, "passages": 0, "vectors": 5})
        assert (await count(db), await count(db, model)) == (5, 5)
    async with stage(db, StubEmbedder("stub:two")) as staged:
        again = await staged.engine.wait(scope, (await staged.library.reindex(scope)).id, 5)
        assert again.result == {"document_id": None, "passages": 0, "vectors": 0}


async def test_a_passage_that_has_gone_gets_no_vector(db: Database, scope: Scope) -> None:
    document, _ = await service.add_document(db, scope, NewDocument(title="Z", text="A zebra."))
    chunks = await db.read(vectors.missing, scope, MODEL, ("", -1), 10, document.id)
    await service.delete_document(db, scope, document.id)
    await vectors.keep(db, scope, chunks, [vector_of("A zebra.")], MODEL)
    assert await count(db) == 0
    assert await vectors.nearest(db, scope, vector_of("zebra"), MODEL, 5, EVERYTHING) == []
