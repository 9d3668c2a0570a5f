"""Runs that take documents in: their progress, their ends, and a crash at every moment."""

import asyncio
import contextlib
import json
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.events.log import store
from folkmoot.events.queries import list_events
from folkmoot.events.rules import about
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import chunking, library, parts, queries, service
from folkmoot.knowledge.ingest import IngestProcedure
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.tables import Chunk, ChunkVector, DocumentPart
from folkmoot.knowledge.upkeep import tidy
from folkmoot.runs.journal import Entry
from folkmoot.runs.moves import number_events
from folkmoot.runs.queries import journal
from folkmoot.runs.service import cancel_run
from folkmoot.runs.sweep import recover, sweep
from folkmoot.runs.tables import Run
from tests.knowledge.embedder import StubEmbedder
from tests.knowledge.files import upload
from tests.knowledge.stage import Stage, stage

pytestmark = pytest.mark.system  # files, processes and whole databases

TEXT = "".join(f"## Road {number}\n\nA zebra crossed road {number} and went on.\n\n" for number in range(60))
OLD = "A pangolin lives here."
PARTS = 3


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Rows are counted, of all workspaces."""
    return own_database_url


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(before_commit=(number_events,), store=store)


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a text of a few thousand characters is a long one, in several parts."""
    for module in (chunking, library):
        monkeypatch.setattr(module, "SEGMENT", 1000)


def given(text: str = TEXT) -> NewDocument:
    return NewDocument(title="Roads", text=text, media_type="text/markdown", source="file:/roads.md")


async def left(db: Database) -> dict[str, int]:
    tables = (Chunk, ChunkVector, DocumentPart)
    counts = [await db.read(_count, table) for table in tables]
    return dict(zip(("chunks", "vectors", "parts"), counts, strict=True))


def _count(tx: object, table: type) -> int:
    return int(tx.scalar(sa.select(sa.func.count()).select_from(table)))  # type: ignore[attr-defined]


async def test_a_run_shows_its_progress_and_what_it_made(db: Database, scope: Scope) -> None:
    async with stage(db, StubEmbedder()) as staged:
        kept = await staged.add(scope, given())
        run = await staged.engine.wait(scope, str(kept.document.run_id), 5)
    assert kept.is_new
    assert kept.is_ready
    assert (run.kind, run.status, run.stop_reason, run.title) == ("ingest", "completed", "stored", "Ingest Roads")
    passages = kept.document.passages
    assert run.result == {"document_id": kept.document.id, "passages": passages, "vectors": passages}
    assert await left(db) == {"chunks": passages, "vectors": passages, "parts": 0}
    events = await db.read(list_events, scope.workspace_id, 0, 200, about("run_id", run.id))
    shown = [event.data for event in events if event.type == "progress"]
    percents = [data["progress_percent"] for data in shown]
    assert percents == sorted(percents)  # type: ignore[type-var]
    assert percents[-1] == 100.0
    assert {data["current_phase"] for data in shown} == {"cut", "publish", "embed"}
    keys = [entry.key for entry in await db.read(journal, run.id)]
    assert keys[:4] == ["begun", "cut.1", "cut.2", "cut.3"]


async def test_the_whole_text_is_there_with_exact_offsets(db: Database, scope: Scope) -> None:
    async with stage(db) as staged:
        kept = await staged.add(scope, given())
    rows, _ = await db.read(queries.list_passages, scope, kept.document.id, 0, 1000)
    assert [TEXT[row.start : row.end] for row in rows] == [row.text for row in rows]
    reached = 0
    for row in rows:
        assert not TEXT[reached : row.start].strip()
        reached = row.end
    assert not TEXT[reached:].strip()


