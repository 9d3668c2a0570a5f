"""Hearing: that there is news, that the process is asked to end, whoever else listens."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ASKED = (signal.SIGINT, signal.SIGTERM)


async def news_within(news: asyncio.Event, seconds: float | None) -> None:
    """Until there is news, or it is time to look without; clears it. A third of what a timeout costs."""
    alarm = None if seconds is None else asyncio.get_running_loop().call_later(seconds, news.set)
    try:
        await news.wait()
    finally:
        if alarm is not None:
            alarm.cancel()
    news.clear()


@contextmanager
def when_asked_to_end(call: Callable[[], None]) -> Iterator[None]:
    """Call it at SIGINT and SIGTERM, then whoever listened before; outside the main thread, never.

    A server waits for its open connections before it ends the application, so those that never end
    by themselves must be told by the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ASKED}

    def asked(number: int, frame: FrameType | None) -> None:
        call()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:
            signal.default_int_handler(number, frame)

    for number in _ASKED:
        signal.signal(number, asked)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is asked:
                signal.signal(number, handler)
