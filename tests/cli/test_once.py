"""What is sent again under its key is waited for while it is being carried out, whichever command sends it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from folkmoot.cli import client as calls
from folkmoot.cli.client import Client, client_at
from folkmoot.cli.problems import Refused, document
from folkmoot.cli.run import start
from folkmoot.cli.screen import Screen


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_FIRST_DELAY_SECONDS", 0)


@dataclass
class Wire:
    """A server that refuses runs with these codes, one after the other, before it has one; the first call may hang."""

    codes: list[str] = field(default_factory=list)
    hangs: bool = False
    keys: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Client]:
        app = web.Application()
        app.router.add_post("/api/runs", self.runs)
        app.router.add_post("/{path:.*}", self.anything)
        async with TestServer(app) as server, client_at(str(server.make_url("/"))) as client:
            yield client

    async def runs(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Idempotency-Key"))
        assert (await request.json())["task_id"] == "t"
        self.reached.set()
        if self.hangs and len(self.keys) == 1:
            await asyncio.Event().wait()
        if self.codes:
            return web.json_response({"code": self.codes.pop(0)}, status=409)
        return web.json_response({"id": "r"}, status=202)

    async def anything(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        return web.json_response({"id": "t"}, status=201)


async def test_a_call_waits_for_the_first_of_its_key() -> None:
    wire = Wire(["key_in_use"] * 3)
    async with wire.connected() as client:
        assert await client.post("/api/runs", {"task_id": "t"}, "k1") == {"id": "r"}
    assert wire.keys == ["k1"] * 4


@pytest.mark.parametrize("code", ["key_reused", "task_is_live"])
async def test_what_will_be_refused_again_is_not_sent_again(code: str) -> None:
    wire = Wire(["key_in_use", code, "key_in_use"])
    async with wire.connected() as client:
        with pytest.raises(Refused) as raised:
            await client.post("/api/runs", {"task_id": "t"}, "k1")
    assert (document(raised.value)["code"], wire.keys) == (code, ["k1"] * 2)


async def test_nobody_waits_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_TRIES", 4)
    wire = Wire(["key_in_use"] * 9)
    async with wire.connected() as client:
        with pytest.raises(Refused) as raised:
            await client.post("/api/runs", {"task_id": "t"}, "k1")
    assert (document(raised.value)["code"], len(wire.keys)) == ("key_in_use", 5)


async def test_a_run_that_is_being_started_is_cancelled_once_it_is_there() -> None:
    """`folkmoot run`, interrupted before it knows of its run."""
    wire = Wire(["key_in_use"] * 2, hangs=True)
    async with wire.connected() as client:
        begun = asyncio.create_task(start(client, Screen(is_quiet=True), {"name": "n"}, []))
        await wire.reached.wait()
        begun.cancel()
        with pytest.raises(asyncio.CancelledError):
            await begun
    assert wire.paths == ["/api/tasks", "/api/runs/r/cancel"]
    assert len(wire.keys) == 4
    assert len({*wire.keys}) == 1
