"""A text that fits a regular expression, for the practice model: the usual syntax, else an honest None."""

import re
from dataclasses import dataclass

_CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_PREFERRED = "aA0-_. /:@"
_MAX_LENGTH = 10_000


def text_for_pattern(pattern: str, least: int = 0) -> str | None:
    """A text of at least `least` characters the pattern is found in, None where this reader finds none."""
    try:
        compiled = re.compile(pattern)
    except re.error:
        return None
    for extra in (0, least):
        try:
            text = _Reader(pattern, extra).alternatives()
        except (_Unreadable, RecursionError):
            return None
        if least <= len(text) <= _MAX_LENGTH and compiled.search(text):
            return text
    return None


class _Unreadable(Exception):
    """Syntax this reader does not know"""


@dataclass(slots=True)
class _Reader:
    """Recursive descent: the first alternative, each repeat as few times as allowed (or `extra` times)."""

    pattern: str
    extra: int
    at: int = 0

    def alternatives(self) -> str:
        first = self._sequence()
        while self._next_is("|"):
            self.at += 1
            self._sequence()
        return first

    def _sequence(self) -> str:
        written: list[str] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            written.append(self._repeated(self._atom()))
        return "".join(written)

    def _atom(self) -> str:
        char = self.pattern[self.at]
        self.at += 1
        match char:
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "[":
                return self._set()
            case "(":
                return self._group()
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise _Unreadable
            case _:
                return char

    def _repeated(self, atom: str) -> str:
        least, most = 1, 1
        found = re.compile(r"\{(\d+)(,?)(\d*)\}").match(self.pattern, self.at)
        if found:
            least = int(found.group(1))
            most = int(found.group(3)) if found.group(3) else (least if not found.group(2) else _MAX_LENGTH)
            self.at = found.end()
        elif self.at < len(self.pattern) and self.pattern[self.at] in "*+?":
            least, most = {"*": (0, _MAX_LENGTH), "+": (1, _MAX_LENGTH), "?": (0, 1)}[self.pattern[self.at]]
            self.at += 1
        else:
            return atom
        if self._next_is("?") or self._next_is("+"):
            self.at += 1
        return atom * min(most, max(least, self.extra), _MAX_LENGTH)

    def _set(self) -> str:
        end = self.at + 1 + (self._next_is("^"))
        while end < len(self.pattern) and self.pattern[end] != "]":
            end += 2 if self.pattern[end] == "\\" else 1
        inside = re.compile(f"[{self.pattern[self.at : end]}]")
        self.at = end + 1
        for char in _PREFERRED + "".join(map(chr, range(33, 127))):
            if inside.match(char):
                return char
        raise _Unreadable

    def _group(self) -> str:
        if self._next_is("?"):
            opening = re.compile(r"\?(?::|P?<[A-Za-z_]\w*>)").match(self.pattern, self.at)
            if not opening:
                raise _Unreadable  # look-arounds, flags, references
            self.at = opening.end()
        text = self.alternatives()
        if not self._next_is(")"):
            raise _Unreadable
        self.at += 1
        return text

    def _escape(self) -> str:
        char = self.pattern[self.at]
        self.at += 1
        if char in "bBAZz":
            return ""
        if char in _CLASSES:
            return _CLASSES[char]
        if char.isalnum():
            raise _Unreadable
        return char

    def _next_is(self, char: str) -> bool:
        return self.pattern.startswith(char, self.at)
