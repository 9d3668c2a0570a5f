"""What is due for agents without anybody asking: heartbeats, the end of their time, what dead processes left."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

from folkmoot.agents import hosting, queries
from folkmoot.agents.lifecycle import Lifecycle
from folkmoot.engine.hosts import HEARTBEAT_SECONDS, silent_hosts
from folkmoot.kernel.clock import now
from folkmoot.kernel.errors import Conflict, NotFound, Unavailable
from folkmoot.kernel.scope import SYSTEM, Scope

LOOK_SECONDS = 1.0

Gone = Callable[[Collection[str]], Awaitable[set[str]]]
"""Answers which of these processes live no more."""

_log = logging.getLogger(__name__)


async def recover(lifecycle: Lifecycle, gone: Gone) -> list[asyncio.Task[None]]:
    """Make true what processes that died have left behind; answers the tasks that take up their agents' work."""
    db, here = lifecycle.db, lifecycle.host.id
    agents = await db.read_long(queries.hosted_agents)
    dead = await gone({agent.host_id for agent in agents if agent.host_id is not None} - {here})
    reviving = []
    for agent in agents:
        if agent.host_id is None or agent.host_id in dead:
            done = await db.write(hosting.recover, agent, dead, lifecycle.process)
            if done is not None:
                reviving.append(lifecycle.supervisor.start(lifecycle.revive(done), f"revive agent {agent.id}"))
    for host_id in sorted(dead):
        await db.write(hosting.give_up, host_id, is_silent=False)
    return reviving


async def watch_forever(lifecycle: Lifecycle) -> None:
    """Every second end agents whose time is over, every 15 say that this process lives."""
    looks = 0
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        looks += 1
        try:
            await expire(lifecycle)
            if looks % int(HEARTBEAT_SECONDS / LOOK_SECONDS) == 0:
                await beat(lifecycle)
        except Unavailable as problem:
            _log.warning("agents are not looked after right now: %s", problem.detail)


async def beat(lifecycle: Lifecycle) -> None:
    """Say that this process lives, give up those that went silent, dismiss who lives elsewhere by now."""
    db, residents = lifecycle.db, lifecycle.residents
    await db.write(hosting.say_alive, lifecycle.host)
    for host in await db.read(silent_hosts):
        if await db.write(hosting.give_up, host.id, is_silent=True):
            _log.warning("process %s has gone silent; its agents are offline", host.id)
    for agent_id in residents.ids():
        async with residents.lock(agent_id):
            row = await db.read(queries.find_instance, agent_id)
            if row is None or row.host_id != lifecycle.host.id:
                await residents.dismiss(agent_id)


async def expire(lifecycle: Lifecycle) -> None:
    """End agents whose time is over as DELETE does; one that takes part in a run is left until that ends."""
    for agent in await lifecycle.db.read(queries.expired_agents, now()):
        try:
            await lifecycle.delete(Scope(agent.workspace_id, agent.project_id, SYSTEM), agent.id)
        except (Conflict, NotFound):
            continue


async def close(lifecycle: Lifecycle, grace_seconds: float) -> None:
    """Shut down what lives here; its stored status stays, so that the next start takes its work up again."""
    await lifecycle.residents.close(grace_seconds)
    try:
        await lifecycle.db.write(hosting.give_up, lifecycle.host.id, is_silent=False)
    except Unavailable as problem:
        _log.warning("the end of this process could not be stored: %s", problem.detail)


@asynccontextmanager
async def looked_after(lifecycle: Lifecycle, gone: Gone, grace_seconds: float, *, works: bool) -> AsyncIterator[None]:
    """From the first heartbeat to the last; one that does not work leaves to others what dead processes left."""
    await lifecycle.db.write(hosting.say_alive, lifecycle.host)
    if works:
        await recover(lifecycle, gone)
    else:
        await gone(())  # asking is what makes this process known as one that lives
    watching = lifecycle.supervisor.start(watch_forever(lifecycle), "look after agents")
    try:
        yield
    finally:
        watching.cancel()
        await close(lifecycle, grace_seconds)
