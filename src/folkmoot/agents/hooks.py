"""Calling code that is not ours: a class of agents, in bounded time, whatever it does."""

import asyncio
import inspect
import logging
from collections.abc import Callable

from folkmoot.kernel.json import clean_text
from folkmoot.kernel.supervisor import Supervisor

HOOK_SECONDS = 30.0
_CHARACTERS = 2000

_log = logging.getLogger(__name__)


async def call_foreign(supervisor: Supervisor, name: str, call: Callable[[], object], seconds: float) -> str | None:
    """Call it, and await what it answers where that can be; answers what went wrong, None where nothing did.

    What takes longer is cancelled and not waited for: it could refuse to end.
    """
    running = supervisor.start(_attempt(name, call), name)
    try:
        await asyncio.wait({running}, timeout=seconds)
    except asyncio.CancelledError:
        running.cancel()
        raise
    if not running.done():
        running.cancel()
        return f"{name}: took longer than {seconds:g} s"
    return f"{name}: was cancelled" if running.cancelled() else running.result()


async def _attempt(name: str, call: Callable[[], object]) -> str | None:
    try:
        answer = call()
        if inspect.isawaitable(answer):
            await answer
    except (Exception, SystemExit) as error:  # noqa: BLE001 the border to a class of somebody else's
        _log.warning("%s failed", name, exc_info=error)
        return clean_text(f"{name}: {type(error).__name__}: {error}")[:_CHARACTERS]
    return None
