"""Questions in natural language find the right passages, whatever they are made of, on either database."""

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from folkmoot.knowledge import full_text, service
from folkmoot.knowledge.queries import Within
from folkmoot.knowledge.schemas import NewDocument
from folkmoot.knowledge.text_search import search_passages

RUNS = """# Runs

A run is any long work of a project. This project keeps a journal of every run.

## Crashes

After a crash, restart finishes every run: what the journal holds is never asked of a model again.

## Pausing

A paused run holds no worker. Resume goes on at the next step of the project.
"""
HOUSE = """The project is one package of this project that a stranger can live in. Imports point down only.

A module of the project is small. The project wants no module above 400 lines.
"""
COOKING = """Onions are fried slowly in butter until they are golden; the journal of a cook says how long.

Bread needs time, salt, flour and water: nothing else. The oven lock is `oven.lock`, see data/oven.
"""


@pytest.fixture
async def titles(db: Database, scope: Scope) -> dict[str, str]:
    """Document ids by title."""
    made = {}
    for title, text in (("runs", RUNS), ("house", HOUSE), ("cooking", COOKING)):
        document, _ = await service.add_document(
            db, scope, NewDocument(title=title, text=text * 3, media_type="text/markdown")
        )
        made[title] = document.id
    for number in range(12):
        text = f"Note {number} of the project: the weather was fair and the run to the lake took an hour."
        await service.add_document(db, scope, NewDocument(title="note", text=text))
    return made


async def found(db: Database, scope: Scope, question: str, *only: str) -> list[str]:
    rows = await db.read_long(search_passages, scope, question, 50, Within(document_ids=only or None))
    scores = [row.score for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(score > 0 for score in scores)
    return [row.title for row in rows]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What does this project promise about crashes?", "runs"),
        ("What happens to a run after it crashed?", "runs"),
        ("Does a pause keep a worker of the project?", "runs"),
        ("How many lines may a module of the project have?", "house"),
        ("how long do I fry an ONION", "cooking"),
        ("where is oven.lock?", "cooking"),
        ("data/oven", "cooking"),
    ],
)
async def test_the_rare_words_of_a_question_decide(
    db: Database, scope: Scope, titles: dict[str, str], question: str, title: str
) -> None:
    assert (await found(db, scope, question))[0] == title


async def test_a_search_may_be_narrowed_to_documents(db: Database, scope: Scope, titles: dict[str, str]) -> None:
    assert {"runs", "cooking"} <= set(await found(db, scope, "journal"))
    assert set(await found(db, scope, "journal", titles["cooking"])) == {"cooking"}
    assert await found(db, scope, "journal", titles["house"]) == []
    assert await db.read_long(search_passages, scope, "journal", 5, Within(document_ids=[])) == []


async def test_the_limit_holds(db: Database, scope: Scope, titles: dict[str, str]) -> None:
    assert len(await db.read_long(search_passages, scope, "project", 3)) == 3


async def test_a_question_without_a_word_finds_nothing(db: Database, scope: Scope, titles: dict[str, str]) -> None:
    for question in ("", "the of and", "?!", '"', "   "):
        assert await found(db, scope, question) == []


HOSTILE = [
    'crash" OR "1"="1',
    "crash AND NOT (",
    "crash NEAR/3 *",
    "text:crash ^crash cra*",
    "crash'); drop table chunks; --",
    "crash & | ! <-> :* \\ ' ''",
    "{crash} [crash] -crash +crash",
    "crash \u0000 \U0001f4a5",
    "crash " + "a" * 100_000,
    "crash " + "x1 " * 5_000,
]


async def test_hostile_syntax_is_only_words(db: Database, scope: Scope, titles: dict[str, str]) -> None:
    for question in HOSTILE:
        assert "runs" in await found(db, scope, question), question[:40]


async def test_passages_are_exact_parts_of_their_text(db: Database, scope: Scope) -> None:
    text = "Ünïcödé first. \U0001f4a5\n\n" * 200 + "The zebra stands here."
    document, _ = await service.add_document(db, scope, NewDocument(title="z", text=text))
    (row,) = await db.read_long(search_passages, scope, "zebra", 5)
    assert (row.document_id, row.title, row.text) == (document.id, "z", text[row.start : row.end])
    assert row.text.endswith("The zebra stands here.")


async def test_where_too_many_have_a_word_the_rare_ones_choose(
    db: Database, scope: Scope, titles: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "How long does the project fry an onion?"
    whole = await found(db, scope, asked)
    monkeypatch.setattr(full_text, "CANDIDATES", 3)
    few = await found(db, scope, asked)
    assert set(few) == {"cooking"}
    assert few[0] == whole[0]
    assert await found(db, scope, "nothingness project") == await found(db, scope, "project"), "a word nobody wrote"
