"""A line while it is typed: pure, of the bytes that a terminal sends for keys to the text and its cursor.

The library that others use for this draws by itself, and cannot be told that something was printed above its line.
"""

import codecs
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from rich.cells import cell_len

Complete = Callable[[str], Sequence[str]]
"""The words that one which was begun may become; it begins with @, or as the first one of a line with a slash."""

_KEY = re.compile(
    r"\x1b\[200~(?P<pasted>.*?)\x1b\[201~|\x1b\[(?!200~)[0-9;?]*[@-~]|\x1bO[A-Za-z]|\x1b[^\[O]|[^\x1b]", re.DOTALL
)
_BEGUN = re.compile(r"(?:^|(?<=\s))@[\w-]*$|^/\w*$")
_WORD = re.compile(r"\S*\s*$")
_KEPT_LINES = 500
_RETURN = "\u21b5"


class Left(Enum):
    """How somebody says that he goes: Ctrl-D, or Ctrl-C where nothing was typed."""

    END = "end"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Choice:
    """Several words that are meant by what was typed."""

    words: Sequence[str]


@dataclass
class Line:
    """`before` and `after` are the text on both sides of the cursor."""

    complete: Complete
    before: str = ""
    after: str = ""
    _kept: list[str] = field(default_factory=list)
    _place: int = 0
    _rest: str = ""
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )

    @property
    def text(self) -> str:
        return self.before + self.after

    def feed(self, raw: bytes) -> Iterator[str | Left | Choice]:
        """What the keys come to: lines that are done, choices, and going. A key that came in part is waited for."""
        self._rest += self._decoder.decode(raw)
        while (found := _KEY.match(self._rest)) is not None:
            self._rest = self._rest[found.end() :]
            pasted = found["pasted"]
            if pasted is not None:
                self.before += pasted.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
            else:
                yield from self._press(found[0])

    def window(self, width: int) -> tuple[str, str, str]:
        """What of it fits into so many cells: before the cursor, under it, behind it."""
        at = _shown(self.after[:1]) or " "
        left = _fit(_shown(self.before)[::-1], width - cell_len(at))[::-1]
        return left, at, _fit(_shown(self.after[1:]), width - cell_len(left + at))

    def _press(self, key: str) -> Iterator[str | Left | Choice]:
        match key:
            case "\r" | "\n":
                yield from self._done()
            case "\t":
                yield from self._completed()
            case "\x03" if not self.text:
                yield Left.CANCEL
            case "\x04" if not self.text:
                yield Left.END
            case "\x03":
                self._become("")
            case _ if key in _KEYS:
                _KEYS[key](self)
            case _ if key.isprintable():
                self.before += key

    def _done(self) -> Iterator[str]:
        text = self.text
        self._become("")
        if text.strip():
            if self._kept[-1:] != [text]:
                self._kept = [*self._kept, text][-_KEPT_LINES:]
            self._place = len(self._kept)
            yield text

    def _completed(self) -> Iterator[Choice]:
        begun = _BEGUN.search(self.before)
        words = sorted(word for word in self.complete(begun[0]) if word.startswith(begun[0])) if begun else []
        if begun is None or not words:
            return
        common = os.path.commonprefix(words)  # noqa: RUF071 characters are meant
        self.before = self.before[: begun.start()] + common + (" " if len(words) == 1 else "")
        if len(words) > 1 and common == begun[0]:
            yield Choice(words)

    def _become(self, text: str) -> None:
        self.before, self.after, self._place = text, "", len(self._kept)

    def _recall(self, step: int) -> None:
        """Another line of those that were typed before; past the newest is an empty one."""
        place = min(max(self._place + step, 0), len(self._kept))
        self._become(self._kept[place] if place < len(self._kept) else "")
        self._place = place

    def _move(self, place: int) -> None:
        text = self.text
        self.before, self.after = text[: max(place, 0)], text[max(place, 0) :]

    def _erase_word(self) -> None:
        self.before = _WORD.sub("", self.before.rstrip())


def _set(name: str, of: Callable[[Line], str]) -> Callable[[Line], None]:
    return lambda line: setattr(line, name, of(line))


_KEYS: dict[str, Callable[[Line], None]] = {
    **dict.fromkeys(("\x7f", "\x08"), _set("before", lambda line: line.before[:-1])),
    **dict.fromkeys(("\x04", "\x1b[3~"), _set("after", lambda line: line.after[1:])),
    "\x0b": _set("after", lambda _: ""),
    "\x15": _set("before", lambda _: ""),
    "\x17": Line._erase_word,
    **dict.fromkeys(("\x01", "\x1b[H", "\x1bOH", "\x1b[1~"), lambda line: line._move(0)),
    **dict.fromkeys(("\x05", "\x1b[F", "\x1bOF", "\x1b[4~"), lambda line: line._move(len(line.text))),
    **dict.fromkeys(("\x02", "\x1b[D", "\x1bOD"), lambda line: line._move(len(line.before) - 1)),
    **dict.fromkeys(("\x06", "\x1b[C", "\x1bOC"), lambda line: line._move(len(line.before) + 1)),
    **dict.fromkeys(("\x10", "\x1b[A", "\x1bOA"), lambda line: line._recall(-1)),
    **dict.fromkeys(("\x0e", "\x1b[B", "\x1bOB"), lambda line: line._recall(1)),
}
"""Keys as Emacs and readline have them, and the arrows."""


def _shown(text: str) -> str:
    """On one row, whatever was pasted."""
    return "".join(_RETURN if one == "\n" else one if one.isprintable() else " " for one in text)


def _fit(text: str, width: int) -> str:
    """As much of its beginning as so many cells hold."""
    taken = 0
    for place, one in enumerate(text):
        taken += cell_len(one)
        if taken > width:
            return text[:place]
    return text
