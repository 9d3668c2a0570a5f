"""With pgvector PostgreSQL searches by itself, as exactly as a scan; it may come late, and go again."""

import asyncio
import os
import random
import sys
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from folkmoot.db.connect import connect
from folkmoot.db.copying import copy_rows, open_source, open_target
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.events.log import store
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import pgvector, service, vectors
from folkmoot.knowledge.queries import EVERYTHING, Within, chosen
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.tables import Chunk, ChunkVector, Document
from folkmoot.knowledge.upkeep import tidy
from folkmoot.migrations.metadata import METADATA
from folkmoot.migrations.pgvector import state
from folkmoot.migrations.upgrade import connected, downgrade, upgrade
from folkmoot.runs.moves import number_events
from tests.databases import new_scope, postgres_database
from tests.knowledge.embedder import StubEmbedder, vector_of
from tests.knowledge.stage import stage

pytestmark = pytest.mark.postgres
MODEL = "stub:letters"
DIMENSIONS = 48
ROLE = f"folkmoot_test_{os.getpid()}_plain"

Asked = tuple["array[float]", str, Within]


@pytest.fixture
def database_url(own_postgres_url: str) -> str:
    """Its columns come and go."""
    offered = "select exists (select 1 from pg_available_extensions where name = 'vector')"
    if not connected(own_postgres_url, lambda connection: connection.scalar(sa.text(offered))):
        pytest.skip("this PostgreSQL server does not have pgvector")
    return own_postgres_url


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(before_commit=(number_events,), store=store)


@pytest.fixture
def without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert not vectors.has_numpy()


