"""The one place that starts tasks: it keeps a reference to each, logs what they raise, ends them together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

from folkmoot.kernel.errors import Unavailable

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Supervisor:
    """Owner of background tasks. A task that raises is logged and forgotten; it never takes another down."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def start(self, work: Coroutine[object, object, T], name: str) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("task %s failed", task.get_name(), exc_info=error)

    def cancel(self) -> None:
        """Ask everything that still runs to end."""
        for task in self._others():
            task.cancel()

    async def stop(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        self.cancel()
        await asyncio.gather(*self._others(), return_exceptions=True)

    def _others(self) -> list[asyncio.Task[object]]:
        return [task for task in self._tasks if task is not asyncio.current_task()]


async def every(seconds: float, work: Callable[[], Awaitable[None]], name: str) -> None:
    """Do this at once and again and again; what is unavailable now is tried the next time."""
    while True:
        try:
            await work()
        except Unavailable as problem:
            _log.warning("%s has to wait: %s", name, problem.detail)
        await asyncio.sleep(seconds)
