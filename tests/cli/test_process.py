"""A command under Ctrl-C and SIGTERM: ends well on the first, at once on the second."""

import signal
import subprocess
import sys

import pytest

from tests.cli.terminal import until

_COMMAND = """
import asyncio, sys
from folkmoot.cli.process import go

async def work(signals):
    print("working", flush=True)
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        {on_signal}
    return 7

go(work)
"""
_ENDS_WELL = 'assert signals.taken(); await asyncio.sleep(0.01); print("ended well", signals.code); return 5'
_PASSES_ON = "raise"
_HANGS = 'signals.taken(); print("working", flush=True); await asyncio.sleep(30)'


@pytest.mark.parametrize(
    ("on_signal", "sent", "code", "out"),
    [
        (_ENDS_WELL, [signal.SIGINT], 5, "ended well 130\n"),
        (_ENDS_WELL, [signal.SIGTERM], 5, "ended well 143\n"),
        (_PASSES_ON, [signal.SIGINT], 130, ""),
        (_PASSES_ON, [signal.SIGTERM], 143, ""),
        (_HANGS, [signal.SIGINT, signal.SIGINT], 130, ""),
    ],
)
@pytest.mark.system
def test_signals(on_signal: str, sent: list[signal.Signals], code: int, out: str) -> None:
    program = _COMMAND.format(on_signal=on_signal)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as started:
        for number in sent:
            until(started.stdout, "working")
            started.send_signal(number)
        printed, _ = started.communicate(timeout=20)
    assert (started.returncode, printed) == (code, out)
