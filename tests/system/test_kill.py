"""kill -9 at 50 random moments with 24 team runs under way: every run ends, nothing is lost, doubled or asked twice."""

import asyncio
import random
from pathlib import Path

import aiohttp

from tests.stubs.openai_stub import OpenAIStub
from tests.system.jobs import CALL_MS, Asked, Calls, Jobs, check_calls, check_history, ended_runs, journalled
from tests.system.server import Api, server

KILLS = 50
SEED = 20_261_121


async def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    calls = Calls()
    async with (
        OpenAIStub(calls.script, delay_ms=CALL_MS, keep_calls=False) as stub,
        server(tmp_path, OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL="openai:stub-1") as served,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        database = f"sqlite:///{tmp_path}/data/folkmoot.db"
        jobs = Jobs(Api(served, http))
        before: set[Asked] = set()
        since = 0
        for _ in range(KILLS):
            filling = asyncio.ensure_future(jobs.top_up(await ended_runs(database)))
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            await served.kill()
            await filling
            assert not _asked_again(calls, since, before)
            since, before = len(calls.asked), set(await journalled(database))
            await served.start()
        await jobs.top_up(await ended_runs(database))
        await jobs.all_end()
        assert not _asked_again(calls, since, before)
        await check_calls(database, calls)
        await check_history(database, list(jobs.runs.values()))
        assert "Traceback" not in served.log()


def _asked_again(calls: Calls, since: int, journalled_before: set[Asked]) -> list[Asked]:
    """What the process that came after asked although the journal held it already."""
    return [asked for asked, _ in calls.asked[since:] if asked in journalled_before]
