"""The installation's secret: given as SECRET_KEY or made once, and a key of its own derived from it for each use."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from folkmoot.accounts.kept import SECRET_KEY_FILE, kept
from folkmoot.accounts.tokens import new_secret

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SecretKey:
    """`previous` were in use before: they may still decrypt, and sign nothing."""

    current: bytes = field(repr=False)
    previous: tuple[bytes, ...] = field(default=(), repr=False)

    def derive(self, label: str) -> bytes:
        """32 bytes for one use, of which those for any other say nothing."""
        return _derive(self.current, label)

    def derive_all(self, label: str) -> list[bytes]:
        """As `derive`: from the key in use first, then from each of those before it."""
        return [_derive(secret, label) for secret in (self.current, *self.previous)]


def open_secret_key(given: str | None, previous: Sequence[str], data_dir: Path) -> SecretKey:
    """With SECRET_KEY where it is given, else with what DATA_DIR keeps. Raises SecretNotKept."""
    text = given or _kept(data_dir)
    return SecretKey(text.encode(), tuple(secret.encode() for secret in previous))


def _kept(data_dir: Path) -> str:
    path = data_dir / SECRET_KEY_FILE
    text, is_new = kept(path, new_secret)
    if is_new:
        _log.info("made a secret key: %s", path)
    return text


def _derive(secret: bytes, label: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"folkmoot {label}".encode()).derive(secret)
