"""The two faces of a chat: a terminal, where a line is typed below what comes, and plain lines for all else."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from folkmoot.cli.chat_keys import key_by_key, read_on
from folkmoot.cli.chat_line import Choice, Complete, Left, Line
from folkmoot.cli.printing import print_json, print_text
from folkmoot.cli.process import Signals
from folkmoot.cli.room_text import said, sender_of, text_of
from folkmoot.cli.screen import Screen, plain
from folkmoot.kernel.json import JsonObject

_PROMPT = "> "
_LIVE_ROWS = 8
_LIVE_CHARACTERS = 4000
_PASTES_ON, _PASTES_OFF = "\x1b[?2004h", "\x1b[?2004l"


class Face(Protocol):
    """`typed` are lines in order, at last how it was left; `cancelled` is set where that is to be at once."""

    is_lively: bool
    typed: asyncio.Queue[str | Left]
    cancelled: asyncio.Event

    def open(self, complete: Complete) -> AbstractContextManager[None]: ...

    def said(self, message: JsonObject) -> None: ...

    def note(self, text: str) -> None: ...

    def speaks(self, name: str | None, text: str = "") -> None:
        """Who is about to say what; None once nobody is."""


class PlainFace:
    """Messages on stdout, one after the other or as a JSON object each; what else happens on stderr."""

    is_lively = False

    def __init__(self, *, is_json: bool) -> None:
        self.typed = asyncio.Queue[str | Left]()
        self.cancelled = asyncio.Event()
        self._screen = Screen(is_quiet=is_json)
        self._is_json = is_json
        self._rest = b""
        self._speaker: str | None = None

    @contextmanager
    def open(self, _: Complete) -> Iterator[None]:
        read_on(sys.stdin.fileno(), self._take)
        yield

    def said(self, message: JsonObject) -> None:
        if self._is_json:
            print_json(message)
        else:
            print_text(said(message))
        sys.stdout.flush()

    def note(self, text: str) -> None:
        self._screen.say(text)

    def speaks(self, name: str | None, text: str = "") -> None:
        if name is not None and name != self._speaker:
            self._screen.say(f"{name} is speaking")
        self._speaker = name

    def _take(self, raw: bytes) -> None:
        *lines, self._rest = (self._rest + (raw or b"\n")).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").rstrip("\r")
            if text.strip():
                self.typed.put_nowait(text)
        if not raw:
            self.typed.put_nowait(Left.END)


class LiveFace:
    """The last rows of the terminal are what is being said and what is being typed; above them all stays."""

    is_lively = True

    def __init__(self, console: Console, signals: Signals) -> None:
        self.typed = asyncio.Queue[str | Left]()
        self.cancelled = asyncio.Event()
        self._console = console
        self._line = Line(lambda _: ())
        self._signals = signals
        self._speaking = ""
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)

    @contextmanager
    def open(self, complete: Complete) -> Iterator[None]:
        self._line = Line(complete)
        with key_by_key(sys.stdin.fileno()) as restore, self._pasted_whole(), self._live:
            self._signals.at_once.append(restore)
            read_on(sys.stdin.fileno(), self.take)
            self._paint()
            try:
                yield
            finally:
                self._live.update(Text(""))

    def said(self, message: JsonObject) -> None:
        self._console.print(Text.assemble((sender_of(message), "bold"), " ", text_of(message)))

    def note(self, text: str) -> None:
        self._console.print(Text(plain(text), style="dim"))

    def speaks(self, name: str | None, text: str = "") -> None:
        self._speaking = "" if name is None else f"{name}: {text}" if text else f"{name} is speaking"
        self._paint()

    def take(self, raw: bytes) -> None:
        """What was typed."""
        for found in self._line.feed(raw) if raw else (Left.END,):
            match found:
                case Choice(words):
                    self.note("  ".join(words))
                case Left.CANCEL:
                    self.cancelled.set()
                case _:
                    self.typed.put_nowait(found)
        self._paint()

    @contextmanager
    def _pasted_whole(self) -> Iterator[None]:
        """What is pasted is marked as such, so that its lines are not taken for lines that were typed."""
        self._console.file.write(_PASTES_ON)
        try:
            yield
        finally:
            self._console.file.write(_PASTES_OFF)
            self._console.file.flush()

    def _paint(self) -> None:
        width = self._console.width
        left, at, right = self._line.window(width - len(_PROMPT) - 1)
        rows = Text(plain(self._speaking)[-_LIVE_CHARACTERS:], style="dim").wrap(self._console, width)[-_LIVE_ROWS:]
        typed = Text.assemble((_PROMPT, "bold"), left, (at, "reverse"), right, no_wrap=True, overflow="crop")
        self._live.update(Group(*(rows if self._speaking else ()), typed), refresh=True)
