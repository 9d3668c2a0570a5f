"""PostgreSQL, Redis or the disk is gone a while: 503 problem documents, no crash, no half write; then it goes on."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic

import aiohttp
import pytest

from folkmoot.kernel.json import JsonObject
from tests.stubs.openai_stub import OpenAIStub, team_script
from tests.system.server import Api, Server, server
from tests.system.services import Redis, call, cluster

BACK_SECONDS = 10.0
"""How long after its return everything may take to go on."""
HEALTH_SECONDS = 1.0
PROBLEM = "application/problem+json"


class Client:
    """Calls and their answers as they are."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self._http = http
        self._address = address

    async def call(self, method: str, path: str, body: JsonObject | None = None) -> tuple[int, str, JsonObject]:
        async with self._http.request(method, self._address + path, json=body) as answer:
            return answer.status, answer.content_type, await answer.json(content_type=None)

    async def make(self, name: str) -> int:
        """Ask for a task; where it is refused the answer has to be a problem document."""
        status, kind, body = await self.call("POST", "/api/tasks", {"name": name, "description": "x" * 20_000})
        if status == 503:
            assert kind == PROBLEM, body
            assert body["code"] in {"database_unavailable", "outcome_unknown", "disk_full", "database_busy"}, body
        else:
            assert status == 201, body
        return status

    async def names(self) -> set[str]:
        found: set[str] = set()
        while True:
            status, _, page = await self.call("GET", f"/api/tasks?limit=200&skip={len(found)}")
            assert status == 200, page
            tasks = page["tasks"]
            assert isinstance(tasks, list)
            found |= {str(task["name"]) for task in tasks if isinstance(task, dict)}
            if len(tasks) < 200:
                return found


@asynccontextmanager
async def healthy(http: aiohttp.ClientSession, serving: Server) -> AsyncIterator[list[float]]:
    """/health answers within its time for as long as the context is open."""
    took: list[float] = []

    async def probe() -> None:
        while True:
            began = monotonic()
            async with http.get(f"{serving.address}/health", timeout=aiohttp.ClientTimeout(5)) as answer:
                assert answer.status == 200
            took.append(monotonic() - began)
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        probing = group.create_task(probe())
        yield took
        probing.cancel()
    assert took
    assert max(took) < HEALTH_SECONDS


async def soon(work: Callable[[], Awaitable[bool]], seconds: float = BACK_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await work():  # noqa: ASYNC110 another process sets no event of ours
            await asyncio.sleep(0.05)


async def started_run(api: Api) -> str:
    task = await api.post("/api/tasks", {"name": "job", "description": "Do the job"})
    assert task is not None
    run = await api.post("/api/runs", {"task_id": task["id"]})
    assert run is not None
    return str(run["id"])


async def has_ended(api: Api, run_id: str) -> bool:
    run = await api.get(f"/api/runs/{run_id}")
    return run is not None and run["status"] == "completed"


@pytest.mark.postgres
async def test_postgres_is_gone_for_a_while(tmp_path: Path) -> None:
    async with cluster() as postgres, OpenAIStub(team_script, delay_ms=250) as stub:
        await postgres.say("create database folkmoot")
        settings = {"OPENAI_BASE_URL": stub.base_url, "DATABASE_URL": postgres.url("folkmoot"), "DB_POOL_SIZE": "2"}
        async with (
            server(tmp_path, **settings) as serving,
            aiohttp.ClientSession() as http,
            healthy(http, serving),
        ):
            client, api = Client(http, serving.address), Api(serving, http)
            kept = {"job"}
            run_id = await started_run(api)

            async def up(name: str) -> None:
                async def made() -> bool:
                    return await client.make(name) == 201

                await soon(made)
                kept.add(name)

            await postgres.stop()
            await is_down(client, "stopped")
            await postgres.start()
            await up("started")

            await postgres.say("alter database folkmoot allow_connections false")
            await postgres.say("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'folkmoot'")
            await is_down(client, "refused")
            await postgres.say("alter database folkmoot allow_connections true")
            await up("let in")

            writes = [asyncio.create_task(client.make(f"w{number}")) for number in range(40)]
            await postgres.stop("fast")
            await postgres.start()
            outcomes = await asyncio.gather(*writes)
            acknowledged = {f"w{number}" for number, status in enumerate(outcomes) if status == 201}
            await up("restarted")

            await soon(partial(has_ended, api, run_id), 40)
            found = await client.names()
            assert kept | acknowledged <= found
            assert not {"stopped", "refused"} & found
            assert "Traceback" not in serving.log()


async def is_down(client: Client, name: str) -> None:
    """Everything is refused at once, not after a while."""
    began = monotonic()
    assert await client.make(name) == 503
    assert (await client.call("GET", "/api/tasks"))[0] == 503
    assert (await client.call("GET", "/health/ready"))[0] == 503
    assert monotonic() - began < 8


@pytest.mark.redis
@pytest.mark.postgres
async def test_redis_is_gone_for_a_while(tmp_path: Path, own_postgres_url: str) -> None:
    redis = Redis(tmp_path)
    await redis.start()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    settings = {"REDIS_URL": redis.url, "DATABASE_URL": own_postgres_url, "SECRET_KEY": "8f2d6b1c9e7a4053b8d1"}
    try:
        async with (
            server(tmp_path / "a", **settings) as one,
            server(tmp_path / "b", **settings) as other,
            aiohttp.ClientSession() as http,
            healthy(http, one),
            http.get(f"{other.address}/api/events/stream") as stream,
        ):
            assert stream.status == 200
            client = Client(http, one.address)
            for number, change in enumerate((redis.stop, redis.start, redis.flush)):
                await heard(client, stream, f"before {number}")
                await change()
                await heard(client, stream, f"after {number}")
            assert "Traceback" not in one.log() + other.log()
    finally:
        await redis.stop()


async def heard(client: Client, stream: aiohttp.ClientResponse, name: str) -> None:
    """What one server stores is heard of by who listens to the other, with Redis at once, without it a bit later."""
    assert await client.make(name) == 201
    async with asyncio.timeout(BACK_SECONDS):
        while f'"{name}"'.encode() not in await stream.content.readline():
            pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB, which only root can make."""
    if os.getuid() != 0:
        pytest.skip("only root can make a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    try:
        asyncio.run(call("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place))
    except (AssertionError, FileNotFoundError):
        pytest.skip("a disk cannot be mounted here")
    yield place
    asyncio.run(call("umount", place))


async def test_the_disk_is_full_for_a_while(tmp_path: Path, small_disk: Path) -> None:
    data = small_disk / "data"
    async with (
        OpenAIStub(team_script, delay_ms=250) as stub,
        server(tmp_path, OPENAI_BASE_URL=stub.base_url, DATA_DIR=str(data)) as serving,
        aiohttp.ClientSession() as http,
        healthy(http, serving),
    ):
        client, api = Client(http, serving.address), Api(serving, http)
        run_id = await started_run(api)
        filler = small_disk / "filler"
        fill(filler)
        names = [f"n{number}" for number in range(200)]
        statuses = [await client.make(name) for name in names]
        assert 503 in statuses
        kept = {name for name, status in zip(names, statuses, strict=True) if status == 201}
        assert await client.names() >= kept, "what is there can be read"
        filler.unlink()

        async def made() -> bool:
            return await client.make("room again") == 201

        await soon(made)
        await soon(partial(has_ended, api, run_id), 40)
        assert await client.names() == kept | {"job", "room again"}
        assert "Traceback" not in serving.log()


def fill(path: Path) -> None:
    """Until nothing more goes in."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(65_536))
