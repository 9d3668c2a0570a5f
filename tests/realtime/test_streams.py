"""/api/events/stream: the same as /ws/events for whoever has only HTTP, with Last-Event-ID."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from folkmoot.kernel.json import JsonObject, dumps, loads
from tests.databases import new_scope
from tests.realtime.wire import Wire, note_of


@asynccontextmanager
async def stream(wire: Wire, query: str = "", **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
    named = {"X-Workspace-Id": wire.scope.workspace_id, **headers}
    address = f"http://{wire.place}/api/events/stream{query}"
    async with aiohttp.ClientSession() as http, http.get(address, headers=named) as answer:
        yield answer


async def event(answer: aiohttp.ClientResponse) -> tuple[str, str, JsonObject]:
    """Name, id and data of the next one."""
    fields: dict[str, str] = {}
    async with asyncio.timeout(10):
        while line := (await answer.content.readline()).decode().strip():
            name, _, value = line.partition(": ")
            fields[name] = value
    data = loads(fields["data"])
    assert isinstance(data, dict)
    return fields["event"], fields["id"], data


async def test_from_a_cursor_and_on(wire: Wire) -> None:
    await wire.say(1, 2, 3)
    async with stream(wire, "?after=1") as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        name, id, data = await event(answer)
        assert (name, id, data["after"], data["latest"]) == ("subscribed", "1", 1, 3)
        assert [(await event(answer))[1] for _ in range(2)] == ["2", "3"]
        await wire.say(4)
        name, id, data = await event(answer)
        assert (name, id, note_of(data)) == ("resource_changed", "4", 4)
    async with stream(wire, "?after=1", **{"Last-Event-ID": "3"}) as answer:
        assert (await event(answer))[2]["after"] == 3
        assert note_of((await event(answer))[2]) == 4


async def test_only_what_is_new(wire: Wire) -> None:
    await wire.say(1)
    async with stream(wire) as answer:
        assert (await event(answer))[:2] == ("subscribed", "1")
        await wire.say(2)
        assert note_of((await event(answer))[2]) == 2


async def test_several_workspaces(wire: Wire) -> None:
    other = await wire.app.state.runtime.db.write(new_scope)
    await wire.say(1)
    ids = [wire.scope.workspace_id, other.workspace_id]
    query = "?channels=" + ",".join(f"workspace:{id}" for id in ids)
    async with stream(wire, f"{query}&after={dumps(dict.fromkeys(ids, 0))}") as answer:
        assert loads((await event(answer))[1]) == dict.fromkeys(ids, 0)
        assert loads((await event(answer))[1]) == {ids[0]: 1, ids[1]: 0}
        await wire.say(2, scope=other)
        last = (await event(answer))[1]
    assert loads(last) == {ids[0]: 1, ids[1]: 1}
    async with stream(wire, query, **{"Last-Event-ID": last}) as answer:
        await event(answer)
        await wire.say(3)
        assert note_of((await event(answer))[2]) == 3


async def test_refused(wire: Wire) -> None:
    for query, status, code in (
        ("?channels=x", 422, "bad_channel"),
        ("?channels=run:x", 404, "no_such_run"),
        ("?after=x", 422, "bad_cursor"),
        ("?channels=all&after=3", 422, "bad_cursor"),
    ):
        async with stream(wire, query) as answer:
            assert (answer.status, (await answer.json())["code"]) == (status, code)
