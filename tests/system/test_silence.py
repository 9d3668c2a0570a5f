"""Clients that follow and never read: they cost the server little, the others nothing, and miss nothing themselves."""

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from time import perf_counter

import aiohttp
import pytest

from folkmoot.kernel.json import JsonObject
from tests.realtime.listener import LEFT_OPEN, collected
from tests.system.followers import (
    Follow,
    Follower,
    all_have,
    by_bare_socketio,
    by_client,
    by_socketio,
    by_websocket,
    following,
)
from tests.system.installation import default_workspace, hire
from tests.system.server import Api, Server, server

__all__ = ["collected"]

pytestmark = [
    LEFT_OPEN,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from outside on Linux only"),
]

SILENT: Sequence[Follow] = [by_websocket] * 10 + [by_bare_socketio] * 10
READERS: Sequence[Follow] = [by_websocket, by_client, by_socketio] * 2
SPEAKERS = 4
CUT, WHOLE = (300, 64_000), (600, 15_500)
"""Messages and the size of each. An event holds 16 KB, so what is larger is cut in it; as many bytes follow uncut
in messages from agent to agent, each of which is told twice.
"""
MEMORY = 100 * 1024**2
IN_TIME_SECONDS = 2.0

_log = logging.getLogger(__name__)


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """The default workspace is for this test."""
    return own_database_url


async def test_who_takes_nothing_costs_nothing(database_url: str, tmp_path: Path) -> None:
    async with (
        asyncio.timeout(100),
        server(tmp_path, DATABASE_URL=database_url, DEFAULT_MODEL="practice") as served,
        aiohttp.ClientSession() as http,
    ):
        api = Api(served, http)
        place, ada, bob = await default_workspace(api), await hire(api, "Ada"), await hire(api, "Bob")
        readers, silent = [Follower(place) for _ in READERS], [Follower(place) for _ in SILENT]
        for follower in silent:
            follower.reads.clear()
        everybody = zip((*readers, *silent), (*READERS, *SILENT), strict=True)
        async with following(*((follower, follow, served.address) for follower, follow in everybody)):
            before = served.resident_bytes()
            most = await speak(served, api, ada, {"direction": "inbound"}, *CUT)
            most = max(most, await speak(served, api, ada, {"to_agent_id": bob}, *WHOLE))
            newest = await latest(api)
            await all_have(readers, newest)
            most = max(most, served.resident_bytes())
            heard_in_silence = max(follower.last for follower in silent)
            for follower in silent:
                follower.reads.set()
            await all_have(silent, newest)
    assert heard_in_silence < newest // 2
    assert newest > 2 * CUT[0] + 4 * WHOLE[0]
    whole = readers[0].held
    assert [seq for seq, _ in whole] == list(range(1, newest + 1))
    for follower in (*readers, *silent):
        assert (follower.held == whole, follower.jumps, follower.was_reset) == (True, [], False)
    p99 = quantiles([late for follower in readers for late in follower.late], n=100)[98]
    _log.info("memory grew by %.0f MB, the others heard within %.3f s (p99)", (most - before) / 1024**2, p99)
    assert most - before <= MEMORY
    assert p99 < IN_TIME_SECONDS


async def speak(served: Server, api: Api, agent_id: str, how: JsonObject, count: int, size: int) -> int:
    """So many messages of a size; answers the most memory that the server had meanwhile."""
    numbers, seen = iter(range(count)), [0]

    async def speaker() -> None:
        for _ in numbers:
            payload: JsonObject = {"sent_at": perf_counter(), "text": "x" * size}
            message = await api.post(f"/api/agents/{agent_id}/messages", {**how, "payload": payload})
            assert message is not None
            assert "id" in message, message
            seen.append(served.resident_bytes())

    await asyncio.gather(*(speaker() for _ in range(SPEAKERS)))
    return max(seen)


async def latest(api: Api) -> int:
    page = await api.get("/api/events?limit=1")
    assert page is not None
    return int(str(page["latest"]))
