"""What comes from stdin, by a thread of its own: nothing else can wait for a terminal, a pipe and a file alike."""

import asyncio
import os
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

_LONGEST = 65_536
_OFF = b"\x00"
_LOCAL, _CHARACTERS = 3, 6
"""Places in what termios gives."""


def read_on(descriptor: int, take: Callable[[bytes], None]) -> None:
    """Call `take` in this event loop with what comes, at last with nothing. The thread ends with the process."""
    loop = asyncio.get_running_loop()
    Thread(target=_read, args=(descriptor, loop, take), name="stdin", daemon=True).start()


def _read(descriptor: int, loop: asyncio.AbstractEventLoop, take: Callable[[bytes], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody listens any more
        while True:
            try:
                raw = os.read(descriptor, _LONGEST)
            except OSError:  # the terminal is gone
                raw = b""
            loop.call_soon_threadsafe(take, raw)
            if not raw:
                return


@contextmanager
def key_by_key(descriptor: int) -> Iterator[Callable[[], None]]:
    """The terminal gives each key as it is pressed, Ctrl-C too, and shows none; what is given makes it as before."""
    before = termios.tcgetattr(descriptor)
    mode = termios.tcgetattr(descriptor)
    mode[_LOCAL] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    for key in (termios.VINTR, termios.VSUSP):
        mode[_CHARACTERS][key] = _OFF
    mode[_CHARACTERS][termios.VMIN], mode[_CHARACTERS][termios.VTIME] = 1, 0

    def restore() -> None:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)
    try:
        yield restore
    finally:
        restore()
