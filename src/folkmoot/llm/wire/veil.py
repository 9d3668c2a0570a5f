"""Hides the key a call was made with where the provider's answer repeats it, also where it comes in pieces."""

HIDDEN = "[hidden]"
SHORTEST = 16
"""Characters from which on a key is one that nobody writes by chance: servers at home take `none` and `EMPTY`."""


class Veil:
    """Give it a stream's texts in turn; `held` is the end of them that may be the beginning of the key."""

    __slots__ = ("_key", "held")

    def __init__(self, key: str | None) -> None:
        self._key = key if key is not None and len(key) >= SHORTEST else ""
        self.held = ""

    def over(self, text: str) -> str:
        """A whole text without the key."""
        return text.replace(self._key, HIDDEN) if self._key else text

    def passing(self, text: str) -> str:
        """As much of the stream as can be shown by now."""
        if not self._key:
            return text
        text = self.over(self.held + text)
        shown = len(text) - self._begun(text)
        self.held = text[shown:]
        return text[:shown]

    def _begun(self, text: str) -> int:
        """How many characters at the text's end the key could go on from."""
        at = text.find(self._key[0], max(0, len(text) - len(self._key) + 1))
        while at >= 0:
            if self._key.startswith(text[at:]):
                return len(text) - at
            at = text.find(self._key[0], at + 1)
        return 0