async def broken(db: Database, scope: Scope, moment: int) -> Run:
    """The run whose first host dies at that commit after its start; another takes it up."""
    dead, commits = asyncio.Event(), 0
    async with stage(db, StubEmbedder()) as first:
        kept = await first.library.add(scope, given())

        def die(_: set[str]) -> None:
            nonlocal commits
            commits += 1
            if commits == moment:
                first.engine.supervisor.cancel()
                dead.set()

        db.hooks.published = die
        end = asyncio.ensure_future(first.engine.wait(scope, str(kept.document.run_id), 20))
        await asyncio.wait((end, asyncio.ensure_future(dead.wait())), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        await first.engine.supervisor.stop()
        db.hooks.published = lambda _: None
    async with stage(db, StubEmbedder()) as second:
        await recover(second.engine, {first.engine.host_id})
        await sweep(second.engine)
        return await second.engine.wait(scope, str(kept.document.run_id), 20)


def comparable(entries: list[Entry]) -> list[tuple[str, str, str]]:
    """Without what chance and attempts leave in a journal."""
    shown: list[tuple[str, str, str]] = []
    for entry in entries:
        data: JsonObject = {name: value for name, value in entry.data.items() if name not in ("usage", "seed", "by")}
        key = "embed" if entry.key.startswith("embed") else entry.key
        if key not in ("begun", "embed"):
            shown.append((entry.kind, key, json.dumps(data, sort_keys=True)))
    return sorted(shown)


@pytest.mark.parametrize(
    ("replaces", "moments"),
    [
        (True, (2, 5, 9, 14)),
        *(pytest.param(replaces, range(1, 30), marks=pytest.mark.system) for replaces in (False, True)),
    ],
)
async def test_a_crash_at_any_moment_changes_nothing(
    db: Database, scope: Scope, replaces: bool, moments: Sequence[int]
) -> None:
    seen = set()
    for moment in moments:
        if replaces:
            await service.add_document(db, scope, given(OLD))
        run = await broken(db, scope, moment)
        assert (run.status, run.stop_reason) == ("completed", "stored"), moment
        (document,), _ = await db.read(queries.list_documents, scope, {}, 0, 50)
        assert (document.status, document.error) == ("ready", None)
        rows, _ = await db.read(queries.list_passages, scope, document.id, 0, 1000)
        assert [TEXT[row.start : row.end] for row in rows] == [row.text for row in rows]
        assert await left(db) == {"chunks": len(rows), "vectors": len(rows), "parts": 0}, moment
        seen.add(tuple((kind, key) for kind, key, _ in comparable(await db.read(journal, run.id))))
        await service.delete_document(db, scope, document.id)
    assert len(seen) == 1


async def gated(staged: Stage, db: Database, scope: Scope) -> tuple[str, str]:
    """A document whose run has begun and stands still: its id and the run's."""
    await staged.engine.dispatcher.stop()
    kept = await staged.library.add(scope, given())
    return kept.document.id, str(kept.document.run_id)


async def test_a_cancelled_run_leaves_a_document_that_says_so(db: Database, scope: Scope) -> None:
    async with stage(db) as staged:
        document_id, run_id = await gated(staged, db, scope)
        await cancel_run(staged.engine, scope, run_id)
        document = await db.read(queries.get_document, scope, document_id)
        assert (document.status, document.error) == ("failed", "Taking the document in was stopped")
    async with stage(db) as again:
        kept = await again.add(scope, given())
        assert (kept.document.id, kept.document.status, kept.document.error) == (document_id, "ready", None)


async def test_a_document_deleted_meanwhile_ends_its_run(db: Database, scope: Scope) -> None:
    async with stage(db) as staged:
        document_id, run_id = await gated(staged, db, scope)
        await service.delete_document(db, scope, document_id)
    async with stage(db) as second:
        await sweep(second.engine)
        run = await second.engine.wait(scope, run_id, 10)
        assert (run.status, run.error_code) == ("failed", "document_deleted")
    assert await left(db) == {"chunks": 0, "vectors": 0, "parts": PARTS}
    await tidy(db)
    assert (await left(db))["parts"] == PARTS, "only what is an hour old"


async def test_parts_that_nobody_needs_are_forgotten(
    db: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(db) as staged:
        _, run_id = await gated(staged, db, scope)
        await parts.keep_text(db, scope, "a run that was never started", TEXT)
        monkeypatch.setattr(parts, "now", lambda: now() + 2 * parts._UNUSED_AFTER)
        await tidy(db)
        assert (await left(db))["parts"] == PARTS, "those of a live run stay"
        await cancel_run(staged.engine, scope, run_id)
        await tidy(db)
        assert (await left(db))["parts"] == 0


async def test_the_same_file_twice_at_once_is_one_run(db: Database, scope: Scope) -> None:
    async with stage(db) as staged:
        raw = TEXT.encode()
        first, second = await asyncio.gather(
            staged.add(scope, upload(raw, "roads.md")), staged.add(scope, upload(raw, "roads.md"))
        )
        assert first.document.id == second.document.id
        assert first.document.run_id == second.document.run_id
        assert sorted((first.is_new, second.is_new)) == [False, True]
        assert (await left(db))["parts"] == 0


async def test_the_last_of_many_uploads_from_one_source_wins(db: Database, scope: Scope) -> None:
    async with stage(db) as staged:
        for number in range(3):
            await staged.library.add(scope, upload(f"{TEXT}{number}".encode(), "r.md", source="s"))
        last = await staged.add(scope, upload(f"{TEXT}last".encode(), "r.md", source="s"))
        assert last.document.status == "ready"
        (document,), _ = await db.read(queries.list_documents, scope, {}, 0, 50)
        assert document.sha256 == last.document.sha256
        rows, _ = await db.read(queries.list_passages, scope, document.id, 0, 1000)
        assert rows[-1].text.endswith("last")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                while staged.engine.drivers:  # noqa: ASYNC110 what is watched has no event to wait for
                    await asyncio.sleep(0)
        await tidy(db)
        assert (await left(db))["chunks"] == len(rows)


def test_the_procedure_takes_whatever_comes() -> None:
    procedure = IngestProcedure()
    state = procedure.begin(Entry(1, now(), "begun", "begun", {"input": {"takes_text": True, "parts": 2}}))
    for kind in ("waiting", "told", "controlled", "ended", "intended"):
        assert procedure.apply(state, Entry(2, now(), kind, "x", {})) == state
    assert procedure.apply(state, Entry(2, now(), "done", "cut.2", {"value": {"passages": 1}})) == state
    after = procedure.apply(state, Entry(2, now(), "done", "cut.1", {"value": {"passages": 1}}))
    assert (after.cut, after.passages) == (1, 1)
    for reason, status in (("cancelled", "cancelled"), ("timeout", "timeout"), ("stopped", "failed")):
        assert procedure.settle(after, reason).status == status  # type: ignore[arg-type]
