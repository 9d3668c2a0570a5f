"""What is taken for an e-mail address, and which two are one."""

import pytest
from pydantic import TypeAdapter, ValidationError

from folkmoot.accounts.emails import Email, email_key

EMAIL = TypeAdapter(Email)


@pytest.mark.parametrize(
    "email",
    ["ada@example.org", "a@localhost", "a.b+c@sub.example.co", "o'neil@example.org", "jürgen@köln.example", "a@b_c.d"],
)
def test_addresses(email: str) -> None:
    assert EMAIL.validate_python(email) == email
    assert EMAIL.validate_python(f" {email}\n") == email


NO_ADDRESSES = """
ada | @example.org | ada@ | a@b@c | a b@example.org | ada@example..org | ada@.org | ada@-a.org | ada@a-.org
ada@exa mple.org
"""
UNSAFE = ["", "a\x00@example.org", "a\ud800@example.org", "a\u200b@example.org", "a\n@example.org", "a\uff20b@c"]
LONG = [f"{'a' * 65}@example.org", f"a@{'b' * 260}", "\ufdfa" * 60 + "@example.org"]


@pytest.mark.parametrize("email", [*NO_ADDRESSES.strip().replace("\n", " | ").split(" | "), *UNSAFE, *LONG])
def test_what_is_none(email: str) -> None:
    with pytest.raises(ValidationError):
        EMAIL.validate_python(email)


def test_the_longest_has_a_key_that_can_be_stored() -> None:
    longest = f"{'ß' * 64}@{'b' * 100}"
    assert len(email_key(EMAIL.validate_python(longest))) <= 255


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.org", "ADA@Example.ORG"),
        ("jürgen@example.org", "Ju\u0308rgen@example.org"),
        ("straße@example.org", "STRASSE@example.org"),
        ("\uff41\uff44\uff41@example.org", "ada@example.org"),
    ],
)
def test_the_same_address(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)


def test_different_addresses() -> None:
    assert len({email_key(email) for email in ("a@b.c", "a@b.d", "a+x@b.c", "á@b.c")}) == 4
