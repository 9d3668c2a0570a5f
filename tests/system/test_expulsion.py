"""Whoever may no longer be there is cut off within a second, by whatever he follows, at every server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import aiohttp
import pytest

from tests.realtime.listener import LEFT_OPEN, collected, listening_to
from tests.system.installation import default_workspace, two_servers
from tests.system.office import Headers, opened
from tests.system.server import Api

__all__ = ["collected"]

pytestmark = [LEFT_OPEN, pytest.mark.postgres]

WITHIN_SECONDS = 2.0
"""The promise is one; the other is for a machine that does something else too."""


@dataclass(eq=False)
class Visit:
    """Something that somebody follows: how it ended, and when."""

    is_in: asyncio.Event = field(default_factory=asyncio.Event)
    end: str | None = None
    ended_at: float = 0.0


async def follow_by_websocket(visit: Visit, address: str, headers: Headers) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{address}/ws/events", headers=headers) as opened:
        async for _ in opened:
            visit.is_in.set()
        visit.end = str(opened.close_code)


async def follow_by_stream(visit: Visit, address: str, headers: Headers) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/api/events/stream", headers=headers) as answer:
        async for _ in answer.content:
            visit.is_in.set()
        visit.end = "over"


async def follow_by_socketio(visit: Visit, address: str, headers: Headers) -> None:
    async with listening_to(address.removeprefix("http://"), headers=headers) as listener:
        visit.is_in.set()
        await listener.gone.wait()
        visit.ended_at = monotonic()
        visit.end = str(listener.all("error")[-1]["error"])


FOLLOWS: list[Callable[[Visit, str, Headers], Coroutine[object, object, None]]] = [
    follow_by_websocket,
    follow_by_stream,
    follow_by_socketio,
]
LOGGED_OUT = {"4401", "over", "No longer logged in"}
NOT_A_MEMBER = {"4403", "over", "No longer a member of the workspace"}


@asynccontextmanager
async def following(addresses: list[str], headers: Headers) -> AsyncIterator[list[Visit]]:
    """By everything, everywhere."""
    visits = list[Visit]()

    async def go(visit: Visit, address: str, number: int) -> None:
        await FOLLOWS[number](visit, address, headers)
        visit.ended_at = visit.ended_at or monotonic()

    async with asyncio.TaskGroup() as group:
        for address in addresses:
            for number in range(len(FOLLOWS)):
                visits.append(Visit())
                group.create_task(go(visits[-1], address, number))
        for visit in visits:
            await visit.is_in.wait()
        yield visits


async def test_cut_off_everywhere(tmp_path: Path, own_postgres_url: str) -> None:
    async with (
        asyncio.timeout(60),
        two_servers(tmp_path, DATABASE_URL=own_postgres_url) as both,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        office = await opened(http, both[0].address, await default_workspace(Api(both[0], http)))
        addresses = [served.address for served in both]
        _, out = await office.admit("out")
        removed_id, removed = await office.admit("removed")
        _, session = await office.admit("revoked")
        key = await office.call("POST", "/api/api-keys", session, {"name": "test", "scopes": ["read"]})
        by_key = {"X-API-Key": str(key["key"]), "X-Workspace-Id": office.workspace_id}
        member = f"/api/workspaces/{office.workspace_id}/members/{removed_id}"
        async with following(addresses, session) as others:
            for headers, call, words in (
                (out, ("POST", "/api/logout", out), LOGGED_OUT),
                (removed, ("DELETE", member, office.headers), NOT_A_MEMBER),
                (by_key, ("DELETE", f"/api/api-keys/{key['id']}", session), LOGGED_OUT),
            ):
                async with following(addresses, headers) as visits:
                    await office.call(*call)
                    done_at = monotonic()
                assert {visit.end for visit in visits} == words
                assert max(visit.ended_at for visit in visits) - done_at < WITHIN_SECONDS
            assert {visit.end for visit in others} == {None}
            await office.call("POST", "/api/logout", session)
