"""Calls of functions that may block for as long as they like: each in a daemon thread, which holds up no shutdown."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread

Ended = tuple[object, BaseException | None]


async def in_thread(function: Callable[[], object]) -> object:
    """What it returns; raises what it raises, a RuntimeError where that is no Exception.

    A caller that is cancelled leaves it to end by itself.
    """
    future: Future[Ended] = Future()
    future.set_running_or_notify_cancel()  # from here on nobody can cancel it
    context = copy_context()
    Thread(target=lambda: future.set_result(context.run(_attempt, function)), name="function", daemon=True).start()
    value, error = await asyncio.wrap_future(future)
    if isinstance(error, Exception):
        raise error
    if error is not None:
        raise RuntimeError(repr(error)) from error
    return value


def _attempt(function: Callable[[], object]) -> Ended:
    """An exception as a value: a future refuses some of them, and then nobody would ever hear of it."""
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001 the last line of a thread that is not ours
        return None, error
