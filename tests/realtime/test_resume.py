"""Resuming: wherever a client is cut off it goes on without a gap or a double, and is told where that cannot be."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from websockets.exceptions import ConnectionClosed

from folkmoot.accounts.sessions import revoke_family
from folkmoot.db.tx import Tx
from folkmoot.events.retention import Retention, prune
from folkmoot.events.tables import Event
from folkmoot.kernel.clock import now
from folkmoot.kernel.json import JsonObject, dumps
from folkmoot.kernel.scope import Role
from folkmoot.workspaces.tables import Membership
from tests.databases import new_scope
from tests.persons import admit, enrol
from tests.realtime.wire import Wire, ended, note_of, receive, receive_all
from tests.serving import client_of, listening, running, settings_for
from tests.system.server import until

pytestmark = pytest.mark.system  # it lives of connections and of the time that passes


@dataclass
class Reader:
    """A client that is cut off again and again and drops nothing: what it was given, in that order, by workspace."""

    wire: Wire
    path: str
    at: dict[str, int]
    chosen: random.Random
    found: dict[str, list[int]] = field(default_factory=dict)

    async def read_until(self, last: dict[str, int]) -> None:
        while any(self.at[id] < seq for id, seq in last.items()):
            await self.some()

    async def some(self) -> None:
        after = dumps(self.at) if len(self.at) > 1 else str(next(iter(self.at.values())))
        async with self.wire.open(f"{self.path}after={after}") as socket:
            assert (await receive(socket))["reset"] is False
            for _ in range(self.chosen.randint(0, 40)):
                try:
                    frame = await asyncio.wait_for(receive(socket), 0.3)
                except (TimeoutError, ConnectionClosed):
                    break
                self.take(frame)
            if self.chosen.random() < 0.5:
                socket.transport.abort()

    def take(self, frame: JsonObject) -> None:
        id, seq = str(frame["workspace_id"]), frame["seq"]
        assert isinstance(seq, int)
        self.at[id] = seq
        self.found.setdefault(id, []).append(seq)


async def test_wherever_it_is_cut(wire: Wire) -> None:
    """With others that write meanwhile: more than the ring holds is read from the table."""
    chosen = random.Random(5)
    reader = Reader(wire, "events?", {wire.scope.workspace_id: 0}, chosen)

    async def write() -> None:
        for start in range(0, 400, 20):
            await wire.say(*range(start, start + 20))
            await asyncio.sleep(chosen.random() / 100)

    await asyncio.gather(write(), reader.read_until({wire.scope.workspace_id: 400}))
    assert reader.found == {wire.scope.workspace_id: [*range(1, 401)]}


async def test_several_workspaces_wherever_it_is_cut(wire: Wire) -> None:
    chosen = random.Random(6)
    other = await wire.app.state.runtime.db.write(new_scope)
    ids = [wire.scope.workspace_id, other.workspace_id]
    channels = ",".join(f"workspace:{id}" for id in ids)
    reader = Reader(wire, f"events?channels={channels}&", dict.fromkeys(ids, 0), chosen)

    async def write() -> None:
        for start in range(0, 200, 10):
            await wire.say(*range(start, start + 10))
            await wire.say(*range(start, start + 10), scope=other)

    await asyncio.gather(write(), reader.read_until(dict.fromkeys(ids, 200)))
    assert reader.found == {id: [*range(1, 201)] for id in ids}


async def test_from_before_what_is_kept(wire: Wire) -> None:
    await wire.say(*range(1, 31))
    await wire.app.state.runtime.db.write(age, wire.scope.workspace_id, 20)
    await prune(wire.app.state.runtime.db, Retention(days=1, events=10))
    async with wire.open("events?after=5") as socket:
        start = await receive(socket)
        assert (start["reset"], start["after"], start["oldest"], start["latest"]) == (True, 20, 21, 30)
        assert [note_of(frame) for frame in await receive_all(socket, 10)] == [*range(21, 31)]
    for after, is_reset in ((20, False), (19, True), (30, False), (31, True)):
        async with wire.open(f"agents/stream?after={after}") as socket:
            assert (await receive(socket))["reset"] is is_reset
        page = (await wire.client.get(f"/api/events?after={after}&limit=5")).json()
        assert page["reset"] is is_reset


def age(tx: Tx, workspace_id: str, through: int) -> None:
    old = sa.update(Event).where(Event.workspace_id == workspace_id, Event.seq <= through)
    tx.write(old.values(at=now() - timedelta(days=2)))


def leave(tx: Tx, workspace_id: str, user_id: str) -> None:
    tx.write(sa.delete(Membership).where(Membership.workspace_id == workspace_id, Membership.user_id == user_id))


@pytest.fixture
async def own_wire(own_database_url: str, tmp_path: Path) -> AsyncIterator[Wire]:
    """On a database of its own: there are users."""
    async with running(settings_for(own_database_url, tmp_path)) as app, client_of(app) as client:
        scope = await app.state.runtime.db.write(new_scope)
        async with listening(app) as place:
            yield Wire(app, client, place, scope)


async def test_pages(wire: Wire) -> None:
    await wire.say(*range(1, 8))
    found: list[int] = []
    after = 0
    while True:
        page = (await wire.client.get(f"/api/events?after={after}&limit=3")).json()
        found += map(note_of, page["events"])
        after = page["next"]
        if not page["events"]:
            break
    assert (found, after) == ([*range(1, 8)], 7)
    page = (await wire.client.get("/api/events?channels=agents")).json()
    assert (page["events"], page["next"], page["reset"]) == ([], 7, False)
    refused = await wire.client.get("/api/events?channels=all")
    assert (refused.status_code, refused.json()["code"]) == (422, "several_logs")
    assert (await wire.client.get("/api/v1/events/?limit=1")).status_code == 200


async def test_whoever_is_removed_is_cut_off(own_wire: Wire) -> None:
    """On every socket, also where one of several workspaces is left, and on the stream."""
    wire = own_wire
    ada = await enrol(wire.app, "ada")
    other = await wire.app.state.runtime.db.write(new_scope)
    for scope in (wire.scope, other):
        await admit(wire.app, ada, scope.workspace_id, Role.VIEWER)
    both = f"workspace:{wire.scope.workspace_id},workspace:{other.workspace_id}"
    paths = ("events", f"events?channels={both}", "agents/stream", "agent-updates", "debate-updates")
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(wire.open(path, credential=ada.by_key)) for path in paths]
        await wire.app.state.runtime.db.write(leave, wire.scope.workspace_id, ada.id)
        async with asyncio.timeout(1.5):
            for socket in sockets:
                assert await ended(socket) == (4403, "no longer a member of the workspace")
        others = await stack.enter_async_context(wire.open("events", other, ada.by_session))
        await receive(others)
        everywhere = await stack.enter_async_context(wire.open("events?channels=all", other, ada.by_session))
        await receive(everywhere)
        await wire.app.state.runtime.db.write(revoke_family, ada.caller.credential_id, now())
        async with asyncio.timeout(1.5):
            for socket in (others, everywhere):
                assert await ended(socket) == (4401, "no longer logged in")


@pytest.mark.usefixtures("watched_closely")
async def test_all_follows_those_it_may(own_wire: Wire) -> None:
    """Joined and left while it is followed; the seqs of what is joined are its own."""
    wire = own_wire
    ada = await enrol(wire.app, "ada")
    await admit(wire.app, ada, wire.scope.workspace_id, Role.VIEWER)
    other = await wire.app.state.runtime.db.write(new_scope)
    mine = wire.scope.workspace_id
    await wire.say(1)
    async with wire.open("events?channels=all", credential=ada.by_key) as socket:
        start = await receive(socket)
        assert (start["channel"], start["latest"], start["reset"]) == ("all", start["after"], False)
        assert isinstance(start["after"], dict)
        assert start["after"].keys() == {mine}
        await wire.say(2, scope=other)
        await wire.say(3)
        assert note_of(await receive(socket)) == 3
        await admit(wire.app, ada, other.workspace_id, Role.VIEWER)
        joined = await receive(socket)
        assert joined["type"] == "subscribed"
        assert isinstance(joined["after"], dict)
        assert joined["after"].keys() == {other.workspace_id}
        await wire.say(4, scope=other)
        frame = await receive(socket)
        assert (frame["workspace_id"], note_of(frame)) == (other.workspace_id, 4)
        assert joined["after"] == {other.workspace_id: int(str(frame["seq"])) - 1}
        await wire.app.state.runtime.db.write(leave, mine, ada.id)
        [view] = wire.app.state.places._views
        await until(lambda: mine not in view.ids)
        await wire.say(5)
        await wire.say(6, scope=other)
        frame = await receive(socket)
        assert (frame["workspace_id"], note_of(frame)) == (other.workspace_id, 6)
        await wire.app.state.runtime.db.write(leave, other.workspace_id, ada.id)
        assert await ended(socket) == (4403, "no longer a member of the workspace")
