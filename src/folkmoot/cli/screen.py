"""What a person sees while something runs: lines on stderr, and on a terminal one line that lives below them."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

# C0 and C1 controls but tab and newline, and the marks that reorder text: a model's words must not drive a terminal.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text that is only text, whatever a terminal would make of it."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n"))


def one_line(text: str, limit: int = 300) -> str:
    """The text's words on one line, cut to `limit` characters."""
    words = " ".join(plain(text).split())
    return words if len(words) <= limit else f"{words[: limit - 3]}..."


class Screen:
    """Progress for people. A quiet screen (`--json`) shows nothing but what goes wrong."""

    def __init__(self, stream: TextIO | None = None, *, is_quiet: bool = False) -> None:
        self._console = Console(
            file=stream or sys.stderr, markup=False, highlight=False, emoji=False, soft_wrap=True, quiet=is_quiet
        )
        self._live: Live | None = None
        self._last = ""

    @property
    def is_lively(self) -> bool:
        return self._console.is_terminal and not self._console.quiet

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(plain(text))

    def status(self, text: str) -> None:
        """What is going on now: the living line on a terminal; elsewhere a plain line whenever it changes."""
        text = one_line(text)
        if self._live is not None:
            self._live.update(Spinner("dots", Text(text, no_wrap=True, overflow="ellipsis")))
        elif text != self._last and not self.is_lively:
            self._console.print(text)
        self._last = text

    def passing(self, text: str) -> None:
        """What is true for a moment only: shown on a terminal, not worth a line elsewhere."""
        if self._live is not None:
            self.status(text)

    @contextmanager
    def living(self) -> Iterator[None]:
        if not self.is_lively:
            yield
            return
        with Live(console=self._console, refresh_per_second=8, transient=True) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def leave_at_once(self) -> None:
        """Give the terminal its cursor back, on the way out that unwinds nothing."""
        if self._live is not None:
            self._console.show_cursor(True)
