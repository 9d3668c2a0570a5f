"""Several server processes behind one port: they share the work, are replaced, and end with who started them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from folkmoot.agents.definitions import ensure_definitions
from folkmoot.db.connect import connect
from folkmoot.db.lanes import Hooks
from folkmoot.events.log import store
from folkmoot.runs.moves import number_events
from folkmoot.workspaces.above import RoomsAbove
from folkmoot.workspaces.service import ensure_default
from tests.stubs.openai_stub import OpenAIStub, team_script
from tests.system.server import Api, Server, until
from tests.system.services import free_port

pytestmark = pytest.mark.postgres

PROCESSES = 2


class Crew(Server):
    """`folkmoot serve --workers 2`."""

    def members(self) -> set[int]:
        return {int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()}


@asynccontextmanager
async def crew(folder: Path, **settings: str) -> AsyncIterator[Crew]:
    serving = Crew(folder, "serve", "--port", "0", "--workers", str(PROCESSES), **settings)
    await serving.start()
    members = serving.members()
    try:
        yield serving
    finally:
        members |= serving.members() if is_there(serving.pid) else set()
        await serving.kill()
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        serving.close()


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def seen(address: str) -> str:
    """The process that takes a new connection."""
    async with aiohttp.ClientSession() as http, http.get(f"{address}/health/status") as answer:
        assert answer.status == 200
        return str((await answer.json())["host_id"])


async def all_seen(address: str, size: int) -> set[str]:
    found: set[str] = set()
    async with asyncio.timeout(30):
        while len(found) < size:
            found |= set(await asyncio.gather(*(seen(address) for _ in range(10))))
    return found


async def test_a_crew(tmp_path: Path, own_postgres_url: str) -> None:
    async with (
        OpenAIStub(team_script, delay_ms=100) as stub,
        crew(tmp_path, OPENAI_BASE_URL=stub.base_url, DATABASE_URL=own_postgres_url) as serving,
    ):
        first = await all_seen(serving.address, PROCESSES)
        assert len(first) == PROCESSES
        run_ids = await run_all(serving, 6)
        victim = min(serving.members())
        os.kill(victim, signal.SIGKILL)
        await until(lambda: len(serving.members() - {victim}) == PROCESSES)
        await until(lambda: "in its place" in serving.log())
        async with aiohttp.ClientSession() as http:
            for run_id in run_ids:
                ended = await Api(serving, http).get(f"/api/runs/{run_id}/wait?timeout=60")
                assert ended is not None
                assert ended["status"] == "completed"
        assert len(await all_seen(serving.address, PROCESSES) - first) == 1

        members = serving.members()
        assert await serving.terminate() == 0
        assert not any(map(is_there, members))
        assert "Traceback" not in serving.log()


async def run_all(serving: Crew, many: int) -> list[str]:
    run_ids = []
    for _ in range(many):  # each over a connection, and so perhaps to a process, of its own
        async with aiohttp.ClientSession() as http:
            api = Api(serving, http)
            task = await api.post("/api/tasks", {"name": "job", "description": "Do the job"})
            assert task is not None
            run = await api.post("/api/runs", {"task_id": task["id"]})
            assert run is not None
            run_ids.append(str(run["id"]))
    return run_ids


async def test_nobody_is_left_behind(tmp_path: Path, own_postgres_url: str) -> None:
    async with crew(tmp_path, DATABASE_URL=own_postgres_url) as serving:
        members = serving.members()
        assert len(members) == PROCESSES
        await serving.kill()
        await until(lambda: not any(map(is_there, members)), 15)


async def test_one_that_cannot_start(tmp_path: Path) -> None:
    command = (Path(sys.executable).with_name("folkmoot"), "serve", "--port", "0", "--workers", "2")
    started = await asyncio.create_subprocess_exec(
        *command,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/x"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await started.communicate()
    assert (started.returncode, out) == (1, b"")
    lines = said.decode().splitlines()
    assert lines[-1].startswith("folkmoot: A server process ended before it answered, with code 1")
    assert sum("cannot be reached right now" in line for line in lines) == 1, "told once, not by each"


async def test_on_an_empty_database_all_at_once(own_postgres_url: str) -> None:
    """As when a deployment starts its servers and workers for the first time."""
    databases = [connect(own_postgres_url, Hooks(before_commit=(number_events,), store=store)) for _ in range(4)]
    await asyncio.gather(*(database.open() for database in databases))
    above = RoomsAbove()
    made = await asyncio.gather(*(database.write(ensure_default, above) for database in databases))
    assert len({project.id for project in made}) == 1
    await asyncio.gather(*(database.write(ensure_definitions) for database in databases))
    await asyncio.gather(*(database.close() for database in databases))
