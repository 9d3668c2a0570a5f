"""PgBouncer in transaction mode: refused by itself, at home with DATABASE_DIRECT_URL beside it."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from folkmoot.db.connect import connect
from folkmoot.db.server import BehindPooler, Manner
from tests.contract.notes import create, numbers, put
from tests.db.test_postgres import run
from tests.stubs.openai_stub import OpenAIStub, team_script
from tests.system.server import Api, server
from tests.system.services import bouncer

pytestmark = pytest.mark.postgres


async def test_it_is_noticed(own_postgres_url: str) -> None:
    async with bouncer(own_postgres_url) as url:
        database = connect(url)
        with pytest.raises(BehindPooler):
            await database.open()
        await database.close()


async def test_units_behind_it(own_postgres_url: str) -> None:
    """More links than it has connections, so that each transaction comes to another one."""
    manner = Manner("folkmoot:test", statement_seconds=7, is_pooled=True)
    async with bouncer(own_postgres_url) as url:
        database, other = (connect(url, pool_size=3, manner=manner) for _ in range(2))
        await asyncio.gather(database.open(), other.open())
        await database.write(create)
        for first in range(0, 60, 6):
            units = [(database, other)[n % 2].write(put, n) for n in range(first, first + 6)]
            await asyncio.gather(*units, *(other.read(numbers) for _ in range(6)))
        assert await database.read(numbers) == list(range(60))
        for settings in (database.read, database.write):
            assert await settings(run, "show statement_timeout") == "7s"
            assert await settings(run, "show application_name") == "folkmoot:test"
        await asyncio.gather(database.close(), other.close())


async def test_a_server_behind_it(tmp_path: Path, own_postgres_url: str) -> None:
    async with bouncer(own_postgres_url) as url, OpenAIStub(team_script) as stub:
        settings = {"DATABASE_URL": url, "DATABASE_DIRECT_URL": own_postgres_url, "OPENAI_BASE_URL": stub.base_url}
        async with server(tmp_path, **settings) as serving, aiohttp.ClientSession() as http:
            api = Api(serving, http)
            task = await api.post("/api/tasks", {"name": "job", "description": "Do the job"})
            assert task is not None
            run_ids = [await _started(api, str(task["id"])) for _ in range(3)]
            for run_id in run_ids:
                ended = await api.get(f"/api/runs/{run_id}/wait?timeout=60")
                assert ended is not None
                assert ended["status"] == "completed"
            assert "Traceback" not in serving.log()


async def _started(api: Api, task_id: str) -> str:
    run = await api.post("/api/runs", {"task_id": task_id})
    assert run is not None
    return str(run["id"])
