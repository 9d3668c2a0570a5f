"""Tokens: access tokens that are signed and short-lived, and random ones of which only the hash is kept."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import jwt

from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id

ACCESS_SECONDS = 15 * 60
REFRESH_SECONDS = 30 * 24 * 3600

ADMIN_PREFIX = "fmadmin_"
KEY_PREFIX = "fmkey_"
_KEY_PREFIX_LENGTH = len(KEY_PREFIX) + 12

_ALGORITHM = "HS256"
_ISSUER = _AUDIENCE = "folkmoot"
_CLAIMS = ["sub", "sid", "exp", "iat", "jti", "aud", "iss"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says: whose it is (`local` of the operator), and of which family of refresh tokens."""

    subject: str
    family_id: str


class AccessTokens:
    """Makes and reads access tokens with one key and one algorithm."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, claims: Claims) -> str:
        at = now()
        said = {
            "sub": claims.subject,
            "sid": claims.family_id,
            "iat": at,
            "exp": at + timedelta(seconds=ACCESS_SECONDS),
            "jti": new_id(),
            "aud": _AUDIENCE,
            "iss": _ISSUER,
        }
        return jwt.encode(said, self._key, _ALGORITHM)

    def read(self, token: str) -> Claims | None:
        """What a token says that is ours, whole and not expired; None of any other."""
        try:
            said = jwt.decode(
                token,
                self._key,
                [_ALGORITHM],
                {"require": _CLAIMS},
                audience=_AUDIENCE,
                issuer=_ISSUER,
            )
        except jwt.InvalidTokenError:
            return None
        subject, family_id = said["sub"], said["sid"]
        if not isinstance(subject, str) or not isinstance(family_id, str):
            return None
        return Claims(subject, family_id)


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key as it is shown once: `text` is the whole of it, the row keeps `prefix` and `hash`."""

    text: str
    prefix: str
    hash: str


def new_key() -> NewKey:
    prefix = KEY_PREFIX + secrets.token_hex(6)
    text = f"{prefix}_{new_secret()}"
    return NewKey(text, prefix, hash_of(text))


def prefix_of(key: str) -> str:
    return key[:_KEY_PREFIX_LENGTH]


def new_secret() -> str:
    """256 random bits, fit for URLs and cookies."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """As secrets of 256 random bits are kept: nothing about them can be guessed, so one round of SHA-256 is enough."""
    return sha256(secret.encode(errors="replace")).hexdigest()


def is_same(one: str, other: str) -> bool:
    """Compared in a time that says nothing about where they differ."""
    return secrets.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))
