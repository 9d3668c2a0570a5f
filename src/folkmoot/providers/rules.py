"""What a secret may be called and look like. Pure."""

import re
from typing import Final, Literal

PROVIDER_KEYS: Final = {"openai_api_key": "openai", "google_api_key": "google"}
"""Secrets that language models are asked with, and whose they are; others are for what takes a secret by name."""

MOST_SECRETS = 100
"""Of one workspace."""

KeyState = Literal["current", "old", "unreadable"]

NAME = r"^[a-z][a-z0-9_]{0,62}$"

_KEY = re.compile(r"[A-Za-z0-9._~+/=:-]{16,512}")


def is_secret_name(name: str) -> bool:
    return re.fullmatch(NAME, name) is not None


def checked_value(name: str, value: str) -> str:
    """The value as it is kept. Raises ValueError, with a sentence that says nothing of the value.

    A provider's key goes into a header, and it has to be long enough to be found and hidden wherever a provider
    repeats it.
    """
    if name not in PROVIDER_KEYS:
        return value
    key = value.strip()
    if not _KEY.fullmatch(key):
        raise ValueError("is no provider's key: those are 16 to 512 letters, digits and signs such as - and _")
    return key