def run(url: str, *statements: str) -> None:
    def execute(connection: sa.Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()

    connected(url, execute)


async def elsewhere(url: str, *statements: str) -> None:
    """By another process, as it were."""
    await asyncio.to_thread(run, url, *statements)


def gaussian(chance: random.Random, dimensions: int = DIMENSIONS) -> "array[float]":
    return array("f", (chance.gauss(0, 1) for _ in range(dimensions)))


async def give_vectors(db: Database, scope: Scope, model: str, make: Callable[[], "array[float]"]) -> None:
    while chunks := await db.read(vectors.missing, scope, model, ("", -1), 100, None):
        await vectors.keep(db, scope, chunks, [make() for _ in chunks], model)


async def add(db: Database, scope: Scope, title: str, passages: int, *tags: str) -> Document:
    text = "\n\n".join(f"{'word ' * 190}{title} {number}" for number in range(passages))
    new = NewDocument(title=title, text=text, tags=list(tags), source=title)
    return (await service.add_document(db, scope, new))[0]


async def fill_library(db: Database, scope: Scope, seed: int) -> list[Document]:
    """Documents with tags, of which one has changed and one has gone, with vectors of two models and two lengths."""
    chance = random.Random(seed)
    documents = [await add(db, scope, f"{seed}/{number}", 1 + number % 4, f"t{number % 3}") for number in range(8)]
    await give_vectors(db, scope, MODEL, lambda: gaussian(chance))
    await give_vectors(db, scope, "stub:other", lambda: gaussian(chance))
    await service.delete_document(db, scope, documents.pop().id)
    documents[0] = await add(db, scope, f"{seed}/0", 3, "t0")
    await give_vectors(db, scope, MODEL, lambda: gaussian(chance, 16))
    return documents


async def answers(db: Database, scope: Scope, asked: list[Asked]) -> list[list[str]]:
    return [await vectors.nearest(db, scope, vector, model, 10, within) for vector, model, within in asked]


def questions(scope: Scope, documents: list[Document]) -> list[Asked]:
    chance = random.Random(7)
    some = [document.id for document in documents[2:5]]
    ways = (
        EVERYTHING,
        Within(tag="t1"),
        Within(document_ids=some),
        Within(document_ids=[]),
        Within(project_id=scope.project_id, tag="t2"),
        Within(project_id="elsewhere"),
    )
    lengths = (DIMENSIONS, 16, 5)
    return [
        (gaussian(chance, length), model, within)
        for within in ways
        for model in (MODEL, "stub:other", "stub:unknown")
        for length in lengths
    ]


async def count(db: Database, condition: str) -> int:
    return int(await db.read(lambda tx: tx.scalar(sa.text(f"select count(*) from chunk_vectors where {condition}"))))


async def test_it_finds_what_a_scan_finds(db: Database, scope: Scope, database_url: str) -> None:
    foreign = await db.write(new_scope)
    documents = {place: await fill_library(db, place, seed) for seed, place in enumerate((scope, foreign))}
    assert await count(db, "embedding is null") == 0
    asked = {place: questions(place, found) for place, found in documents.items()}
    found = {place: await answers(db, place, asked[place]) for place in documents}
    await elsewhere(database_url, "alter table chunk_vectors drop column embedding")
    assert found == {place: await answers(db, place, asked[place]) for place in documents}
    assert {len(ids) for ids in found[scope]} >= {0, 3, 10}
    own = {row.id for row in await db.read(lambda tx: tx.all(Chunk, _chunks_of(scope)))}
    assert {id for ids in found[scope] for id in ids} <= own
    strangers = questions(scope, documents[foreign])
    assert [ids for ids, (*_, within) in zip(await answers(db, scope, strangers), strangers, strict=True)] == [
        [] if within.document_ids is not None else ids
        for ids, (*_, within) in zip(found[scope], asked[scope], strict=True)
    ]


def _chunks_of(scope: Scope) -> sa.Select[str]:
    of_documents = sa.select(Document.id).where(Document.workspace_id == scope.workspace_id)
    return sa.select(Chunk.id).where(Chunk.document_id.in_(of_documents))


async def test_its_scores_are_cosines(db: Database, scope: Scope) -> None:
    await fill_library(db, scope, 1)
    sought = pgvector.Sought(vectors.normal(gaussian(random.Random(3))), MODEL, 100)

    def both(tx: Tx) -> tuple[list[tuple[float, str]], list[ChunkVector]]:
        schema = pgvector.schema_of(tx)
        assert schema is not None
        here = sa.and_(Document.workspace_id == scope.workspace_id, chosen(EVERYTHING))
        return pgvector.nearest(tx, schema, sought, here, {}), tx.all(ChunkVector, sa.select(*ChunkVector.__table__.c))

    found, kept = await db.read_long(both)
    known = {row.chunk_id: row.vector for row in kept if row.model == MODEL}
    assert len(found) > 10
    for score, id in found:
        assert score == pytest.approx(
            sum(map(float.__mul__, array("f", sought.vector), array("f", known[id]))), abs=1e-6
        )
    assert [score for score, _ in found] == sorted((score for score, _ in found), reverse=True)


async def test_a_vector_of_zeros_is_like_nothing(db: Database, scope: Scope) -> None:
    await add(db, scope, "zeros", 1)
    await give_vectors(db, scope, MODEL, lambda: array("f", [0] * 4))
    await add(db, scope, "ones", 1)
    await give_vectors(db, scope, MODEL, lambda: array("f", [1] * 4))
    far, near = (array("f", [value] * 4) for value in (-1, 1))
    assert len(await vectors.nearest(db, scope, array("f", [0] * 4), MODEL, 5)) == 2
    assert (await vectors.nearest(db, scope, far, MODEL, 5)) == (await vectors.nearest(db, scope, near, MODEL, 5))[::-1]


async def test_where_the_extension_comes_later(db: Database, scope: Scope, database_url: str) -> None:
    await elsewhere(database_url, "drop extension vector cascade")
    documents = await fill_library(db, scope, 1)
    asked = questions(scope, documents)
    scanned = await answers(db, scope, asked)
    assert not await asyncio.to_thread(upgrade, database_url), "there was no revision to go to"
    stored = await count(db, "true")
    assert await count(db, "embedding is null") == stored
    assert await answers(db, scope, asked) == scanned, "before anything was taken over"
    await elsewhere(database_url, f"update chunk_vectors set embedding = {_AS_VECTOR} where seq % 2 = 1")
    assert 0 < await count(db, "embedding is null") < stored
    assert await answers(db, scope, asked) == scanned, "when some was"
    await tidy(db)
    assert await count(db, "embedding is null") == 0
    assert await answers(db, scope, asked) == scanned


# what the bytes say, worked out by the database: the little-endian floats of IEEE 754
_AS_VECTOR = """(
    select array_agg(
        case when bits = 0 then 0 else
            (case when bits >> 31 = 1 then -1 else 1 end)
            * (1 + (bits & 8388607) / 8388608.0::float8) * 2::float8 ^ (((bits >> 23) & 255) - 127) end
        order by place
    )::real[]::vector
    from (
        select place, get_byte(vector, 4 * place) + (get_byte(vector, 4 * place + 1)::bigint << 8)
            + (get_byte(vector, 4 * place + 2)::bigint << 16) + (get_byte(vector, 4 * place + 3)::bigint << 24) as bits
        from generate_series(0, octet_length(vector) / 4 - 1) as place
    ) as numbers
)"""


async def test_what_it_takes_over_is_what_the_bytes_say(db: Database, scope: Scope, database_url: str) -> None:
    await fill_library(db, scope, 2)
    assert await count(db, f"embedding <-> {_AS_VECTOR} < 1e-7") == await count(db, "true") > 0


async def test_where_the_extension_goes(db: Database, scope: Scope, database_url: str) -> None:
    """Nothing is restarted."""
    documents = await fill_library(db, scope, 1)
    asked = questions(scope, documents)
    found = await answers(db, scope, asked)
    for _ in range(2):
        await elsewhere(database_url, "drop extension vector cascade")
        assert await answers(db, scope, asked) == found
        await tidy(db)
        await asyncio.to_thread(upgrade, database_url)
        assert await answers(db, scope, asked) == found
        await tidy(db)
        assert await answers(db, scope, asked) == found
    await elsewhere(database_url, "drop extension vector cascade")
    await add(db, scope, "new", 2)
    stored = await count(db, "true")
    await give_vectors(db, scope, MODEL, lambda: array("f", [1] * DIMENSIONS))
    assert await count(db, "true") == stored + 2


@pytest.mark.usefixtures("without_numpy")
async def test_numpy_is_not_needed(db: Database, scope: Scope, database_url: str) -> None:
    async with stage(db, StubEmbedder()) as staged:
        for text in ("Electrification of railways.", "Bread and butter."):
            kept = await staged.add(scope, NewDocument(title=text, text=text))
            assert kept.document.run_id is not None
        assert await count(db, "embedding is not null") == 2
        search = staged.library.search
        found = await search.find(scope, "electrical trains", 1)
        assert ([row.text for row in found.passages], found.mode) == (["Electrification of railways."], "hybrid")
        await elsewhere(database_url, "update chunk_vectors set embedding = null")
        assert await search.find(scope, "electrical trains", 1) == found, "what is not taken over yet is scanned"
        await elsewhere(database_url, "drop extension vector cascade")
        assert "folkmoot[vectors]" in str((await search.find(scope, "electrical trains", 1)).note)


async def test_vectors_that_are_too_long_for_it(db: Database, scope: Scope) -> None:
    await add(db, scope, "long", 3)
    chance = random.Random(1)
    made = [gaussian(chance, pgvector.MOST_DIMENSIONS + 1) for _ in range(3)]
    await give_vectors(db, scope, MODEL, iter(made).__next__)
    await tidy(db)
    assert await count(db, "embedding is null") == 3
    found = {tuple(await vectors.nearest(db, scope, vector, MODEL, 1)) for vector in made}
    assert {len(ids) for ids in found} == {1}
    assert len(found) == 3


async def test_a_copy_carries_them_both_ways(db: Database, scope: Scope, database_url: str, tmp_path: Path) -> None:
    documents = await fill_library(db, scope, 1)
    asked = questions(scope, documents)
    found = await answers(db, scope, asked)
    file = f"sqlite:///{tmp_path}/copy.db"
    await asyncio.to_thread(upgrade, file)
    await copy(database_url, file)
    assert await elsewhere_answers(file, scope, asked) == found
    server = sa.make_url(database_url).set(database="postgres").render_as_string(hide_password=False)
    with postgres_database(server, f"folkmoot_test_{os.getpid()}_copied") as back:
        await asyncio.to_thread(upgrade, back)
        await copy(file, back)
        assert await elsewhere_answers(back, scope, asked) == found
        copied = connect(back)
        await copied.open()
        await tidy(copied)
        assert await count(copied, "embedding is null") == 0
        assert await answers(copied, scope, asked) == found
        await copied.close()


async def copy(one: str, other: str) -> None:
    tables = METADATA.sorted_tables
    async with open_source(one, tables) as source, open_target(other, tables) as target:
        await copy_rows(source, target, tables, lambda *_: None)


async def elsewhere_answers(url: str, scope: Scope, asked: list[Asked]) -> list[list[str]]:
    database = connect(url)
    await database.open()
    try:
        return await answers(database, scope, asked)
    finally:
        await database.close()


async def test_an_extension_that_lives_in_a_schema_of_its_own(db: Database, scope: Scope, database_url: str) -> None:
    schema = 'Some "extensions"'
    quoted = pgvector.quoted(schema)
    await elsewhere(
        database_url,
        "drop extension vector cascade",
        f"create schema {quoted}",
        f"create extension vector schema {quoted}",
    )
    await asyncio.to_thread(upgrade, database_url)
    documents = await fill_library(db, scope, 1)
    assert await db.read(pgvector.schema_of) == schema
    assert await count(db, "embedding is null") == 0
    found = await answers(db, scope, questions(scope, documents))
    await elsewhere(database_url, "drop extension vector cascade")
    assert await answers(db, scope, questions(scope, documents)) == found


def test_who_may_not_create_the_extension(
    postgres_server: str, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One line, and a database like any other; once an administrator has created it, the next start uses it."""
    name = f"folkmoot_test_{os.getpid()}_plain"
    with postgres_database(postgres_server, name) as url:
        run(url, f"create role {ROLE} login", f"grant create on database {name} to {ROLE}")
        run(url, f"alter schema public owner to {ROLE}")
        try:
            plain = sa.make_url(url).set(username=ROLE).render_as_string(hide_password=False)
            assert upgrade(plain)
            assert [record.message for record in caplog.records if "pgvector" in record.message] == [
                "vectors are scanned, PostgreSQL does not let pgvector be used: "
                'permission denied to create extension "vector"'
            ]
            assert "a superuser can" in connected(plain, state)
            assert upgrade(plain) is False
            run(url, "create extension vector")
            assert "the next start uses it" in connected(plain, state)
            upgrade(plain)
            assert "are searched in the database, by pgvector" in connected(plain, state)
        finally:
            run(url, f"drop owned by {ROLE} cascade", f"drop role {ROLE}")


def test_an_older_version_does_not_see_it(database_url: str) -> None:
    def has_column(connection: sa.Connection) -> bool:
        return "embedding" in {column["name"] for column in sa.inspect(connection).get_columns("chunk_vectors")}

    assert connected(database_url, has_column)
    downgrade(database_url, "0018")
    assert not connected(database_url, has_column)
    assert upgrade(database_url)
    assert connected(database_url, has_column)


async def test_what_another_writer_leaves_is_found(db: Database, scope: Scope, database_url: str) -> None:
    """One that began before the column was there, and knows nothing of it."""
    await add(db, scope, "one", 1)
    await give_vectors(db, scope, MODEL, lambda: vector_of("one"))
    await elsewhere(database_url, "update chunk_vectors set embedding = null")
    await add(db, scope, "two", 1)
    await give_vectors(db, scope, MODEL, lambda: vector_of("two"))
    assert await count(db, "embedding is null") == 1
    assert len(await vectors.nearest(db, scope, vector_of("one"), MODEL, 5)) == 2
