"""Whoever listened to a signal before still hears it."""

import signal
from types import FrameType

import pytest

from folkmoot.kernel.signals import when_asked_to_end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_hear_it_and_the_old_handler_comes_back(number: signal.Signals) -> None:
    heard: list[str] = []

    def before(_: int, __: FrameType | None) -> None:
        heard.append("before")

    original = signal.signal(number, before)
    try:
        with when_asked_to_end(lambda: heard.append("we")):
            signal.raise_signal(number)
        assert heard == ["we", "before"]
        assert signal.getsignal(number) is before
        signal.raise_signal(number)
        assert heard == ["we", "before", "before"]
    finally:
        signal.signal(number, original)
