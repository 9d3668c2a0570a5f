"""From a run that was started or resumed to the exit code: follow it, and on Ctrl-C cancel it cleanly."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from folkmoot.cli.client import Client
from folkmoot.cli.connection import connect
from folkmoot.cli.follow import FINAL, Follower
from folkmoot.cli.outcome import code_after_interrupt, code_of, deliver
from folkmoot.cli.problems import INTERRUPTED, Refused
from folkmoot.cli.process import Signals
from folkmoot.cli.progress import Progress
from folkmoot.cli.screen import Screen
from folkmoot.cli.text import status_of
from folkmoot.kernel.json import JsonObject

_CANCEL_WAIT_SECONDS = 30


class Wish(NamedTuple):
    """How the result is wanted."""

    out: Path | None
    is_json: bool


async def watch(signals: Signals, wish: Wish, begin: Callable[[Client, Screen], Awaitable[JsonObject]]) -> int:
    """Connect, begin a run (`begin` answers it) and follow it to where it rests. The exit code."""
    screen = Screen(is_quiet=wish.is_json)
    signals.at_once.append(screen.leave_at_once)
    async with connect(screen, signals, works=True) as client:
        run = await begin(client, screen)
        run_id = str(run["id"])
        screen.say(f"run {run_id}")
        follower = Follower(client, run_id, Progress(screen))
        try:
            with screen.living():
                run = await follower.to_rest()
        except asyncio.CancelledError:
            if not signals.taken():
                raise
            return await _interrupted(client, screen, signals, run_id)
        await deliver(client, run, wish.out, is_json=wish.is_json)
        if status_of(run) not in FINAL:
            screen.say(f"The run stands still; go on with: folkmoot resume {run_id}")
        return code_of(run)


async def _interrupted(client: Client, screen: Screen, signals: Signals, run_id: str) -> int:
    """Ctrl-C cancels the run and waits for its end; SIGTERM only lets go of it."""
    if signals.code != INTERRUPTED:
        screen.say(f"stopped; the run is kept, go on with: folkmoot resume {run_id}")
        return signals.code
    screen.say("cancelling; Ctrl-C again leaves at once")
    try:
        await client.post(f"/api/runs/{run_id}/cancel")
    except Refused:
        # It ended in the meantime, which the next call shows.
        screen.say("the run has ended already")
    run = await client.get(f"/api/runs/{run_id}/wait", timeout=_CANCEL_WAIT_SECONDS)
    screen.say(f"{status_of(run)}; run {run_id}")
    return code_after_interrupt(run)
