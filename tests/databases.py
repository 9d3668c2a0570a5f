"""Databases and workspaces for tests: what the fixtures in conftest.py are made of."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import Generic, TypeVar

import sqlalchemy as sa

from folkmoot.db.connect import connect
from folkmoot.db.database import Database
from folkmoot.db.lanes import Hooks
from folkmoot.db.tx import Tx
from folkmoot.events.log import make_head
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.runs.tables import RunSlots
from folkmoot.workspaces.tables import Project, Workspace

T = TypeVar("T")


class Kept(Generic[T]):
    """One thing that stays open from test to test, as long as the next one asks for the same."""

    def __init__(self) -> None:
        self._closing = AsyncExitStack()
        self._asked: object = None
        self._opened: T | None = None

    async def get(self, asked: object, make: Callable[[], AbstractAsyncContextManager[T]]) -> T:
        """What `make` opens, unless what is open was `asked` for in the same words."""
        if self._opened is None or self._asked != asked:
            await self.close()
            self._opened = await self._closing.enter_async_context(make())
            self._asked = asked
        return self._opened

    async def close(self) -> None:
        self._opened = None
        await self._closing.aclose()


@asynccontextmanager
async def opened(url: str, hooks: Hooks) -> AsyncIterator[Database]:
    database = connect(url, hooks)
    await database.open()
    yield database
    await database.close()


@contextmanager
def postgres_database(server: str, name: str, template: str = "template0") -> Iterator[str]:
    """A database that is dropped again, whoever is still connected to it."""
    _run_on_postgres(server, f"drop database if exists {name} with (force)")
    _run_on_postgres(server, f"create database {name} template {template}")
    try:
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _run_on_postgres(server, f"drop database {name} with (force)")


def _run_on_postgres(url: str, statement: str) -> None:
    """In a thread, because an event loop of the test may be at rest in this one."""
    import asyncpg

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


def new_scope(tx: Tx) -> Scope:
    """A unit, for tests that need a second workspace: `await db.write(new_scope)`."""
    workspace_id, project_id, at = new_id(), new_id(), now()
    named = {"slug": workspace_id, "name": "Test", "meta_data": {}, "created_at": at, "updated_at": at}
    tx.write(sa.insert(Workspace), {"id": workspace_id, "status": "active", "settings": {}, **named})
    tx.write(sa.insert(Project), {"id": project_id, "workspace_id": workspace_id, **named})
    make_head(tx, workspace_id)
    tx.write(sa.insert(RunSlots), {"workspace_id": workspace_id, "live": 0, "cap": 50})
    return Scope(workspace_id, project_id, SYSTEM)
