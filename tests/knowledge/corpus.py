"""A fixed corpus of passages and questions, written by hand, and how well a search finds the ones in the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import vectors
from folkmoot.knowledge.rules import Mode
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.search import Search
from folkmoot.knowledge.service import add_document
from folkmoot.llm.embeddings import Embedder, EmbedRequest

HERE = Path(__file__).parent / "corpus"
DEPTH = 5


@dataclass(frozen=True)
class Question:
    text: str
    answer: str
    """The name of the passage that answers it."""


@dataclass(frozen=True)
class Quality:
    """`recall`: the share of questions whose answer is among the first five; `mrr`: the mean of 1 / its rank there,
    0 where it is not (Voorhees, The TREC-8 Question Answering Track Report, 1999).
    """

    recall: float
    mrr: float
    missed: tuple[str, ...]


@cache
def passages() -> dict[str, str]:
    """The passages by their names."""
    return dict(named for page in sorted(HERE.glob("*.md")) for named in _named(page.read_text("utf-8")))


def _named(page: str) -> Iterator[tuple[str, str]]:
    for part in page.split("## ")[1:]:
        name, _, text = part.partition("\n")
        yield name.strip(), text.strip()


@cache
def questions() -> tuple[Question, ...]:
    lines = (HERE / "questions.tsv").read_text("utf-8").splitlines()
    return tuple(Question(*line.split("\t")) for line in lines)


async def fill(db: Database, scope: Scope, embedder: Embedder) -> None:
    """Every passage as a document of its own, called by its name, with its vector."""
    for name, text in passages().items():
        await add_document(db, scope, NewDocument(title=name, text=text))
    model = str(embedder.embedding_model)
    chunks = await db.read_long(vectors.missing, scope, model, ("", -1), 1000, None)
    made = await embedder.embed(EmbedRequest(texts=tuple(chunk.text for chunk in chunks)))
    await vectors.keep(db, scope, chunks, made.vectors, model)


async def quality(search: Search, scope: Scope, mode: Mode) -> Quality:
    ranks = [
        _rank([row.title for row in (await search.find(scope, asked.text, DEPTH, mode=mode)).passages], asked)
        for asked in questions()
    ]
    found = [rank for rank in ranks if rank is not None]
    missed = tuple(asked.text for asked, rank in zip(questions(), ranks, strict=True) if rank is None)
    return Quality(len(found) / len(ranks), sum(1 / rank for rank in found) / len(ranks), missed)


def _rank(titles: Sequence[str], asked: Question) -> int | None:
    return titles.index(asked.answer) + 1 if asked.answer in titles else None
