"""Racing: a connection's work runs until it is done or its peer is gone, whichever is first."""

import asyncio
from collections.abc import Coroutine

from starlette.types import Receive

from folkmoot.kernel.supervisor import Supervisor


async def race(supervisor: Supervisor, *works: Coroutine[object, object, None]) -> None:
    """Run all of them; when one ends, end the others. Raises what the first to end raised."""
    tasks = [supervisor.start(work, "connection") for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if task in done:
            task.result()


async def gone(receive: Receive) -> None:
    """Until the peer has left; what it sends is ignored."""
    while (await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        continue
