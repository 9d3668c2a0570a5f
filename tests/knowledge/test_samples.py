"""A workspace is given its sample pages once, and a newer version's in the place of older ones."""

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import queries, samples
from folkmoot.knowledge.samples import TAG, ensure_sample, sample_documents
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.text_search import search_passages


async def test_the_pages_are_there_once(db: Database, scope: Scope) -> None:
    assert await ensure_sample(db, scope) == len(sample_documents()) >= 4
    assert await ensure_sample(db, scope) == 0
    documents, total = await db.read(queries.list_documents, scope, {"tag": TAG}, 0, 50)
    assert total == len(sample_documents())
    assert all(document.title and not document.title.startswith("#") for document in documents)
    for question, title in (
        ("What happens to a run after a crash?", "Runs, and what happens after a crash"),
        ("What do Driver, Creator and Generator do?", "Agents and teams"),
        ("How are passages cited?", "Knowledge and citations"),
    ):
        assert (await db.read_long(search_passages, scope, question, 1))[0].title == title


async def test_a_newer_page_takes_the_place_of_the_older(
    db: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ensure_sample(db, scope)
    newer = [_newer(page) for page in sample_documents()]
    monkeypatch.setattr(samples, "sample_documents", lambda: newer)
    assert await ensure_sample(db, scope) == 0
    documents, total = await db.read(queries.list_documents, scope, {"tag": TAG}, 0, 50)
    assert total == len(newer)
    assert {document.title for document in documents} == {page.title for page in newer}


def _newer(page: NewDocument) -> NewDocument:
    return page.model_copy(update={"text": page.text + "\nAnd more.\n", "title": f"{page.title} 2"})
