"""E-mail addresses: what is taken for one, and when two are the same. Only a letter could prove that one is real."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

_LENGTH = 254
_LOCAL_LENGTH = 64
_DOMAIN = re.compile(r"[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)*")


def email_key(email: str) -> str:
    """The address folded for comparing: two that differ in case or in how a letter is coded are the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold())


def _checked(value: str) -> str:
    """As it is kept: without blanks around it, its letters coded one way."""
    email = unicodedata.normalize("NFKC", value.strip())
    local, _, domain = email.rpartition("@")
    is_text = email.isprintable() and " " not in email and "@" not in local
    is_short = len(local) <= _LOCAL_LENGTH and max(len(email), len(email_key(email))) <= _LENGTH
    if not (local and is_text and is_short and _DOMAIN.fullmatch(domain)):
        raise ValueError("is no e-mail address")
    return email


Email = Annotated[
    str, Field(min_length=3, max_length=_LENGTH, json_schema_extra={"format": "email"}), AfterValidator(_checked)
]
