"""A frozen server whose runs another one took over wakes up, and writes nothing."""

import signal
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from tests.stubs.openai_stub import OpenAIStub, team_script
from tests.system.server import Api, Server, server, until

pytestmark = pytest.mark.postgres


async def test_a_zombie_writes_nothing(tmp_path: Path, own_postgres_url: str) -> None:
    """The frozen server's lock connection is cut, as a partition would: the other server works from then on."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with (
        OpenAIStub(team_script, delay_ms=1000) as stub,
        aiohttp.ClientSession() as http,
        server(tmp_path / "a", OPENAI_BASE_URL=stub.base_url, DATABASE_URL=own_postgres_url) as frozen,
    ):
        run_id = await _start_run(Api(frozen, http))
        await _asked(stub, 2)
        frozen.signal(signal.SIGSTOP)
        async with server(tmp_path / "b", OPENAI_BASE_URL=stub.base_url, DATABASE_URL=own_postgres_url) as heir:
            await _cut_locks(own_postgres_url)
            await _completed(Api(heir, http), run_id)
            before = await _everything(own_postgres_url)
            frozen.signal(signal.SIGCONT)
            await _says(frozen, "letting go")
            assert await _everything(own_postgres_url) == before


async def _start_run(api: Api) -> str:
    task = await api.post("/api/tasks", {"name": "job", "description": "Do the job"})
    assert task is not None
    run = await api.post("/api/runs", {"task_id": task["id"]})
    assert run is not None
    return str(run["id"])


async def _asked(stub: OpenAIStub, times: int) -> None:
    await until(lambda: len(stub.calls) >= times)


async def _completed(api: Api, run_id: str) -> None:
    run = await api.get(f"/api/runs/{run_id}/wait?timeout=60")
    assert run is not None
    assert run["status"] == "completed"


async def _says(process: Server, words: str) -> None:
    await until(lambda: words in process.log())


async def _cut_locks(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_locks"
        " where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"
    )
    await connection.close()


async def _everything(url: str) -> list[tuple[object, ...]]:
    """All that a run leaves behind."""
    connection = await asyncpg.connect(url)
    rows: list[tuple[object, ...]] = []
    for table in ("runs", "run_journal", "events", "artifacts", "usage_records", "run_slots", "tasks"):
        rows += [(table, *row) for row in await connection.fetch(f"select * from {table} order by 1, 2")]
    await connection.close()
    return rows
