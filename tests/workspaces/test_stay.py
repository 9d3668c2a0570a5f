"""Open streams end within a second of what let their reader in: a session, a key, a membership, local mode."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from httpx2 import AsyncClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from folkmoot.accounts.sessions import revoke_family
from folkmoot.accounts.tables import ApiKey, User, UserSession
from folkmoot.db.tx import Tx
from folkmoot.kernel.clock import now
from folkmoot.kernel.scope import Role, Scope
from folkmoot.runs.service import NewRun, start_run
from folkmoot.workspaces.stay import Stay
from folkmoot.workspaces.tables import Membership, Workspace
from tests.databases import new_scope
from tests.persons import Person, admit, enrol
from tests.runs.test_api import Held
from tests.serving import listening, running, settings_for
from tests.system.server import until

pytestmark = pytest.mark.system  # it lives of connections and of the time that passes

WITHIN_SECONDS = 1.0
SLACK_SECONDS = 0.5
"""For a machine that runs other tests beside this one."""


@dataclass
class Hall:
    """A run that does not end, on a real port, in a workspace where `ada` and `bob` are members."""

    app: FastAPI
    place: str
    scope: Scope
    run_id: str
    ada: Person = field(init=False)
    bob: Person = field(init=False)

    @asynccontextmanager
    async def socket(self, headers: dict[str, str]) -> AsyncIterator[ClientConnection]:
        named = {**headers, "X-Workspace-Id": self.scope.workspace_id}
        async with connect(f"ws://{self.place}/ws/runs/{self.run_id}?after=0", additional_headers=named) as socket:
            await asyncio.wait_for(socket.recv(), 5)
            yield socket

    async def member(self, name: str) -> Person:
        person = await enrol(self.app, name)
        await admit(self.app, person, self.scope.workspace_id, Role.VIEWER)
        return person

    async def good_stays(self) -> list[Stay]:
        """Those that are left when the database has been asked."""
        stays = self.app.state.stays
        await stays.check([*stays._open])
        return [stay for stay in stays._open if stay.end is None]

    def waiting(self) -> int:
        """How many wait for the run's end."""
        return len(self.app.state.engine.waiting._waiters.get(self.run_id, ()))

    async def write(self, statement: sa.UpdateBase) -> None:
        def unit(tx: Tx) -> None:
            tx.write(statement)

        await self.app.state.runtime.db.write(unit)


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """There are users: local mode is over."""
    return own_database_url


@pytest.fixture
async def hall(database_url: str, tmp_path: Path) -> AsyncIterator[Hall]:
    async with running(settings_for(database_url, tmp_path)) as app, listening(app) as place:
        executor = Held()
        app.state.engine.register(executor)
        db = app.state.runtime.db
        scope: Scope = await db.write(new_scope)
        new = NewRun(kind="steps", title="steps", input={"groups": [["hold"]]})
        run = await db.write(start_run, app.state.engine, scope, new)
        opened = Hall(app, place, scope, run.id)
        opened.ada, opened.bob = await opened.member("ada"), await opened.member("bob")
        yield opened
        executor.go.set()


async def code_of(socket: ClientConnection) -> int | None:
    """What it is closed with, once it is."""
    with suppress(ConnectionClosed):
        async for _ in socket:
            continue
    return socket.close_code


End = Callable[[Hall, Person], Awaitable[None]]


async def log_out(hall: Hall, who: Person) -> None:
    await hall.app.state.runtime.db.write(revoke_family, who.caller.credential_id, now())


async def revoke_key(hall: Hall, who: Person) -> None:
    await hall.write(sa.update(ApiKey).where(ApiKey.id == who.key_id).values(revoked_at=now()))


async def let_key_expire(hall: Hall, who: Person) -> None:
    await hall.write(sa.update(ApiKey).where(ApiKey.id == who.key_id).values(expires_at=now()))


async def deactivate(hall: Hall, who: Person) -> None:
    await hall.write(sa.update(User).where(User.id == who.id).values(is_active=False))


async def delete_user(hall: Hall, who: Person) -> None:
    await hall.write(sa.delete(User).where(User.id == who.id))


async def remove(hall: Hall, who: Person) -> None:
    await hall.write(sa.delete(Membership).where(Membership.user_id == who.id))


