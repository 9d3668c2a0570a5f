"""Many processes over one PostgreSQL database keep the promises of one, also killed, frozen and replaced."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from folkmoot.engine.liveness import STALE_SECONDS
from folkmoot.kernel.json import JsonObject
from tests.stubs.openai_stub import OpenAIStub, team_script
from tests.system.fleet import AnyServer, Fleet, fleet
from tests.system.jobs import CALL_MS, Calls, Jobs, check_calls, check_history, ended_runs, rows
from tests.system.server import Api, Server, until

pytestmark = pytest.mark.postgres

KILLS = int(os.environ.get("FOLKMOOT_TEST_KILLS", "6"))
SEED = 20_261_121
MODEL = "openai:stub-1"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=90)) as session:
        yield session


async def start_run(api: Api) -> str:
    task = await api.post("/api/tasks", {"name": "job", "description": "Do the job"})
    assert task is not None
    run = await api.post("/api/runs", {"task_id": task["id"]})
    assert run is not None
    return str(run["id"])


async def wait_for(api: Api, run_id: str) -> JsonObject:
    run = await api.get(f"/api/runs/{run_id}/wait?timeout=60")
    assert run is not None
    return run


async def owner_of(url: str, run_id: str) -> str | None:
    found = await rows(url, f"select owner from runs where id = '{run_id}'")
    return None if found[0][0] is None else str(found[0][0])


async def seconds_until_owned_anew(url: str, run_id: str, before: str) -> float:
    """How long it takes from now until another process works on the run."""
    since = time.monotonic()
    async with asyncio.timeout(30):
        while (await owner_of(url, run_id)) in (None, before):  # noqa: ASYNC110 the database is what is watched
            await asyncio.sleep(0.02)
    return time.monotonic() - since


async def host_of(url: str, process: Server) -> str:
    found = await rows(url, f"select id from hosts where name like '% {process.pid}'")
    return str(found[0][0])


async def kill_one(ships: Fleet, chance: random.Random) -> None:
    victim = chance.choice(ships.everyone)
    await victim.kill()
    await victim.start()


async def test_kills_of_servers_and_workers_lose_nothing(
    tmp_path: Path, own_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    """Six times here; fifty are asked for by FOLKMOOT_TEST_KILLS=50."""
    chance, calls = random.Random(SEED), Calls()
    async with (
        OpenAIStub(calls.script, delay_ms=CALL_MS, keep_calls=False) as stub,
        fleet(
            tmp_path, own_postgres_url, [[], []], [[], [], []], OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL=MODEL
        ) as ships,
    ):
        jobs = Jobs(AnyServer(ships, http, chance))
        for _ in range(KILLS):
            filling = asyncio.ensure_future(jobs.top_up(await ended_runs(own_postgres_url)))
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            await kill_one(ships, chance)
            await filling
        await jobs.top_up(await ended_runs(own_postgres_url))
        await jobs.all_end()
        await check_calls(own_postgres_url, calls)
        await check_history(own_postgres_url, list(jobs.runs.values()))
        assert "Traceback" not in ships.log()


async def test_a_killed_workers_run_goes_on_within_ten_seconds(
    tmp_path: Path, own_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    async with (
        OpenAIStub(team_script, delay_ms=3000) as stub,
        fleet(
            tmp_path, own_postgres_url, [["--no-worker"]], [[]], OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL=MODEL
        ) as ships,
    ):
        api, worker = Api(ships.servers[0], http), ships.workers[0]
        run_id = await start_run(api)
        await until(lambda: len(stub.calls) >= 1)
        before = await owner_of(own_postgres_url, run_id)
        assert before == await host_of(own_postgres_url, worker)
        await ships.add_worker()
        await worker.kill()
        assert await seconds_until_owned_anew(own_postgres_url, run_id, before) < 10
        assert (await wait_for(api, run_id))["status"] == "completed"


async def test_a_frozen_workers_run_goes_on_elsewhere_and_it_wakes_to_write_nothing(
    tmp_path: Path, own_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    async with (
        OpenAIStub(team_script, delay_ms=2000) as stub,
        fleet(
            tmp_path, own_postgres_url, [["--no-worker"]], [[]], OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL=MODEL
        ) as ships,
    ):
        api, frozen = Api(ships.servers[0], http), ships.workers[0]
        run_id = await start_run(api)
        await until(lambda: len(stub.calls) >= 2)
        before = await owner_of(own_postgres_url, run_id)
        assert before is not None
        await ships.add_worker()
        frozen.signal(signal.SIGSTOP)
        assert await seconds_until_owned_anew(own_postgres_url, run_id, before) < STALE_SECONDS + 4
        assert (await wait_for(api, run_id))["status"] == "completed"
        left = await what_a_run_leaves(own_postgres_url)
        frozen.signal(signal.SIGCONT)
        await until(lambda: "letting go" in frozen.log())
        assert await what_a_run_leaves(own_postgres_url) == left


async def what_a_run_leaves(url: str) -> list[object]:
    tables = ("runs", "run_journal", "events", "artifacts", "usage_records", "run_slots", "tasks")
    return [await rows(url, f"select * from {table} order by 1, 2") for table in tables]


async def test_sigterm_hands_over_at_once(tmp_path: Path, own_postgres_url: str, http: aiohttp.ClientSession) -> None:
    """What is in flight for longer than the grace time is asked again by the next worker, the moment it is let go."""
    async with (
        OpenAIStub(team_script, delay_ms=7000) as stub,
        fleet(
            tmp_path, own_postgres_url, [["--no-worker"]], [[]], OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL=MODEL
        ) as ships,
    ):
        api, worker = Api(ships.servers[0], http), ships.workers[0]
        run_id = await start_run(api)
        await until(lambda: len(stub.calls) >= 1)
        before = await owner_of(own_postgres_url, run_id)
        assert before is not None
        await ships.add_worker()
        since = time.monotonic()
        ending = asyncio.ensure_future(worker.terminate())
        await seconds_until_free(own_postgres_url, run_id, before)
        assert await seconds_until_owned_anew(own_postgres_url, run_id, before) < 0.5
        assert await ending == 0
        assert time.monotonic() - since < 15
        assert (await wait_for(api, run_id))["status"] == "completed"


async def seconds_until_free(url: str, run_id: str, before: str) -> None:
    async with asyncio.timeout(15):
        while await owner_of(url, run_id) == before:  # noqa: ASYNC110 the database is what is watched
            await asyncio.sleep(0.005)


async def test_a_verb_and_an_end_are_heard_in_other_processes_at_once(
    tmp_path: Path, own_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    """Cancelled at one server while a worker asks the model; who waits at the other server hears of it."""
    async with (
        OpenAIStub(team_script, delay_ms=60_000) as stub,
        fleet(
            tmp_path,
            own_postgres_url,
            [["--no-worker"], ["--no-worker"]],
            [[]],
            OPENAI_BASE_URL=stub.base_url,
            DEFAULT_MODEL=MODEL,
        ) as ships,
    ):
        here, there = (Api(server, http) for server in ships.servers)
        run_id = await start_run(here)
        await until(lambda: len(stub.calls) >= 1)
        waiting = asyncio.ensure_future(wait_for(there, run_id))
        await asyncio.sleep(0.5)
        since = time.monotonic()
        assert await here.post(f"/api/runs/{run_id}/cancel", {}) is not None
        assert (await waiting)["status"] == "cancelled"
        assert time.monotonic() - since < 0.9, "told, not found by the poll"
        await until(lambda: "letting go" in ships.workers[0].log(), 1)


async def test_a_reply_of_a_dead_server_is_given_by_another_process(
    tmp_path: Path, own_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    async with (
        OpenAIStub(delay_ms=2000) as stub,
        fleet(
            tmp_path,
            own_postgres_url,
            [["--no-worker"], ["--no-worker"]],
            [[]],
            OPENAI_BASE_URL=stub.base_url,
            DEFAULT_MODEL=MODEL,
        ) as ships,
    ):
        first, second = ships.servers
        ada = await Api(second, http).post("/api/agents", {"definition_slug": "assistant", "name": "Ada"})
        assert ada is not None
        asking = asyncio.ensure_future(Api(first, http).post(f"/api/agents/{ada['id']}/message", {"message": "Hello"}))
        await until(lambda: len(stub.calls) >= 1)
        await first.kill()
        assert await asking is None
        run_id = (await rows(own_postgres_url, "select id from runs where kind = 'reply'"))[0][0]
        assert (await wait_for(Api(second, http), run_id))["status"] == "completed"


async def test_an_upgrade_with_runs_under_way(
    tmp_path: Path, own_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    """One process after the other is stopped and a new one started: every run ends, and nothing is asked again."""
    calls = Calls()
    async with (
        OpenAIStub(calls.script, delay_ms=CALL_MS, keep_calls=False) as stub,
        fleet(
            tmp_path, own_postgres_url, [[], []], [[], []], OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL=MODEL
        ) as ships,
    ):
        chance = random.Random(SEED)
        jobs = Jobs(AnyServer(ships, http, chance))
        for process in ships.everyone:
            await jobs.top_up(await ended_runs(own_postgres_url))
            assert await process.terminate() == 0
            await process.start()
        await jobs.top_up(await ended_runs(own_postgres_url))
        await jobs.all_end()
        await check_calls(own_postgres_url, calls)
        await check_history(own_postgres_url, list(jobs.runs.values()))


async def test_a_worker_leaves_kinds_alone_that_it_was_not_asked_to_take(
    tmp_path: Path, own_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    async with (
        OpenAIStub(team_script) as stub,
        fleet(
            tmp_path,
            own_postgres_url,
            [["--no-worker"]],
            [["--kinds", "reply"]],
            OPENAI_BASE_URL=stub.base_url,
            DEFAULT_MODEL=MODEL,
        ) as ships,
    ):
        api = Api(ships.servers[0], http)
        run_id = await start_run(api)
        run = await api.get(f"/api/runs/{run_id}/wait?timeout=3")
        assert run is not None
        assert (run["status"], run["waiting_for"]) == ("pending", "start")
        await ships.add_worker("--kinds", "team")
        assert (await wait_for(api, run_id))["status"] == "completed"


async def test_connections_that_are_cut_come_back_and_runs_go_on(
    tmp_path: Path, own_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    """As a restart of PostgreSQL does it: every connection of every process, at once, and again."""
    calls = Calls()
    async with (
        OpenAIStub(calls.script, delay_ms=CALL_MS, keep_calls=False) as stub,
        fleet(tmp_path, own_postgres_url, [[]], [[], []], OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL=MODEL) as ships,
    ):
        jobs = Jobs(AnyServer(ships, http, random.Random(SEED)))
        for _ in range(3):
            await jobs.top_up(await ended_runs(own_postgres_url))
            await asyncio.sleep(0.5)
            await rows(
                own_postgres_url,
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()",
            )
        await jobs.top_up(await ended_runs(own_postgres_url))
        ended = await ended_runs(own_postgres_url)
        async with asyncio.timeout(10):
            while await ended_runs(own_postgres_url) == ended:  # noqa: ASYNC110 the database is what is watched
                await asyncio.sleep(0.1)
        await jobs.all_end()
        await check_calls(own_postgres_url, calls)
        await check_history(own_postgres_url, list(jobs.runs.values()))
