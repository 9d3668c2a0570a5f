"""Access tokens: of one key and one algorithm, for us, for a quarter of an hour. Everything else is nobody's."""

import base64

import jwt
import pytest

from folkmoot.accounts.tokens import ACCESS_SECONDS, AccessTokens, Claims, hash_of, new_key, prefix_of
from tests.accounts.forging import forged

KEY = b"k" * 32
CLAIMS = Claims("0190f0f0-0000-7000-8000-000000000001", "0190f0f0-0000-7000-8000-000000000002")


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens(KEY)


def test_what_is_made_is_read(tokens: AccessTokens) -> None:
    assert tokens.read(tokens.make(CLAIMS)) == CLAIMS


def test_two_tokens_of_one_session_differ(tokens: AccessTokens) -> None:
    assert tokens.make(CLAIMS) != tokens.make(CLAIMS)


def test_they_last_a_quarter_of_an_hour(tokens: AccessTokens) -> None:
    said = jwt.decode(tokens.make(CLAIMS), KEY, ["HS256"], audience="folkmoot")
    assert said["exp"] - said["iat"] == ACCESS_SECONDS == 900


def test_forged_ones_are_nobodys(tokens: AccessTokens) -> None:
    for name, token in forged(KEY, CLAIMS).items():
        assert tokens.read(token) is None, name


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é", "\x00", "x" * 5000, "eyJhbGciOiJIUzI1NiJ9.e30."])
def test_noise_is_nobodys(tokens: AccessTokens, text: str) -> None:
    assert tokens.read(text) is None


def test_keys_are_found_by_their_beginning() -> None:
    key = new_key()
    assert prefix_of(key.text) == key.prefix
    assert key.hash == hash_of(key.text)
    assert key.text not in (key.prefix, key.hash)
    assert len(base64.urlsafe_b64decode(key.text.removeprefix(f"{key.prefix}_") + "=")) == 32
