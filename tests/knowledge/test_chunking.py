"""Passages are exact parts of the text and lose nothing of it, whatever it is made of and in any language."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.knowledge.chunking import ENOUGH, LONGEST, SEGMENT, chunks_of, segments_of

_PARTS = st.sampled_from(
    [
        "# Heading\n",
        "## Another heading\n",
        "#" * 7,
        "\n",
        "\n\n",
        "\r\n\r\n",
        " ",
        "\t",
        " " * 2000,
        "```\n",
        "~~~~\n",
        "- item\n",
        "  12. another item that goes on\n",
        "| a | cell |\n",
        "|---|---|\n",
        "=====\n",
        "---\n",
        "यह वाक्य है। ",
        "هل هذا سؤال؟ ",
        "A sentence that is of some length, as they are. ",
        "word " * 90,
        "x" * 1500,
        "文字。" * 300,
        "\u2028",
        "\x1c",
        "é",
        "Why? ",
    ]
)
_TEXTS = st.one_of(st.text(max_size=3000), st.lists(_PARTS, max_size=60).map("".join))


@given(_TEXTS, st.booleans())
def test_passages_cover_the_text_in_order_and_are_bounded(text: str, has_markup: bool) -> None:
    spans = chunks_of(text, has_markup=has_markup)
    reached = 0
    for number, (start, end) in enumerate(spans):
        part = text[start:end]
        assert 0 < len(part) <= LONGEST
        assert part == part.strip()
        assert not text[reached:start].strip()
        if number:
            assert spans[number - 1].start < start
            assert spans[number - 1].end < end
        reached = end
    assert not text[reached:].strip()


@given(_TEXTS)
def test_the_same_text_is_cut_the_same_way(text: str) -> None:
    assert chunks_of(text, has_markup=True) == chunks_of(text, has_markup=True)


def test_prose_is_cut_after_sentences_and_goes_on_with_the_last_one() -> None:
    sentence = "Every run that was acknowledged is finished after a crash. "
    text = sentence * 100
    spans = chunks_of(text, has_markup=False)
    parts = [text[start:end] for start, end in spans]
    assert all(part.startswith("Every run") and part.endswith("crash.") for part in parts)
    assert all(500 <= len(part) <= LONGEST for part in parts[:-1])
    assert all(after.start < before.end for before, after in itertools.pairwise(spans))


def test_paragraphs_fill_a_chunk() -> None:
    text = "\n\n".join(
        ["A paragraph of about a hundred characters, which is what most of them have in our files."] * 60
    )
    assert all(ENOUGH <= span.end - span.start <= LONGEST for span in chunks_of(text, has_markup=False)[:-1])


def test_a_section_begins_a_chunk_and_keeps_its_heading() -> None:
    body = "Some words about it that fill the section. " * 15
    text = f"# Recovery\n\n{body}\n\n## Pause\n\n{body}\n\n## Cancel\n{body}"
    parts = [text[start:end] for start, end in chunks_of(text, has_markup=True)]
    assert [part.splitlines()[0] for part in parts] == ["# Recovery", "## Pause", "## Cancel"]


def test_a_hash_in_a_fenced_block_is_no_heading() -> None:
    fenced = "```sh\n# install\n\nmake setup\n```"
    text = f"{'Words of a paragraph that come first. ' * 12}\n\n{fenced}\n\nAfter."
    assert len(chunks_of(text, has_markup=True)) == 1


def test_plain_text_has_no_headings() -> None:
    paragraph = "Words of a paragraph that come first. " * 12
    text = f"{paragraph}\n\n# not a heading\n\n{paragraph}"
    assert len(chunks_of(text, has_markup=False)) == 1
    assert len(chunks_of(text, has_markup=True)) == 2


@pytest.mark.system
def test_many_characters_take_a_moment() -> None:
    began = time.process_time()
    for text in ("x" * 200_000, "a " * 100_000, "\n" * 200_000, "# h\n" * 50_000, "." * 200_000, "- a\n" * 50_000):
        chunks_of(text, has_markup=True)
    assert time.process_time() - began < 5


@given(st.lists(_PARTS, max_size=20).map("".join), st.integers(0, 5))
def test_segments_follow_each_other_without_a_gap(text: str, times: int) -> None:
    text = text * 10**times
    spans = segments_of(text)
    assert (spans[0].start, spans[-1].end) == (0, len(text))
    assert all(before.end == after.start for before, after in itertools.pairwise(spans))
    assert all(0 < end - start <= SEGMENT for start, end in spans[:-1])


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in chunks_of(text, has_markup=True)]


def test_list_items_and_table_rows_are_kept_whole() -> None:
    item = "- " + "an item with some words that belong together, as one says " * 5
    row = "| " + "a cell of a table that is rather long | " * 8
    for line in (item, row):
        lines = {part.strip() for passage in parts("# Things\n\n" + f"{line}\n" * 30) for part in passage.splitlines()}
        assert lines <= {"# Things", "", line.strip()}


def test_code_is_cut_between_lines() -> None:
    code = "".join(f"value_{number} = compute(value_{number - 1}). strip() ! or ? nothing\n" for number in range(100))
    for passage in parts(f"Before.\n\n```python\n{code}```\n\nAfter."):
        assert all(line in code + "Before.```python```After." for line in passage.splitlines())


def test_a_heading_by_the_line_under_it() -> None:
    body = "Some words about it that fill the section. " * 15
    assert [part.splitlines()[0] for part in parts(f"Recovery\n========\n\n{body}\n\nPause\n---\n\n{body}")] == [
        "Recovery",
        "Pause",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "每次被确认的运行在崩溃之后都会结束。",
        "यह हर दौड़ है जो समाप्त होती है। ",
        "ما الذي يحدث بعد الانهيار؟ ",
        "Что происходит после сбоя? ",
        "Que se passe-t-il après un arrêt brutal ? ",
    ],
)
def test_sentences_end_in_every_language(sentence: str) -> None:
    text = sentence * 200
    for start, end in chunks_of(text, has_markup=False):
        assert text[start:end].startswith(sentence.strip()[:6])
        assert text[start:end].endswith(sentence.strip()[-4:])
