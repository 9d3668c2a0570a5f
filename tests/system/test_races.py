"""Two hundred runs that are cancelled, paused and resumed while they work: each ends once, and says how it ended."""

import asyncio
import random
from collections import Counter, defaultdict
from pathlib import Path

import aiohttp

from folkmoot.kernel.json import JsonObject
from tests.stubs.openai_stub import OpenAIStub, Reply, team_script
from tests.system.jobs import asked_of, rows
from tests.system.server import Api, server

RUNS = 200
AT_ONCE = 20
CALL_MS = 10
SEED = 20_261_121
TERMINAL = {"completed": "completion", "failed": "failure", "timeout": "failure", "cancelled": "cancelled"}

EARLY = (0.0, 0.25)
"""Seconds after the start."""
LAST = (0.0, 0.06)
"""Seconds after the model was asked for the run's last word, which it gives after CALL_MS."""

RACES = (
    {"cancel": EARLY},
    {"pause": EARLY, "cancel": EARLY},
    {"cancel": LAST},
    {"pause": LAST, "cancel": LAST},
    {"pause": LAST, "resume": LAST},
)


class Racer:
    """Starts runs and lets verbs loose on them, at moments that are nobody's choice."""

    def __init__(self) -> None:
        self.chance = random.Random(SEED)
        self.answered: Counter[tuple[str, int]] = Counter()
        self.at_once = asyncio.Semaphore(AT_ONCE)
        self.last: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def script(self, body: JsonObject) -> Reply:
        job, key = asked_of(body)
        if key == "summary":
            self.last[job].set()
        return team_script(body)

    def reach(self, api: Api, http: aiohttp.ClientSession, address: str) -> None:
        self.api, self.http, self.address = api, http, address

    async def race(self, number: int) -> str:
        async with self.at_once:
            job = f"job-{number}"
            task = await self.api.post("/api/tasks", {"name": job, "description": f"Do {job}"})
            assert task is not None
            run = await self.api.post("/api/runs", {"task_id": task["id"]})
            assert run is not None
            run_id = str(run["id"])
            verbs = RACES[number % len(RACES)].items()
            await asyncio.gather(*(self.control(job, run_id, verb, when) for verb, when in verbs))
            return run_id

    async def control(self, job: str, run_id: str, verb: str, when: tuple[float, float]) -> None:
        if when is LAST:
            await asyncio.wait_for(self.last[job].wait(), 60)
        await asyncio.sleep(self.chance.uniform(*when))
        await self.tell(run_id, verb)

    async def tell(self, run_id: str, verb: str) -> int:
        async with self.http.post(f"{self.address}/api/runs/{run_id}/{verb}") as answer:
            assert answer.status in (200, 409), await answer.text()
            self.answered[verb, answer.status] += 1
            return answer.status

    async def end(self, run_id: str) -> str:
        """Whoever was left paused goes on; after its end nothing moves the run any more."""
        async with asyncio.timeout(60):
            while True:
                run = await self.api.get(f"/api/runs/{run_id}/wait?timeout=0.2")
                assert run is not None
                status = str(run["status"])
                if status in TERMINAL:
                    assert await self.tell(run_id, "cancel") == (200 if status == "cancelled" else 409)
                    return status
                if status == "paused":
                    await self.tell(run_id, "resume")


async def test_two_hundred_races(tmp_path: Path, own_database_url: str) -> None:
    racer = Racer()
    settings = {"DEFAULT_MODEL": "openai:stub-1", "DATABASE_URL": own_database_url}
    async with (
        OpenAIStub(racer.script, delay_ms=CALL_MS, keep_calls=False) as stub,
        server(tmp_path, OPENAI_BASE_URL=stub.base_url, **settings) as served,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=90)) as http,
    ):
        racer.reach(Api(served, http), http, served.address)
        run_ids = await asyncio.gather(*(racer.race(number) for number in range(RUNS)))
        ended = {run_id: await racer.end(run_id) for run_id in run_ids}
        told = await rows(
            own_database_url, "select run_id, run_seq, type from events where run_seq is not null order by seq"
        )
        journal = await rows(own_database_url, "select run_id, kind from run_journal order by run_id, seq")
        assert await rows(own_database_url, "select live from run_slots") == [(0,)]
        for run_id, status in ended.items():
            own = [(run_seq, kind) for run, run_seq, kind in told if run == run_id]
            assert [run_seq for run_seq, _ in own] == list(range(1, len(own) + 1))
            assert [kind for _, kind in own if kind in TERMINAL.values()] == [own[-1][1]] == [TERMINAL[status]]
            assert [kind for run, kind in journal if run == run_id].count("ended") == 1
        assert {"completed", "cancelled"} <= set(ended.values()), "both sides have won"
        assert "Traceback" not in served.log()
