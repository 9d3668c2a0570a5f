"""Chunks are exact parts of the text and lose nothing of it; questions become harmless words."""

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from folkmoot.knowledge.rules import ENOUGH, LONGEST, WORD, WORDS, MediaType, chunks_of, words_of

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
_MEDIA: st.SearchStrategy[MediaType] = st.sampled_from(["text/plain", "text/markdown"])


@given(_TEXTS, _MEDIA)
def test_chunks_cover_the_text_in_order_and_are_bounded(text: str, media_type: MediaType) -> None:
    spans = chunks_of(text, media_type)
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
    assert chunks_of(text, "text/markdown") == chunks_of(text, "text/markdown")


def test_prose_is_cut_after_sentences_and_goes_on_with_the_last_one() -> None:
    sentence = "Every run that was acknowledged is finished after a crash. "
    text = sentence * 100
    spans = chunks_of(text, "text/plain")
    parts = [text[start:end] for start, end in spans]
    assert all(part.startswith("Every run") and part.endswith("crash.") for part in parts)
    assert all(500 <= len(part) <= LONGEST for part in parts[:-1])
    assert all(after.start < before.end for before, after in itertools.pairwise(spans))


def test_paragraphs_fill_a_chunk() -> None:
    text = "\n\n".join(
        ["A paragraph of about a hundred characters, which is what most of them have in our files."] * 60
    )
    assert all(ENOUGH <= span.end - span.start <= LONGEST for span in chunks_of(text, "text/plain")[:-1])


def test_a_section_begins_a_chunk_and_keeps_its_heading() -> None:
    body = "Some words about it that fill the section. " * 15
    text = f"# Recovery\n\n{body}\n\n## Pause\n\n{body}\n\n## Cancel\n{body}"
    parts = [text[start:end] for start, end in chunks_of(text, "text/markdown")]
    assert [part.splitlines()[0] for part in parts] == ["# Recovery", "## Pause", "## Cancel"]


def test_a_hash_in_a_fenced_block_is_no_heading() -> None:
    fenced = "```sh\n# install\n\nmake setup\n```"
    text = f"{'Words of a paragraph that come first. ' * 12}\n\n{fenced}\n\nAfter."
    assert len(chunks_of(text, "text/markdown")) == 1


def test_plain_text_has_no_headings() -> None:
    paragraph = "Words of a paragraph that come first. " * 12
    text = f"{paragraph}\n\n# not a heading\n\n{paragraph}"
    assert len(chunks_of(text, "text/plain")) == 1
    assert len(chunks_of(text, "text/markdown")) == 2


def test_a_million_characters_take_a_moment() -> None:
    began = time.perf_counter()
    for text in ("x" * 1_000_000, "a " * 500_000, "\n" * 1_000_000, "# h\n" * 250_000, "." * 1_000_000):
        chunks_of(text, "text/markdown")
    assert time.perf_counter() - began < 10


def test_a_question_is_its_words() -> None:
    assert words_of("What does this project promise about crashes?") == ["project", "promise", "crashes"]
    assert words_of("kill -9 during engine.lock") == ["kill", "9", "engine", "lock"]
    assert words_of("Crash CRASH crash") == ["crash"]
    assert words_of("the of and") == []


@given(st.text(max_size=400))
def test_words_hold_letters_and_digits_only(question: str) -> None:
    words = words_of(question)
    assert len(words) <= WORDS
    assert all(0 < len(word) <= WORD and all(character.isalnum() for character in word) for word in words)
