"""A command as a process: its event loop, its signals, and how a Problem becomes a line and an exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

import uvloop

from folkmoot.cli.problems import INTERRUPTED, TERMINATED, document, exit_code, sentence
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import dumps


class Signals:
    """The first Ctrl-C or SIGTERM cancels the command's task, so that it may end well; a second Ctrl-C leaves."""

    def __init__(self) -> None:
        self.code = 0
        self.at_once: list[Callable[[], None]] = []

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        loop.add_signal_handler(signal.SIGINT, self._interrupt, task)
        loop.add_signal_handler(signal.SIGTERM, self._end, task, TERMINATED)

    def _interrupt(self, task: asyncio.Task[object]) -> None:
        if self.code:
            for act in self.at_once:
                act()
            os._exit(INTERRUPTED)
        self._end(task, INTERRUPTED)

    def _end(self, task: asyncio.Task[object], code: int) -> None:
        if not self.code:
            self.code = code
            task.cancel()

    def taken(self) -> bool:
        """Whether a cancellation just caught was a signal's; if so it is taken back and the task goes on."""
        task = asyncio.current_task()
        if not self.code or task is None:
            return False
        task.uncancel()
        return True


def go(work: Callable[[Signals], Awaitable[int]], *, is_json: bool = False) -> NoReturn:
    """Run a command to its exit code. With `is_json` a problem is told as JSON too."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_guarded(work, is_json))
    sys.exit(code)


async def _guarded(work: Callable[[Signals], Awaitable[int]], is_json: bool) -> int:
    signals = Signals()
    signals.listen()
    try:
        return await work(signals)
    except Problem as problem:
        sys.stderr.write(f"folkmoot: {sentence(problem)}\n")
        if is_json:
            sys.stdout.write(dumps(document(problem)) + "\n")
        return exit_code(problem)
    except asyncio.CancelledError:
        if not signals.code:
            raise
        return signals.code
