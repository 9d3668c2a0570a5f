"""What is encrypted reads with the keys the server has, as what it was and for whom it was, or not at all."""

import pytest

from folkmoot.providers.cipher import Cipher, Unreadable
from folkmoot.providers.rules import checked_value, is_secret_name
from tests.providers.support import NEW, OLD, OWN


def test_it_reads_back_and_shows_nothing() -> None:
    cipher = Cipher([NEW])
    ciphertext = cipher.encrypt("w1", "openai_api_key", OWN)
    assert OWN not in ciphertext
    assert cipher.decrypt("w1", "openai_api_key", ciphertext) == OWN
    assert cipher.encrypt("w1", "openai_api_key", OWN) != ciphertext


def test_previous_keys_still_read_and_never_write() -> None:
    old, both = Cipher([OLD]), Cipher([NEW, OLD])
    assert both.decrypt("w1", "a", old.encrypt("w1", "a", "é\n")) == "é\n"
    with pytest.raises(Unreadable):
        old.decrypt("w1", "a", both.encrypt("w1", "a", "x"))
    assert [both.state(version) for version in (Cipher([NEW]).version, old.version, Cipher([b"x" * 32]).version)] == [
        "current",
        "old",
        "unreadable",
    ]


@pytest.mark.parametrize(("workspace", "name"), [("w2", "a"), ("w1", "b")])
def test_a_row_copied_elsewhere_reads_nowhere(workspace: str, name: str) -> None:
    with pytest.raises(Unreadable):
        Cipher([NEW]).decrypt(workspace, name, Cipher([NEW]).encrypt("w1", "a", "x"))


@pytest.mark.parametrize("ciphertext", ["", "x", "é", "gAAAAA"])
def test_what_is_no_ciphertext_is_unreadable(ciphertext: str) -> None:
    with pytest.raises(Unreadable):
        Cipher([NEW]).decrypt("w1", "a", ciphertext)


@pytest.mark.parametrize("value", ["", "short", "sk-" + "x" * 600, "sk-has a space in it", "sk-line\nbreak-in-it-0123"])
def test_a_providers_key_fits_into_a_header_and_is_long_enough_to_be_hidden(value: str) -> None:
    with pytest.raises(ValueError, match="no provider's key") as refused:
        checked_value("openai_api_key", value)
    assert not value or value not in str(refused.value)
    assert checked_value("google_api_key", f" {OWN}\n") == OWN
    assert checked_value("webhook", value) == value


def test_names() -> None:
    assert all(map(is_secret_name, ("a", "openai_api_key", "x" * 63)))
    assert not any(map(is_secret_name, ("", "A", "1a", "a-b", "x" * 64, "a\n", "é", "../a")))
