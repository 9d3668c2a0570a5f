"""Who is in a room, seen from two servers: also when one of them is killed."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from folkmoot.kernel.json import JsonObject
from tests.system.installation import default_workspace, two_servers
from tests.system.office import opened
from tests.system.server import Api

pytestmark = pytest.mark.postgres


async def presence(socket: aiohttp.ClientWebSocketResponse) -> JsonObject:
    """The next frame that says who has come or gone."""
    while True:
        frame: JsonObject = await socket.receive_json()
        if frame.get("type") == "presence":
            return frame


def people(frame: JsonObject) -> set[str]:
    here = frame["here"]
    assert isinstance(here, list)
    return {str(person["user_id"]) for person in here if isinstance(person, dict)}


async def test_a_server_that_is_killed(tmp_path: Path, own_postgres_url: str) -> None:
    async with (
        asyncio.timeout(90),
        two_servers(tmp_path, DATABASE_URL=own_postgres_url) as (one, other),
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        office = await opened(http, one.address, await default_workspace(Api(one, http)))
        bob, headers = await office.admit("bob")
        room = (await office.call("POST", "/api/rooms", office.headers, {"name": "Harbour"}))["id"]
        path = f"/api/rooms/{room}"
        await office.call("POST", f"{path}/members", office.headers, {"user_id": bob})
        async with http.ws_connect(f"{one.address}/ws/rooms/{room}", headers=office.headers) as hers:
            assert len(people(await presence(hers))) == 1
            his = await http.ws_connect(f"{other.address}/ws/rooms/{room}", headers=headers)
            assert people(await presence(hers)) == {bob}
            for server in (one, other):
                async with http.get(f"{server.address}{path}/presence", headers=headers) as answer:
                    assert len((await answer.json())["people"]) == 2
            await other.kill()
            assert (await presence(hers))["gone"] == [bob]
            await his.close()
