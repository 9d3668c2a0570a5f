"""kill -9 at 50 random moments with 24 team runs under way: every run ends, nothing is lost, doubled or asked twice."""

import asyncio
import random
import re
import sqlite3
from collections import Counter
from pathlib import Path

import aiohttp

from folkmoot.kernel.json import JsonObject, loads
from tests.stubs.openai_stub import OpenAIStub, Reply, team_script
from tests.system.server import Api, server

KILLS = 50
UNDER_WAY = 24
CALL_MS = 120
SEED = 20_261_121
TERMINAL = {"completion", "failure", "cancelled"}

Asked = tuple[str, str]


def asked_of(body: JsonObject) -> Asked:
    """Which job a call of the language model belongs to, and which key of its journal it will be."""
    messages = body["messages"]
    assert isinstance(messages, list)
    text = str(messages[-1])
    job = re.search(r"job-\d+", text)
    assert job is not None, text
    wanted = body.get("response_format")
    if isinstance(wanted, dict):
        schema = wanted["json_schema"]
        assert isinstance(schema, dict)
        return job[0], {"plan": "plan.1", "verdict": "r1.review", "summary": "summary"}[str(schema["name"]).lower()]
    step = re.search(r"## Step\\n(s\d)", text)
    assert step is not None, text
    return job[0], f"r1.s.{step[1]}.m1"


class Jobs:
    """What was acknowledged: the run of each job, and the keys under which answers got lost."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.runs: dict[str, str] = {}
        self._made = 0
        self._unsure: list[tuple[str, str]] = []

    async def top_up(self, ended: int) -> None:
        """Start runs until 24 are under way; what was cut off is asked again with the same key."""
        while len(self.runs) - ended < UNDER_WAY:
            if not self._unsure:
                self._made += 1
                job = f"job-{self._made}"
                task = await self.api.post("/api/tasks", {"name": job, "description": f"Do {job}"})
                if task is None:
                    return
                self._unsure.append((job, str(task["id"])))
            job, task_id = self._unsure[-1]
            run = await self.api.post("/api/runs", {"task_id": task_id}, **{"Idempotency-Key": job})
            if run is None:
                return
            self._unsure.pop()
            self.runs[job] = str(run["id"])


def journalled(path: Path) -> set[Asked]:
    """What the file holds of answers at this moment, read as any other process could."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "select r.input, j.key from run_journal j join runs r on r.id = j.run_id where j.kind = 'done'"
        ).fetchall()
    connection.close()
    return {(str(_input(text)["name"]), key) for text, key in rows}


def _input(text: str) -> JsonObject:
    given = loads(text)
    assert isinstance(given, dict)
    return given


def ended_runs(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        number = connection.execute("select count(*) from runs where completed_at is not null").fetchone()[0]
    connection.close()
    return int(number)


async def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    calls: list[Asked] = []

    def script(body: JsonObject) -> Reply:
        calls.append(asked_of(body))
        return team_script(body)

    async with (
        OpenAIStub(script, delay_ms=CALL_MS, keep_calls=False) as stub,
        server(tmp_path, OPENAI_BASE_URL=stub.base_url, DEFAULT_MODEL="openai:stub-1") as served,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        database = tmp_path / "data" / "folkmoot.db"
        jobs = Jobs(Api(served, http))
        before: set[Asked] = set()
        since = 0
        for _ in range(KILLS):
            filling = asyncio.ensure_future(jobs.top_up(ended_runs(database)))
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            await served.kill()
            await filling
            assert not _asked_again(calls, since, before)
            since, before = len(calls), journalled(database)
            assert before <= set(calls), "an answer was journalled that nobody gave"
            await served.start()
        await jobs.top_up(ended_runs(database))
        await _all_end(jobs)
        assert not _asked_again(calls, since, before)
        _check_events(database, set(jobs.runs.values()))
        assert "Traceback" not in served.log()


def _asked_again(calls: list[Asked], since: int, journalled_before: set[Asked]) -> list[Asked]:
    """What the process that came after asked although the journal held it already."""
    return [asked for asked in calls[since:] if asked in journalled_before]


async def _all_end(jobs: Jobs) -> None:
    for job, run_id in jobs.runs.items():
        run = await jobs.api.get(f"/api/runs/{run_id}/wait?timeout=60")
        assert run is not None
        assert run["status"] == "completed", (job, run)


def _check_events(path: Path, acknowledged: set[str]) -> None:
    with sqlite3.connect(path) as connection:
        runs = {row[0] for row in connection.execute("select id from runs")}
        events = connection.execute("select seq, run_id, run_seq, type from events order by seq").fetchall()
        keys = connection.execute("select run_id, key from run_journal where kind = 'done'").fetchall()
        slots = connection.execute("select live from run_slots").fetchone()[0]
    connection.close()
    assert acknowledged <= runs
    assert len(runs) == len(acknowledged), "one idempotency key is one run, also when the answer was lost"
    assert [event[0] for event in events] == list(range(1, len(events) + 1))
    assert max(Counter(keys).values()) == 1
    assert slots == 0
    for run_id in runs:
        own = [(run_seq, kind) for _, run, run_seq, kind in events if run == run_id]
        assert [run_seq for run_seq, _ in own] == list(range(1, len(own) + 1))
        assert [kind for _, kind in own if kind in TERMINAL] == [own[-1][1]]
