"""A key that a provider repeats is hidden, however it is cut into pieces, and nothing else changes."""

from hypothesis import given
from hypothesis import strategies as st

from folkmoot.llm.wire.veil import HIDDEN, Veil

KEY = "sk-ss-canary-sk-ss-0123"


def shown(pieces: list[str], key: str | None = KEY) -> str:
    veil = Veil(key)
    return "".join([veil.passing(piece) for piece in pieces]) + veil.held


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@given(
    st.lists(st.sampled_from([KEY, KEY[:5], KEY[:-1], KEY[3:], "s", "sk-", "Bearer ", "\n", "é"])), st.integers(1, 9)
)
def test_a_stream_shows_what_its_whole_text_would(parts: list[str], size: int) -> None:
    text = "".join(parts)
    assert shown(cut(text, size)) == text.replace(KEY, HIDDEN)
    assert KEY not in shown(cut(text, size))


@given(st.text(), st.integers(1, 9))
def test_a_text_without_the_key_comes_through(text: str, size: int) -> None:
    assert shown(cut(text, size)) == text


def test_nothing_is_held_back_that_the_key_cannot_go_on_from() -> None:
    veil = Veil(KEY)
    assert veil.passing("Some words, no") == "Some words, no"
    assert veil.passing(" sk-ss-") == " "
    assert veil.held == "sk-ss-"
    assert veil.passing("more") == "sk-ss-more"


def test_a_key_that_is_a_word_hides_nothing() -> None:
    for key in (None, "", "none", "EMPTY", "ollama"):
        assert shown(["none of it is EM", "PTY, says ollama"], key) == "none of it is EMPTY, says ollama"