ENDS: list[tuple[End, str, int]] = [
    (log_out, "by_session", 4401),
    (deactivate, "by_session", 4401),
    (delete_user, "by_session", 4401),
    (revoke_key, "by_key", 4401),
    (let_key_expire, "by_key", 4401),
    (deactivate, "by_key", 4401),
    (remove, "by_session", 4403),
    (remove, "by_key", 4403),
]


async def test_sockets_are_cut_off(hall: Hall) -> None:
    async with AsyncExitStack() as stack:
        waiting = []
        for number, (end, by, code) in enumerate(ENDS):
            person = await hall.member(f"person-{number}")
            socket = await stack.enter_async_context(hall.socket(getattr(person, by)))
            waiting.append((end, person, socket, code))
        bob = await stack.enter_async_context(hall.socket(hall.bob.by_session))
        for end, person, _, _ in waiting:
            await end(hall, person)
        ended_at = monotonic()
        for end, _, socket, code in waiting:
            assert await asyncio.wait_for(code_of(socket), 5) == code, end
        assert monotonic() - ended_at < WITHIN_SECONDS + SLACK_SECONDS
        assert [stay.caller.actor.id for stay in await hall.good_stays()] == [hall.bob.id]

        here = Workspace.id == hall.scope.workspace_id
        await hall.write(sa.update(Workspace).where(here).values(status="deleting"))
        assert await asyncio.wait_for(code_of(bob), 5) == 4403


async def test_an_event_stream_ends(hall: Hall) -> None:
    headers = {**hall.ada.by_key, "X-Workspace-Id": hall.scope.workspace_id}
    async with AsyncClient(base_url=f"http://{hall.place}", headers=headers, timeout=10) as client:
        async with client.stream("GET", f"/api/runs/{hall.run_id}/stream") as stream:
            parts = stream.aiter_bytes()
            assert b"event: " in await anext(parts)
            await revoke_key(hall, hall.ada)
            ended_at = monotonic()
            rest = b"".join([part async for part in parts])
        assert monotonic() - ended_at < WITHIN_SECONDS + SLACK_SECONDS
        assert b"completion" not in rest


async def test_whoever_is_removed_while_waiting_is_told_nothing(hall: Hall) -> None:
    waits = ((remove, hall.ada, 404), (revoke_key, hall.bob, 401))
    async with AsyncClient(base_url=f"http://{hall.place}") as client:
        waiting = []
        for end, who, _ in waits:
            named = {**who.by_key, "X-Workspace-Id": hall.scope.workspace_id}
            asking = client.get(f"/api/runs/{hall.run_id}/wait?timeout=1", headers=named)
            waiting.append(asyncio.create_task(asking))
            await until(lambda: hall.waiting() == len(waiting))
            await end(hall, who)
        answers = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [status for _, _, status in waits]


@pytest.mark.usefixtures("watched_closely")
async def test_nobody_stays_nobody_asks(hall: Hall) -> None:
    stays = hall.app.state.stays
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(hall.socket(hall.bob.by_session))
        watch = stays._watch
        assert len(stays._open) == 3
    await asyncio.wait({watch}, timeout=5)
    assert (watch.done(), stays._open) == (True, set())
    async with hall.socket(hall.bob.by_session):
        assert stays._watch is not watch


@pytest.mark.usefixtures("watched_closely")
async def test_the_local_owner_stays_until_there_is_a_user(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path)) as app, listening(app) as place:
        executor = Held()
        app.state.engine.register(executor)
        scope = await app.state.workspaces.find()
        new = NewRun(kind="steps", title="steps", input={"groups": [["hold"]]})
        run = await app.state.runtime.db.write(start_run, app.state.engine, scope, new)
        async with connect(f"ws://{place}/ws/runs/{run.id}?after=0") as socket:
            await asyncio.wait_for(socket.recv(), 5)
            await enrol(app, "first")
            assert await asyncio.wait_for(code_of(socket), 5) == 4401
        executor.go.set()


async def test_a_session_that_was_refreshed_is_the_same(hall: Hall) -> None:
    async with hall.socket(hall.ada.by_session):
        mine = UserSession.family_id == hall.ada.caller.credential_id
        await hall.write(sa.update(UserSession).where(mine).values(used_at=now()))
        assert len(await hall.good_stays()) == 1
