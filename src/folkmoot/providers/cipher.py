"""Encryption of secrets at rest: with the current key, readable with that and the previous ones."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from folkmoot.kernel.json import dumps, loads
from folkmoot.providers.rules import KeyState


class Unreadable(Exception):
    """None of the keys decrypts it, or it was another workspace's or another name's"""


class Cipher:
    """Made of 32-byte keys: first the current one, then the previous ones.

    What is encrypted carries whose it is and how it is called, so a row that is copied elsewhere reads nowhere.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._fernets = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
        self.version, *self._older = map(_version, keys)

    def encrypt(self, workspace_id: str, name: str, value: str) -> str:
        return self._fernets.encrypt(dumps([workspace_id, name, value]).encode()).decode()

    def decrypt(self, workspace_id: str, name: str, ciphertext: str) -> str:
        """Raises Unreadable."""
        try:
            match loads(self._fernets.decrypt(ciphertext.encode())):
                case [str(whose), str(called), str(value)] if (whose, called) == (workspace_id, name):
                    return value
                case _:
                    raise Unreadable
        except InvalidToken:
            raise Unreadable from None

    def state(self, key_version: str) -> KeyState:
        """Which of its keys that is."""
        if key_version == self.version:
            return "current"
        return "old" if key_version in self._older else "unreadable"


def _version(key: bytes) -> str:
    """A key's short name, from which nothing leads back to it."""
    return sha256(b"folkmoot key version" + key).hexdigest()[:12]
