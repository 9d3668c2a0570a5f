"""Databases and workspaces for tests: what the fixtures in conftest.py are made of."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import sqlalchemy as sa

from folkmoot.db.tx import Tx
from folkmoot.events.log import make_head
from folkmoot.kernel.clock import now
from folkmoot.kernel.ids import new_id
from folkmoot.kernel.scope import SYSTEM, Scope
from folkmoot.runs.tables import RunSlots
from folkmoot.workspaces.tables import Project, Workspace


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
