"""A fixed corpus: what a search by text finds, and that a hybrid one finds no less."""

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge.search import Search
from tests.knowledge.corpus import fill, passages, quality, questions
from tests.knowledge.embedder import StubEmbedder

pytestmark = pytest.mark.system  # files, processes and whole databases

FLOOR_RECALL, FLOOR_MRR = 0.9, 0.75


def test_the_corpus_is_large_and_its_questions_have_answers() -> None:
    assert len(passages()) >= 200
    assert len(questions()) >= 60
    assert {asked.answer for asked in questions()} <= passages().keys()
    assert len({asked.text for asked in questions()}) == len(questions())
    assert all(120 <= len(text) <= 500 for text in passages().values())


async def test_a_hybrid_search_finds_no_less_than_one_by_text(db: Database, scope: Scope) -> None:
    embedder = StubEmbedder()
    await fill(db, scope, embedder)
    search = Search(db, embedder)
    by_text, hybrid = await quality(search, scope, "text"), await quality(search, scope, "hybrid")
    assert by_text.recall >= FLOOR_RECALL, by_text.missed
    assert by_text.mrr >= FLOOR_MRR
    assert hybrid.recall >= by_text.recall, hybrid.missed
    assert hybrid.mrr >= by_text.mrr
