"""Hides this server's own secrets in what leaves it for somewhere else than an answer: its log, its traces."""

import re
from collections.abc import Iterable

HIDDEN = "[hidden]"
_SHORTEST = 8


class Hider:
    """`[hidden]` takes the place of every secret of at least 8 characters: shorter ones stand in many a word."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def over(self, text: str) -> str:
        return text if self._known is None else self._known.sub(HIDDEN, text)
