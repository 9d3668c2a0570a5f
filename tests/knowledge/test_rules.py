"""Questions become harmless words, and two rankings one."""

from hypothesis import given
from hypothesis import strategies as st

from folkmoot.knowledge.rules import WORD, WORDS, fused, words_of


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


def test_what_stands_high_in_both_rankings_comes_first() -> None:
    assert [*fused((["a", "b", "c"], ["c", "b", "d"]))] == ["c", "b", "a", "d"]
    assert fused((["a"], ["a"])) == {"a": 2 / 61}
    assert fused(([], [])) == {}


def test_equals_keep_the_order_of_the_first_ranking() -> None:
    assert [*fused((["a", "b"], ["b", "a"]))] == ["a", "b"]
