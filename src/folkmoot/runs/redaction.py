"""Hides secrets in what is shown of a journal: keys this server and the workspace have, and what is called a secret."""

import re
from collections.abc import Iterable

from folkmoot.kernel.json import Json, JsonObject
from folkmoot.llm.wire.veil import HIDDEN, SHORTEST

_SECRET_NAME = re.compile(
    r"(?:.*[_-])?(?:password|passwd|secret|token|api[_-]?key|authorization|cookie|credentials?)", re.IGNORECASE
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}", re.IGNORECASE)


class Mask:
    """Laid over JSON: `[hidden]` takes the place of every known secret and of text under a secret's name."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Those shorter than a key that nobody writes by chance are left alone."""
        known = sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def over(self, value: JsonObject) -> JsonObject:
        return {self._text(name): self._member(name, item) for name, item in value.items()}

    def _member(self, name: str, value: Json) -> Json:
        if isinstance(value, str) and value and _SECRET_NAME.fullmatch(name):
            return HIDDEN
        return self._value(value)

    def _value(self, value: Json) -> Json:
        match value:
            case str():
                return self._text(value)
            case dict():
                return self.over(value)
            case list():
                return [self._value(item) for item in value]
            case _:
                return value

    def _text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _BEARER.sub(rf"\1 {HIDDEN}", text)
