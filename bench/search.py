"""How well and how fast knowledge is searched: a fixed corpus, then 100,000 passages in one SQLite file.

On a PostgreSQL server: only how pgvector does beside the scan.
"""

import asyncio
import gc
import random
import resource
import time
from array import array
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from bench import vectors_postgres
from bench.figures import Figure, middle, quantile, show
from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.events.log import store
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import vectors
from folkmoot.knowledge.rules import Mode
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.search import Search
from folkmoot.llm.embeddings import Embedded, EmbedRequest
from folkmoot.llm.messages import Usage
from folkmoot.migrations.upgrade import upgrade
from folkmoot.runs.moves import number_events
from tests.databases import new_scope
from tests.knowledge.corpus import fill, passages, quality, questions
from tests.knowledge.embedder import StubEmbedder
from tests.knowledge.stage import stage

PASSAGES = 100_000
QUESTIONS = 300
DIMENSIONS = 384
SEARCH_BAR_MS = 50.0

_DOCUMENT = 1_000
"""Paragraphs of one document."""

_PARAGRAPH = 900
"""Characters of a paragraph, each of which becomes a passage."""

_VOCABULARY = 30_000
_SYLLABLES = [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]


def measure(scale: float, server: str | None = None) -> None:
    """Prints both tables; `scale` 0.1 looks at 10,000 passages."""
    if server is not None:
        vectors_postgres.measure(server, max(_DOCUMENT, int(PASSAGES * scale)))
        return
    uvloop.run(_quality())
    uvloop.run(_load(max(_DOCUMENT, int(PASSAGES * scale))))


@asynccontextmanager
async def _database() -> AsyncIterator[tuple[Database, Scope]]:
    """A new SQLite file on disk, as the product opens one."""
    with TemporaryDirectory(prefix="bench-") as folder:
        url = f"sqlite:///{Path(folder, 'bench.db')}"
        await asyncio.to_thread(upgrade, url)
        db = connect(url, Hooks(before_commit=(number_events,), store=store))
        await db.open()
        try:
            yield db, await db.write(new_scope)
        finally:
            await db.close()


async def _quality() -> None:
    embedder = StubEmbedder()
    async with _database() as (db, scope):
        await fill(db, scope, embedder)
        search, figures = Search(db, embedder), list[Figure]()
        floor = await quality(search, scope, "text")
        hybrid = await quality(search, scope, "hybrid")
    for name, found, bar in (("text", floor, None), ("hybrid, stub embedder", hybrid, floor)):
        recall, mrr = (None, None) if bar is None else (bar.recall, bar.mrr)
        figures += [
            Figure(name=f"{name}: recall@5", unit="share", measured=found.recall, bar=recall, is_least=True),
            Figure(name=f"{name}: MRR", unit="share", measured=found.mrr, bar=mrr, is_least=True),
        ]
    show(f"search quality: {len(questions())} questions over {len(passages())} passages", figures)


class _Words:
    """Text whose words are as unequally frequent as those of a language: the n-th most frequent one 1/n as often."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        english = " ".join(passages().values()).lower().replace(".", "").replace(",", "").split()
        first = sorted(set(english), key=lambda word: (-english.count(word), word))
        made = ("".join(self._chance.choices(_SYLLABLES, k=self._chance.randint(2, 4))) for _ in range(_VOCABULARY))
        self._words = [*dict.fromkeys((*first, *made))]
        self._weights = [*accumulate(1 / rank for rank in range(1, len(self._words) + 1))]

    def say(self, words: int) -> list[str]:
        return self._chance.choices(self._words, cum_weights=self._weights, k=words)

    def document(self) -> str:
        return "\n\n".join(self._paragraph() for _ in range(_DOCUMENT))

    def _paragraph(self) -> str:
        sentences, length = list[str](), 0
        while length < _PARAGRAPH:
            sentences.append(" ".join(self.say(self._chance.randint(6, 18))).capitalize() + ".")
            length += len(sentences[-1]) + 1
        return " ".join(sentences)

    def question(self) -> str:
        """As people ask: some common words and a few that are not."""
        return " ".join(self.say(self._chance.randint(4, 9))) + "?"


class _RandomEmbedder(StubEmbedder):
    """Vectors without meaning, at no cost."""

    async def embed(self, request: EmbedRequest) -> Embedded:
        chance = random.Random(len(request.texts[0]))
        made = tuple(array("f", (chance.uniform(-1, 1) for _ in range(DIMENSIONS))) for _ in request.texts)
        return Embedded(vectors=made, model="stub:random", usage=Usage(0, 0, 0, None, 0.0, "stub", "random"))


async def _load(wanted: int) -> None:
    words = _Words()
    documents = [words.document() for _ in range(wanted // _DOCUMENT)]
    asked = [words.question() for _ in range(QUESTIONS)]
    async with _database() as (db, scope):
        before_mb, began, cpu = _peak_mb(), time.perf_counter(), time.process_time()
        async with stage(db) as staged:
            for number, text in enumerate(documents):
                kept = await staged.library.add(scope, NewDocument(title=str(number), text=text), 300)
                assert kept.is_ready
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        ingest_mb, stored = _peak_mb() - before_mb, await _count(db, scope)
        figures = [
            Figure(name="ingest", unit="passages/s", measured=stored / seconds),
            Figure(name="ingest", unit="CPU ms a passage", measured=1000 * cpu / stored),
            Figure(name="memory on top, ingest", unit="MB", measured=ingest_mb),
        ]
        gc.collect()
        figures += await _searched(Search(db), scope, asked, "text")
        made = await _vectors(db, scope)
        figures.append(Figure(name=f"vectors of {DIMENSIONS} stored", unit="per second", measured=made))
        figures += await _searched(Search(db, _RandomEmbedder("stub:random")), scope, asked[:100], "hybrid")
    show(f"search: {stored:,} passages on SQLite, one question at a time", figures)


async def _count(db: Database, scope: Scope) -> int:
    return await db.read_long(vectors.count_missing, scope, "none", None)


async def _vectors(db: Database, scope: Scope) -> float:
    embedder, after, done = _RandomEmbedder("stub:random"), ("", -1), 0
    began = time.perf_counter()
    while chunks := await db.read_long(vectors.missing, scope, "stub:random", after, 512, None):
        made = await embedder.embed(EmbedRequest(texts=tuple(chunk.text for chunk in chunks)))
        await vectors.keep(db, scope, chunks, made.vectors, "stub:random")
        after, done = (chunks[-1].document_id, chunks[-1].seq), done + len(chunks)
    return done / (time.perf_counter() - began)


async def _searched(search: Search, scope: Scope, asked: list[str], mode: Mode) -> Iterator[Figure]:
    before_mb, took, cpu = _peak_mb(), list[float](), time.process_time()
    for question in asked:
        began = time.perf_counter()
        await search.find(scope, question, 10, mode=mode)
        took.append(1000 * (time.perf_counter() - began))
    cpu = time.process_time() - cpu
    name = "by text" if mode == "text" else "hybrid, exact"
    bar = SEARCH_BAR_MS if mode == "text" else None
    return iter(
        (
            Figure(name=f"{name}, p50", unit="ms", measured=middle(took), bar=bar),
            Figure(name=f"{name}, p95", unit="ms", measured=quantile(took, 0.95)),
            Figure(name=f"{name}, mean", unit="CPU ms", measured=1000 * cpu / len(asked)),
            Figure(name=f"memory on top, {name}", unit="MB", measured=_peak_mb() - before_mb),
        )
    )


def _peak_mb() -> float:
    """The most that this process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
